//! Sessions: each owns its Python, its memory and its event log, and outlives its clients.
//!
//! What needs the Python is queued and served by the session's own task, first in, first out
//! (`actor.rs`); everything else answers at once.

mod actor;
mod arguments;
mod calls;
mod convert;
mod error;
pub mod log;
mod namespace;
mod prompt;
mod recorder;
mod registry;
mod schema;
mod signature;
mod tools;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::agent::checkpoints::Checkpoints;
use crate::agent::conversation::EntryKind;
use crate::agent::{Memory, now, scratchpad};
use crate::engine::Raise;
use crate::protocol::{
    CheckpointInfo, ExecResult, KeySource, MemoryList, MemoryOp, MemoryPrune, MemoryPruned,
    RunResult, SessionInfo, SessionOptions, SessionState, Signal, StepEntry, StepResult, Tool,
    TrustLevel,
};
use actor::{Command, Order, Queued};
pub use error::{MORE_STEPS, SessionError};
use log::Log;
pub use namespace::When;
use prompt::Prompt;
use recorder::Recorder;
pub use registry::{Engines, Environment, Registry};
use tools::Toolbox;

/// Requests that may wait on one session.
const MAX_WAITING: usize = 64;

/// A session, as those who use it hold it.
#[derive(Debug)]
pub struct Session {
    /// Its id.
    pub id: String,
    created: f64,
    options: SessionOptions,
    /// What its sandbox promises and this system cannot enforce.
    not_enforced: Vec<String>,
    /// Whose key its model's server is sent.
    key: KeySource,
    prompt: Prompt,
    queue: mpsc::Sender<Queued>,
    /// What stops each request that is running or waiting, oldest first.
    stops: Mutex<VecDeque<Stop>>,
    memory: Arc<Mutex<Memory>>,
    log: Arc<Log>,
    tools: Arc<Mutex<Toolbox>>,
    recorder: Recorder,
    /// Locked while one is made, which takes a moment.
    checkpoints: AsyncMutex<Checkpoints>,
    closing: CancellationToken,
    /// Why it is closing; the first reason stays.
    reason: Mutex<Option<String>>,
    /// Turns true when all that ran in the session is gone.
    closed: watch::Sender<bool>,
}

/// What stops a request.
#[derive(Debug)]
struct Stop {
    token: CancellationToken,
    /// Whether it only looks at names, which does not make the session busy.
    looks: bool,
}

/// Where a queued request stands, as those who wait for it and the session's task see it.
#[derive(Debug)]
pub struct Ticket {
    /// Stops it.
    stop: CancellationToken,
    /// Number of the latest event before it began.
    begun: watch::Sender<Option<u64>>,
    given_up: AtomicBool,
}

impl Ticket {
    /// Called when it is its turn, with the number of the latest event; says whether somebody still
    /// wants it.
    fn begin(&self, seq: u64) -> bool {
        self.begun.send_replace(Some(seq));
        !self.given_up.load(Ordering::SeqCst)
    }

    /// Stops it, or has it left out if it has not begun; says whether it has.
    fn give_up(&self) -> bool {
        self.given_up.store(true, Ordering::SeqCst);
        self.stop.cancel();
        self.begun.borrow().is_some()
    }
}

/// The answer to a queued request, to be waited for. Dropping it lets the request go on.
#[derive(Debug)]
pub struct Pending<T> {
    answer: oneshot::Receiver<Result<T, SessionError>>,
    ticket: Arc<Ticket>,
}

impl<T> Pending<T> {
    /// Says when it is its turn, with the number of the latest event before: its own come after that.
    #[must_use]
    pub fn begun(&self) -> watch::Receiver<Option<u64>> {
        self.ticket.begun.subscribe()
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// When the request came to nothing.
    pub async fn answer(self) -> Result<T, SessionError> {
        self.answer.await.unwrap_or(Err(SessionError::Closed))
    }

    /// Waits for the answer, or gives the request up when `cancel` says so: at once where it has not
    /// begun, else when what it does has been stopped.
    ///
    /// # Errors
    /// When the request came to nothing, or was given up.
    pub async fn answer_or(self, cancel: &CancellationToken) -> Result<T, SessionError> {
        let answer = self.answer_or_rest(cancel).await;
        match cancel.is_cancelled() {
            true => Err(SessionError::Cancelled),
            false => answer,
        }
    }

    /// The same, but what was stopped after it had begun still answers how far it came.
    ///
    /// # Errors
    /// When the request came to nothing, or was given up before it began.
    pub async fn answer_or_rest(self, cancel: &CancellationToken) -> Result<T, SessionError> {
        let ticket = Arc::clone(&self.ticket);
        let mut answer = std::pin::pin!(self.answer());
        tokio::select! {
            answer = &mut answer => answer,
            () = cancel.cancelled() => match ticket.give_up() {
                true => answer.await,
                false => Err(SessionError::Cancelled),
            }
        }
    }
}

impl Session {
    /// What clients are told of the session.
    #[must_use]
    pub fn info(&self) -> SessionInfo {
        let state = if self.closing.is_cancelled() {
            SessionState::Closed
        } else if self.stops().iter().all(|stop| stop.looks) {
            SessionState::Idle
        } else {
            SessionState::Busy
        };
        SessionInfo {
            session: self.id.clone(),
            name: self.options.name.clone(),
            trust_level: self.options.trust_level,
            state,
            step: self.memory().step,
            created: self.created,
            limits: self.options.limits.clone(),
            model: self.options.model.clone(),
            key: self.key,
            extra_imports: self.options.extra_imports.clone(),
            network: self.options.network(),
            sandbox: self.options.sandbox(),
            not_enforced: self.not_enforced.clone(),
            tools: self
                .toolbox()
                .tools()
                .map(|tool| tool.name.clone())
                .collect(),
            seq: self.log.head().seq,
        }
    }

    /// The event log.
    #[must_use]
    pub const fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// Queues code to run.
    ///
    /// # Errors
    /// When too many requests wait, or the session is closed.
    pub fn exec(&self, code: String) -> Result<Pending<ExecResult>, SessionError> {
        self.submit(|reply| Command::Exec { code, reply })
    }

    /// Queues a task to run; also says the run's id.
    ///
    /// # Errors
    /// When too many requests wait, or the session is closed.
    pub fn run(
        &self,
        task: String,
        max_steps: u32,
        verbose: bool,
    ) -> Result<(String, Pending<RunResult>), SessionError> {
        let run = registry::new_id("run");
        let order = Order {
            run: run.clone(),
            task,
            max_steps: max_steps.min(self.options.limits.max_steps),
            verbose,
        };
        Ok((run, self.submit(|reply| Command::Run { order, reply })?))
    }

    /// Queues one turn of a task.
    ///
    /// # Errors
    /// When too many requests wait, or the session is closed.
    pub fn step(&self, task: Option<String>) -> Result<Pending<StepResult>, SessionError> {
        self.submit(|reply| Command::Step { task, reply })
    }

    /// Queues a reset: a fresh namespace; the memory is kept.
    ///
    /// # Errors
    /// When too many requests wait, or the session is closed.
    pub fn reset(&self) -> Result<Pending<()>, SessionError> {
        self.submit(|reply| Command::Reset { reply })
    }

    /// Where the session can go back to, oldest first.
    pub async fn checkpoints(&self) -> Vec<CheckpointInfo> {
        let checkpoints = self.checkpoints.lock().await;
        checkpoints.list().iter().map(convert::checkpoint).collect()
    }

    /// Queues going back to a checkpoint: Python state, memory and conversation together.
    ///
    /// # Errors
    /// When there is none of this name, too many requests wait, or the session is closed.
    pub fn rewind(&self, checkpoint: &str) -> Result<Pending<()>, SessionError> {
        let unknown = || SessionError::NoCheckpoint(checkpoint.to_owned());
        let number = convert::checkpoint_number(checkpoint).ok_or_else(unknown)?;
        self.submit(|reply| Command::Rewind {
            checkpoint: number,
            reply,
        })
    }

    /// Remembers what it remembered then; the model is told the tools of today.
    fn go_back(&self, then: &Memory) {
        let toolbox = self.toolbox();
        let mut memory = self.memory();
        memory.go_back(then);
        if memory.tools.differ_from(&then.tools) {
            self.tell_tools(&toolbox, &mut memory);
        }
    }

    fn tell_tools(&self, toolbox: &Toolbox, memory: &mut Memory) {
        let prompt = self.prompt.with_tools(toolbox.tools());
        if !memory.conversation.set_system_prompt(&prompt) {
            let note = prompt::tools_now(toolbox.tools());
            memory.conversation.push(now(), EntryKind::Tools(note));
        }
    }

    fn submit<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, SessionError>>) -> Command,
    ) -> Result<Pending<T>, SessionError> {
        let mut stops = self.stops();
        self.enqueue(&mut stops, false, command)
    }

    /// Queues a request. What stops requests is held meanwhile, so that both queues have the same order.
    fn enqueue<T>(
        &self,
        stops: &mut VecDeque<Stop>,
        looks: bool,
        command: impl FnOnce(oneshot::Sender<Result<T, SessionError>>) -> Command,
    ) -> Result<Pending<T>, SessionError> {
        let (reply, answer) = oneshot::channel();
        let ticket = Arc::new(Ticket {
            stop: self.closing.child_token(),
            begun: watch::Sender::new(None),
            given_up: AtomicBool::new(false),
        });
        let queued = Queued {
            command: command(reply),
            ticket: Arc::clone(&ticket),
        };
        self.queue.try_send(queued).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SessionError::Busy(MAX_WAITING),
            mpsc::error::TrySendError::Closed(_) => SessionError::Closed,
        })?;
        stops.push_back(Stop {
            token: ticket.stop.clone(),
            looks,
        });
        Ok(Pending { answer, ticket })
    }

    /// Stops what runs; says whether anything did.
    pub fn interrupt(&self) -> bool {
        let stops = self.stops();
        let first = stops.front();
        first.inspect(|stop| stop.token.cancel()).is_some()
    }

    /// Ends the session and waits until all that ran in it is gone.
    pub async fn close(&self, reason: &str) {
        self.reason().get_or_insert_with(|| reason.to_owned());
        self.closing.cancel();
        let mut closed = self.closed.subscribe();
        let _ = closed.wait_for(|closed| *closed).await;
    }

    /// Adds tools, of which `owner` runs those of kind `client`: all of them, or none. The next step has
    /// them.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn add_tools(
        &self,
        tools: Vec<Tool>,
        owner: &CancellationToken,
    ) -> Result<(), SessionError> {
        if tools.is_empty() {
            return Ok(());
        }
        let mut toolbox = self.toolbox();
        toolbox.add(tools, owner)?;
        let mut memory = self.memory();
        memory.tools.replace(toolbox.functions());
        self.tell_tools(&toolbox, &mut memory);
        Ok(())
    }

    /// The tools.
    #[must_use]
    pub fn tools(&self) -> Vec<Tool> {
        self.toolbox().tools().cloned().collect()
    }

    /// Answers the call of a tool; says whether it waited.
    pub fn answer_call(&self, number: u64, result: Result<Value, Raise>) -> bool {
        self.recorder.answer_call(number, result)
    }

    /// How far its code is trusted.
    #[must_use]
    pub const fn trust_level(&self) -> TrustLevel {
        self.options.trust_level
    }

    /// The interpreter that was asked for.
    #[must_use]
    pub fn python(&self) -> Option<&str> {
        self.options.python.as_deref()
    }

    /// The signals that came after event `since`.
    #[must_use]
    pub fn signals(&self, since: u64) -> Vec<Signal> {
        self.recorder.signals(since)
    }

    /// Stores a value in the scratchpad. Says whether there was room.
    pub fn store(&self, name: &str, value: Value) -> bool {
        let stored = self.memory().scratchpad.store(name.to_owned(), value);
        if stored {
            self.recorder.memory_changed(name, MemoryOp::Store);
        }
        stored
    }

    /// Reads a value of the scratchpad.
    #[must_use]
    pub fn recall(&self, name: &str) -> Option<Value> {
        self.memory().scratchpad.recall(name).map(convert::stored)
    }

    /// Notes an observation.
    pub fn observe(&self, text: &str) {
        self.memory().scratchpad.observe(text);
        self.recorder
            .memory_changed("observations", MemoryOp::Observe);
    }

    /// Notes what did not work.
    pub fn fail(&self, text: &str) {
        self.memory().scratchpad.fail(text);
        self.recorder
            .memory_changed("failed_approaches", MemoryOp::Fail);
    }

    /// Forgets the scratchpad.
    pub fn clear_memory(&self) {
        self.memory().scratchpad.clear();
        self.recorder.memory_changed("*", MemoryOp::Clear);
    }

    /// Lists the scratchpad.
    #[must_use]
    pub fn list_memory(&self) -> MemoryList {
        let memory = self.memory();
        let variables = memory.scratchpad.variables();
        let notes = |notes: &[Arc<str>]| notes.iter().map(|note| note.to_string()).collect();
        MemoryList {
            variables: variables
                .map(|(name, value)| (name.to_owned(), convert::stored(value)))
                .collect(),
            observations: notes(memory.scratchpad.observations()),
            failed_approaches: notes(memory.scratchpad.failed()),
        }
    }

    /// The scratchpad as the model is shown it.
    #[must_use]
    pub fn memory_context(&self) -> String {
        self.memory().scratchpad.context()
    }

    /// The steps of the conversation.
    #[must_use]
    pub fn steps(&self) -> Vec<StepEntry> {
        self.memory()
            .conversation
            .entries()
            .iter()
            .map(|entry| convert::step_entry(entry))
            .collect()
    }

    /// Makes the conversation shorter.
    pub fn prune(&self, params: &MemoryPrune) -> MemoryPruned {
        let mut memory = self.memory();
        let steps_before = memory.conversation.entries().len();
        memory
            .conversation
            .prune(convert::prune(params, self.options.prune_keep_last));
        MemoryPruned {
            steps_before,
            steps_after: memory.conversation.entries().len(),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn toolbox(&self) -> MutexGuard<'_, Toolbox> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stops(&self) -> MutexGuard<'_, VecDeque<Stop>> {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reason(&self) -> MutexGuard<'_, Option<String>> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Most names that a scratchpad holds.
pub const MAX_NAMES: usize = scratchpad::MAX_NAMES;

/// Most bytes of memory that its values take.
pub const MAX_WEIGHT: usize = scratchpad::MAX_WEIGHT;
