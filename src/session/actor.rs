//! The task of a session: serves what needs its Python, one request after the other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{MORE_STEPS, Session, SessionError, Ticket, convert};
use crate::agent::conversation::Prune;
use crate::agent::{Agent, Code, Failure, Run, act, now};
use crate::engine::{self, Answers, Emit, Query, State, Told, Unit};
use crate::model::{self, Model, ModelError};
use crate::protocol::{
    ErrorKind, Event, ExecResult, FinalSource, RunError, RunMetadata, RunResult, RunState,
    StepResult, StepState,
};

type Reply<T> = oneshot::Sender<Result<T, SessionError>>;

/// Time that a recording's file system gets.
const MODEL_PATIENCE: Duration = Duration::from_secs(30);

/// A request that needs the session's Python.
#[derive(Debug)]
pub enum Command {
    /// Run code without a model.
    Exec {
        /// The code.
        code: String,
        /// Takes the answer.
        reply: Reply<ExecResult>,
    },
    /// Work on a task until it is answered.
    Run {
        /// What to do.
        order: Order,
        /// Takes the answer.
        reply: Reply<RunResult>,
    },
    /// Take one turn of a task.
    Step {
        /// The task to begin, else the one that was begun goes on.
        task: Option<String>,
        /// Takes the answer.
        reply: Reply<StepResult>,
    },
    /// Say something about the names.
    Ask {
        /// What is asked.
        query: Query,
        /// Takes the answer.
        reply: Reply<Told>,
    },
    /// Make the namespace fresh.
    Reset {
        /// Takes the answer.
        reply: Reply<()>,
    },
    /// Go back to a checkpoint.
    Rewind {
        /// Its number.
        checkpoint: u64,
        /// Takes the answer.
        reply: Reply<()>,
    },
}

/// A task to run.
#[derive(Debug)]
pub struct Order {
    /// The run's id.
    pub run: String,
    /// The task.
    pub task: String,
    /// Turns that it may take.
    pub max_steps: u32,
    /// Whether to log the steps.
    pub verbose: bool,
}

/// A request in the queue.
#[derive(Debug)]
pub struct Queued {
    /// The request.
    pub command: Command,
    /// Where it stands.
    pub ticket: Arc<Ticket>,
}

/// What the task of a session owns.
pub struct Actor {
    pub session: Arc<Session>,
    pub unit: Box<dyn Unit>,
    /// Answers to the calls of tools that the code makes.
    pub answers: Answers,
    pub model: model::Source,
    /// Opened when it is first needed, so that sessions without a model need none.
    pub opened: Option<Arc<dyn Model>>,
}

impl Actor {
    /// Serves the queue until the session closes, and then ends all that runs in it.
    pub async fn serve(mut self, mut queue: mpsc::Receiver<Queued>) {
        let closing = self.session.closing.clone();
        loop {
            let queued = tokio::select! {
                biased;
                () = closing.cancelled() => break,
                queued = queue.recv() => queued,
                () = self.idle() => continue,
            };
            let Some(queued) = queued else { break };
            match queued.ticket.begin(self.session.log.head().seq) {
                true => self.handle(queued).await,
                false => drop(self.session.stops().pop_front()),
            }
        }
        queue.close();
        self.unit.close().await;
        let reason = self.session.reason().take().unwrap_or_default();
        self.session.log.append(Event::SessionClosed { reason });
    }

    /// Hears what the last step left running.
    async fn idle(&mut self) {
        let session = &self.session;
        let step = session.memory().step;
        self.unit.idle(&StepEvents(step, session)).await;
    }

    async fn handle(&mut self, Queued { command, ticket }: Queued) {
        let stop = ticket.stop.clone();
        match command {
            Command::Exec { code, reply } => {
                let result = self.exec(code, &stop).await;
                self.answer_and_keep(reply, result).await;
            }
            Command::Run { order, reply } => {
                let result = self.run(order, &stop).await;
                self.answer(reply, result);
            }
            Command::Step { task, reply } => {
                let result = self.step(task, &stop).await;
                self.answer_and_keep(reply, result).await;
            }
            Command::Ask { query, reply } => {
                let result = self.ask(&query, &stop).await;
                self.answer(reply, result);
            }
            Command::Reset { reply } => {
                let result = self.reset().await;
                self.answer(reply, result);
            }
            Command::Rewind { checkpoint, reply } => {
                let result = self.rewind(checkpoint).await;
                self.answer(reply, result);
            }
        }
    }

    fn answer<T>(&self, reply: Reply<T>, result: Result<T, SessionError>) {
        self.session.stops().pop_front(); // who has the answer must not see the session busy with it
        drop(reply.send(result)); // one that nobody waits for any more is in the event log all the same
    }

    /// Answers first, since to keep what the session is now takes time.
    async fn answer_and_keep<T>(&mut self, reply: Reply<T>, result: Result<T, SessionError>) {
        let session = Arc::clone(&self.session);
        // Held from before the answer on, so that whoever has it finds the checkpoint.
        let mut checkpoints = session.checkpoints.lock().await;
        let changed = result.is_ok();
        self.answer(reply, result);
        if changed {
            checkpoints
                .keep(self.unit.as_mut(), &session.memory, &session.recorder)
                .await;
        }
    }

    async fn exec(
        &mut self,
        code: String,
        stop: &CancellationToken,
    ) -> Result<ExecResult, SessionError> {
        let session = &self.session;
        let step = session.memory().begin_step();
        session.recorder.step_started(step);
        session.log.append(Event::Code {
            step,
            code: code.clone(),
        });
        let events = StepEvents(step, session);
        let result = act(
            self.unit.as_mut(),
            &session.memory,
            Code { step, code: &code },
            &mut self.answers,
            &events,
            stop,
        );
        let (outcome, error) = match result.await {
            Ok(outcome) => (Some(outcome), None),
            Err(error) => (None, Some(error)),
        };
        session.recorder.step_finished(step, outcome);
        match error {
            Some(error) => Err(error.into()),
            None => session.recorder.take_latest().ok_or(SessionError::Closed),
        }
    }

    async fn ask(&mut self, query: &Query, stop: &CancellationToken) -> Result<Told, SessionError> {
        let session = &self.session;
        let step = session.memory().step;
        let told = self.unit.ask(query, &StepEvents(step, session), stop).await;
        told.map_err(|gone| {
            if gone.state == State::Lost {
                session.memory().python_was_lost();
            }
            gone.into()
        })
    }

    async fn reset(&mut self) -> Result<(), SessionError> {
        let reset = self.unit.reset().await;
        self.session.memory().python_was_lost(); // also where there is no fresh one yet
        Ok(reset?)
    }

    async fn rewind(&mut self, number: u64) -> Result<(), SessionError> {
        let session = &self.session;
        let mut checkpoints = session.checkpoints.lock().await;
        let Some(checkpoint) = checkpoints.get(number).cloned() else {
            return Err(SessionError::NoCheckpoint(convert::checkpoint_name(number)));
        };
        let rewound = self.unit.rewind(number).await;
        checkpoints.forget_lost(self.unit.as_ref());
        if let Err(error) = rewound {
            session.memory().python_was_lost();
            return Err(error.into());
        }
        session.go_back(&checkpoint.memory);
        session.log.append(Event::Rewound {
            checkpoint: convert::checkpoint_name(number),
            step: checkpoint.memory.step,
        });
        Ok(())
    }

    async fn run(
        &mut self,
        order: Order,
        stop: &CancellationToken,
    ) -> Result<RunResult, SessionError> {
        let started = Instant::now();
        self.session.memory().turns = None;
        self.session.recorder.set_run(Some(order.run.clone()));
        self.session.log.append(Event::RunStarted {
            run: order.run.clone(),
            task: order.task.clone(),
            max_steps: order.max_steps,
        });
        if order.verbose {
            tracing::info!(session = self.session.id, run = order.run, "run started");
        }
        let run = match self.open_model().await {
            Ok(model) => {
                let mut agent = self.agent(model.as_ref(), stop);
                agent.begin(&order.task);
                agent.run(order.max_steps).await
            }
            Err(error) => failed(error),
        };
        let result = self.run_result(&order, run, started.elapsed());
        if order.verbose {
            let steps = result.steps_taken;
            tracing::info!(
                session = self.session.id,
                run = order.run,
                steps,
                "run finished: {:?}",
                result.state
            );
        }
        self.session.recorder.set_run(None);
        self.session.log.append(Event::RunFinished {
            run: order.run,
            result: result.clone(),
        });
        Ok(result)
    }

    fn run_result(&self, order: &Order, run: Run, took: Duration) -> RunResult {
        let last = run.turns == order.max_steps && order.max_steps > 1;
        let source = if last {
            FinalSource::FinalAttempt
        } else {
            FinalSource::Normal
        };
        let output = run
            .answer
            .as_ref()
            .map_or(run.last_output, |(answer, _)| answer.text.clone());
        let (state, error) = match run.answer {
            Some(_) => (RunState::Completed, None),
            None => why_no_answer(run.failure, order.max_steps),
        };
        let final_answer = run
            .answer
            .map(|(answer, step)| convert::final_answer(answer, source, step, now()));
        RunResult {
            output,
            final_answer,
            state,
            steps_taken: run.turns,
            duration_seconds: took.as_secs_f64(),
            error,
            metadata: RunMetadata {
                run: order.run.clone(),
                session: self.session.id.clone(),
                usage: convert::usage(run.usage),
            },
        }
    }

    async fn step(
        &mut self,
        task: Option<String>,
        stop: &CancellationToken,
    ) -> Result<StepResult, SessionError> {
        let model = self.open_model().await?;
        if let Some(task) = task {
            self.agent(model.as_ref(), stop).begin(&task);
            self.session.memory().turns = Some(0);
        }
        let turns = self.session.memory().turns;
        let taken = turns.ok_or(SessionError::NoTask)?;
        let left = self.session.options.limits.max_steps.saturating_sub(taken);
        if left == 0 {
            self.session.memory().turns = None;
            return Err(SessionError::StepLimit(taken));
        }
        let turn = self
            .agent(model.as_ref(), stop)
            .turn(left)
            .await
            .map_err(|failure| match failure {
                Failure::Cancelled => SessionError::Cancelled,
                Failure::Model(error) => error.into(),
                Failure::Engine(error) => error.into(),
            })?;
        let source = if left == 1 && taken > 0 {
            FinalSource::FinalAttempt
        } else {
            FinalSource::Normal
        };
        let answered = turn.answer.is_some();
        let state = match () {
            () if answered => StepState::Completed,
            () if turn.interrupted => StepState::Cancelled,
            () if left == 1 => StepState::StepLimitReached,
            () => StepState::Running,
        };
        let done = matches!(state, StepState::Completed | StepState::StepLimitReached);
        self.session.memory().turns = (!done).then_some(taken + 1);
        Ok(StepResult {
            step: turn.step,
            reply: turn.reply,
            code: turn.code,
            result: self.session.recorder.take_latest(),
            done,
            final_answer: turn
                .answer
                .map(|answer| convert::final_answer(answer, source, turn.step, now())),
            state,
        })
    }

    async fn open_model(&mut self) -> Result<Arc<dyn Model>, ModelError> {
        if let Some(model) = &self.opened {
            return Ok(Arc::clone(model));
        }
        // It may read a file, whose file system may hang.
        let source = self.model.clone();
        let opened = tokio::task::spawn_blocking(move || model::open(&source));
        let opened = timeout(MODEL_PATIENCE, opened).await;
        let model = opened.ok().and_then(Result::ok).unwrap_or_else(|| {
            Err(ModelError {
                message: "the recording's file system does not answer".to_owned(),
                hint: None,
            })
        })?;
        Ok(Arc::clone(self.opened.insert(model)))
    }

    fn agent<'a>(&'a mut self, model: &'a dyn Model, stop: &'a CancellationToken) -> Agent<'a> {
        let options = &self.session.options;
        Agent {
            model,
            unit: self.unit.as_mut(),
            answers: &mut self.answers,
            memory: &self.session.memory,
            events: &self.session.recorder,
            stop,
            timeout: Duration::from_secs_f64(options.limits.timeout_seconds),
            prune: match options.enable_pruning {
                true => Prune::KeepLast(options.prune_keep_last as usize),
                false => Prune::None,
            },
            checkpoints: &self.session.checkpoints,
        }
    }
}

/// Passes on what happens in a step, or after it.
struct StepEvents<'a>(u64, &'a Session);

impl Emit<engine::Event> for StepEvents<'_> {
    fn emit(&self, event: engine::Event) {
        self.1.recorder.engine_event(self.0, event);
    }
}

fn failed(error: ModelError) -> Run {
    Run {
        answer: None,
        failure: Some(Failure::Model(error)),
        turns: 0,
        last_output: String::new(),
        usage: model::Usage::default(),
    }
}

fn why_no_answer(failure: Option<Failure>, max_steps: u32) -> (RunState, Option<RunError>) {
    let (state, kind, message, hint) = match failure {
        None => {
            let message = SessionError::StepLimit(max_steps).to_string();
            (
                RunState::StepLimitReached,
                ErrorKind::StepLimitReached,
                message,
                Some(MORE_STEPS.to_owned()),
            )
        }
        Some(Failure::Cancelled) => (
            RunState::Cancelled,
            ErrorKind::Cancelled,
            "the run was stopped".to_owned(),
            None,
        ),
        Some(Failure::Model(error)) => (
            RunState::Error,
            ErrorKind::ModelError,
            error.message,
            error.hint,
        ),
        Some(Failure::Engine(error)) => (
            RunState::Error,
            ErrorKind::TrustLevelUnavailable,
            error.to_string(),
            None,
        ),
    };
    (
        state,
        Some(RunError {
            kind,
            message,
            hint,
        }),
    )
}
