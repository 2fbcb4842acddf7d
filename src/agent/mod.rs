//! The agent: think, act, observe, until `final_answer`, the step limit, or somebody stops it.
//!
//! Knows two traits, `Model` and `Unit`, and nothing of sessions and the wire protocol.

pub mod checkpoints;
pub mod conversation;
pub mod observe;
pub mod parse;
pub mod prompt;
pub mod scratchpad;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::Mutex as AsyncMutex;
use tokio_util::sync::CancellationToken;

use crate::engine::{
    self, Answers, Emit, EngineError, Final, MemoryChanges, Outcome, State, Step, ToolFunction,
    Unit,
};
use crate::model::{Model, ModelError, Reply, Usage};
use checkpoints::Checkpoints;
use conversation::{Action, Conversation, EntryKind, Prune};
use observe::{ErrorView, Observation};
use scratchpad::Scratchpad;

/// What a session remembers. Shared by the agent, which works with it, and clients, which look at it
/// and steer by it.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// What was said.
    pub conversation: Conversation,
    /// What was noted.
    pub scratchpad: Scratchpad,
    /// What the code may call.
    pub tools: Tools,
    /// Number of the latest step; 0 before the first.
    pub step: u64,
    /// Turns that the task begun by a single step has taken; `None` where none goes on.
    pub turns: Option<u32>,
}

/// The tools of a session.
#[derive(Clone, Debug, Default)]
pub struct Tools {
    functions: Vec<ToolFunction>,
    /// Whether Python has not been told the latest.
    untold: bool,
}

impl Tools {
    /// Puts these tools in the place of those before.
    pub fn replace(&mut self, functions: Vec<ToolFunction>) {
        self.functions = functions;
        self.untold = true;
    }

    /// Whether they are not the same as those.
    #[must_use]
    pub fn differ_from(&self, those: &Self) -> bool {
        self.functions != those.functions
    }

    /// Signature and description of a tool.
    #[must_use]
    pub fn doc(&self, name: &str) -> Option<&str> {
        let tool = self.functions.iter().find(|tool| tool.name == name);
        tool.map(|tool| tool.doc.as_str())
    }
}

impl Memory {
    /// What Python has to be told with the next step.
    pub fn take_untold(&mut self) -> (MemoryChanges, Option<Vec<ToolFunction>>) {
        let untold = std::mem::take(&mut self.tools.untold);
        let tools = untold.then(|| self.tools.functions.clone());
        (self.scratchpad.take_changes(), tools)
    }

    /// Begins anew with a fresh Python, which has to be told everything.
    pub fn python_was_lost(&mut self) {
        self.scratchpad.python_was_lost();
        self.tools.untold = !self.tools.functions.is_empty();
    }

    /// Goes back to what it was, with the Python of that time. The tools stay those of today.
    pub fn go_back(&mut self, before: &Self) {
        self.conversation = before.conversation.clone();
        self.scratchpad = before.scratchpad.clone();
        self.step = before.step;
        self.turns = before.turns;
        self.tools.untold = true;
    }

    /// The number of the step that begins now.
    pub const fn begin_step(&mut self) -> u64 {
        self.step += 1;
        self.step
    }
}

/// Something that happened in a step.
#[derive(Clone, Debug)]
pub enum Event {
    /// A step began.
    StepStarted(u64),
    /// The model said some more.
    Delta(u64, String),
    /// The model's reply is whole.
    Message(u64, String, Usage),
    /// Code is about to run.
    Code(u64, String),
    /// Something happened while the code ran.
    Engine(u64, engine::Event),
    /// A failed step was noted in the scratchpad.
    Failure,
    /// A step ended; with what its code did, if it had any and was not given up.
    StepFinished(u64, Option<Box<Outcome>>),
    /// What the session is after a step has been kept.
    Kept {
        /// Number of the checkpoint.
        checkpoint: u64,
        /// The step.
        step: u64,
    },
}

/// How a turn or a run came to no answer.
#[derive(Debug)]
pub enum Failure {
    /// Somebody stopped it.
    Cancelled,
    /// The model did not answer.
    Model(ModelError),
    /// The engine could not run the code.
    Engine(EngineError),
}

/// What one turn did.
#[derive(Debug)]
pub struct Turn {
    /// Number of the step in its session.
    pub step: u64,
    /// What the model said.
    pub reply: String,
    /// The code in it.
    pub code: Option<String>,
    /// What it cost.
    pub usage: Usage,
    /// What was printed.
    pub output: String,
    /// The answer.
    pub answer: Option<Final>,
    /// Whether the step was stopped from outside.
    pub interrupted: bool,
}

/// What a run did.
#[derive(Debug)]
pub struct Run {
    /// The answer, and the step that gave it.
    pub answer: Option<(Final, u64)>,
    /// Why there is none; `None` with an answer, and where the steps were used up.
    pub failure: Option<Failure>,
    /// Turns taken.
    pub turns: u32,
    /// What the last of them printed.
    pub last_output: String,
    /// What they cost.
    pub usage: Usage,
}

/// Everything that a turn works with.
pub struct Agent<'a> {
    /// What thinks.
    pub model: &'a dyn Model,
    /// What acts.
    pub unit: &'a mut dyn Unit,
    /// Answers to the calls of tools that it makes.
    pub answers: &'a mut Answers,
    /// What is remembered.
    pub memory: &'a Mutex<Memory>,
    /// Takes what happens.
    pub events: &'a dyn Emit<Event>,
    /// Stops the agent.
    pub stop: &'a CancellationToken,
    /// Time that a step may take, as the model is told it.
    pub timeout: Duration,
    /// How the conversation is pruned after each step.
    pub prune: Prune,
    /// Where the session can go back to.
    pub checkpoints: &'a AsyncMutex<Checkpoints>,
}

impl Agent<'_> {
    /// Adds a task to the conversation.
    pub fn begin(&self, task: &str) {
        let mut memory = self.memory();
        memory
            .conversation
            .push(now(), EntryKind::Task(task.to_owned()));
    }

    /// Takes turns until there is an answer or `max_turns` are used up.
    pub async fn run(&mut self, max_turns: u32) -> Run {
        let mut run = Run {
            answer: None,
            failure: None,
            turns: 0,
            last_output: String::new(),
            usage: Usage::default(),
        };
        while run.turns < max_turns && run.answer.is_none() && run.failure.is_none() {
            match self.turn(max_turns - run.turns).await {
                Ok(turn) => {
                    run.turns += 1;
                    run.usage += turn.usage;
                    run.answer = turn.answer.map(|answer| (answer, turn.step));
                    run.last_output = turn.output;
                    run.failure = turn.interrupted.then_some(Failure::Cancelled);
                    let mut checkpoints = self.checkpoints.lock().await;
                    checkpoints.keep(self.unit, self.memory, self.events).await;
                }
                Err(failure) => run.failure = Some(failure),
            }
        }
        run
    }

    /// Takes one turn: asks the model, runs its code, notes what came of it. `turns_left` counts
    /// this one.
    ///
    /// # Errors
    /// When there was no whole turn; the conversation is as it was before it.
    pub async fn turn(&mut self, turns_left: u32) -> Result<Turn, Failure> {
        let step = self.memory().begin_step();
        self.events.emit(Event::StepStarted(step));
        let result = self.think_and_act(step, turns_left).await;
        let (turn, outcome) = match result {
            Ok((turn, outcome)) => (Ok(turn), outcome.map(Box::new)),
            Err(failure) => (Err(failure), None),
        };
        self.events.emit(Event::StepFinished(step, outcome));
        turn
    }

    async fn think_and_act(
        &mut self,
        step: u64,
        turns_left: u32,
    ) -> Result<(Turn, Option<Outcome>), Failure> {
        let started = Instant::now();
        let reply = self.think(step).await?;
        let code = parse::code(&reply.text);
        let outcome = match &code {
            Some(code) => Some(self.act(step, code).await?),
            None => None,
        };
        let mut turn = Turn {
            step,
            reply: reply.text,
            code,
            usage: reply.usage,
            output: String::new(),
            answer: None,
            interrupted: false,
        };
        if let Some(outcome) = &outcome {
            turn.output.clone_from(&outcome.output);
            turn.answer.clone_from(&outcome.answer);
            turn.interrupted = outcome.interrupted;
        }
        self.note(&turn, outcome.as_ref(), turns_left - 1, started.elapsed());
        Ok((turn, outcome))
    }

    async fn think(&mut self, step: u64) -> Result<Reply, Failure> {
        let messages = {
            let mut memory = self.memory();
            show_scratchpad(&mut memory); // clients may have changed it since the turn before
            memory.conversation.messages()
        };
        let mut on_delta = |text: &str| self.events.emit(Event::Delta(step, text.to_owned()));
        let reply = tokio::select! {
            reply = self.model.complete(&messages, &mut on_delta) => reply.map_err(Failure::Model)?,
            () = self.stop.cancelled() => return Err(Failure::Cancelled),
        };
        self.events
            .emit(Event::Message(step, reply.text.clone(), reply.usage));
        Ok(reply)
    }

    async fn act(&mut self, step: u64, code: &str) -> Result<Outcome, Failure> {
        self.events.emit(Event::Code(step, code.to_owned()));
        let events = InStep(step, self.events);
        let code = Code { step, code };
        let acted = act(
            self.unit,
            self.memory,
            code,
            self.answers,
            &events,
            self.stop,
        );
        acted.await.map_err(Failure::Engine)
    }

    /// Adds the step to the conversation, with what the model is told of it.
    fn note(&self, turn: &Turn, outcome: Option<&Outcome>, turns_left: u32, took: Duration) {
        let mut memory = self.memory();
        let error = outcome.and_then(|outcome| outcome.error.as_ref());
        let error = error.map(|error| format!("{}: {}", error.kind, error.message));
        if let Some(error) = &error {
            memory
                .scratchpad
                .note_failure(&format!("step {}: {error}", turn.step));
            self.events.emit(Event::Failure);
        }
        let observation = match (outcome, &turn.answer) {
            (_, Some(answer)) => observe::answered(&answer.text),
            (Some(outcome), None) => {
                let last = memory.conversation.last_action();
                let repeated = last.is_some_and(|last| last.code == turn.code);
                let tool = outcome
                    .error
                    .as_ref()
                    .and_then(|error| error.tool.as_deref());
                let tool_doc = tool.and_then(|tool| memory.tools.doc(tool));
                self.observation(turn, outcome, tool_doc, repeated, turns_left)
            }
            (None, None) => observe::without_code(turns_left),
        };
        let action = Action {
            step: turn.step,
            reply: turn.reply.clone(),
            code: turn.code.clone(),
            observation,
            error,
            duration: took.as_secs_f64(),
            usage: turn.usage,
        };
        memory
            .conversation
            .push(now(), EntryKind::Action(Box::new(action)));
        memory.conversation.prune(self.prune);
    }

    fn observation(
        &self,
        turn: &Turn,
        outcome: &Outcome,
        tool_doc: Option<&str>,
        repeated: bool,
        turns_left: u32,
    ) -> String {
        let code = turn.code.as_deref().unwrap_or_default();
        let error = outcome.error.as_ref().map(|error| ErrorView {
            kind: &error.kind,
            message: &error.message,
            line: error.line,
            source_line: error
                .line
                .and_then(|line| code.lines().nth(line as usize - 1)),
            traceback: &error.traceback,
            tool_doc,
        });
        let observation = Observation {
            output: &outcome.output,
            stderr: &outcome.stderr,
            value: outcome.value.as_deref(),
            error,
            truncated: outcome.truncated,
            timeout: outcome.timeout.then_some(self.timeout.as_secs_f64()),
            lost: outcome.state == State::Lost,
            restored: outcome.state == State::Restored,
            rebound: &outcome.rebound,
            repeated,
            steps_left: Some(turns_left),
        };
        observation.render()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        lock(self.memory)
    }
}

/// The code of a step.
pub struct Code<'a> {
    /// Number of the step.
    pub step: u64,
    /// Python source.
    pub code: &'a str,
}

/// Runs the code of a step, with what Python has not been told of the memory yet; what becomes of the one
/// becomes of the other.
///
/// # Errors
/// When no Python could be had for it; the next one is a fresh one.
pub async fn act(
    unit: &mut dyn Unit,
    memory: &Mutex<Memory>,
    Code { step, code }: Code<'_>,
    answers: &mut Answers,
    events: &dyn Emit<engine::Event>,
    stop: &CancellationToken,
) -> Result<Outcome, EngineError> {
    let (before, (changes, tools)) = {
        let mut memory = lock(memory);
        (memory.scratchpad.clone(), memory.take_untold())
    };
    let order = Step {
        number: step,
        code,
        memory: changes,
        tools,
    };
    let result = unit.step(&order, answers, events, stop).await;
    let mut memory = lock(memory);
    match result.as_ref().map(|outcome| outcome.state) {
        Ok(State::Kept) => {}
        Ok(State::Restored) => {
            memory.scratchpad.go_back(before);
            memory.tools.untold = true;
        }
        Ok(State::Lost) | Err(_) => memory.python_was_lost(),
    }
    drop(memory);
    result
}

fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds the scratchpad to the conversation if the model has not seen the latest.
fn show_scratchpad(memory: &mut Memory) {
    if let Some(text) = memory.scratchpad.take_unshown() {
        let text = format!("Your memory:\n{text}");
        memory.conversation.push(now(), EntryKind::Scratchpad(text));
    }
}

/// Says of which step the engine's events are.
struct InStep<'a>(u64, &'a dyn Emit<Event>);

impl Emit<engine::Event> for InStep<'_> {
    fn emit(&self, event: engine::Event) {
        self.1.emit(Event::Engine(self.0, event));
    }
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}
