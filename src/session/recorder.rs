//! Writes down what happens in a session: into its event log, its signals and its memory.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::calls::Calls;
use super::convert;
use super::log::Log;
use super::tools::Toolbox;
use crate::agent::{self, Memory};
use crate::engine::{self, Emit, MemoryChange, Outcome, Raise, Stream};
use crate::protocol::{Event, ExecResult, MemoryOp, Signal};

/// Most signals that a session holds; the oldest go first.
const MAX_SIGNALS: usize = 2_000;
/// Most signals of one step that are taken.
const MAX_STEP_SIGNALS: usize = 1_000;
/// Most changes of the scratchpad that one step makes which become events.
const MAX_STEP_CHANGES: usize = 10_000;
/// What is said where further ones do not.
const CHANGES_LEFT_OUT: &str =
    "[the scratchpad was changed so often in this step that further changes are not told]\n";
/// Most characters of a signal's message.
const MAX_MESSAGE: usize = 2_000;

/// The one who writes down what happens in a session.
#[derive(Debug)]
pub struct Recorder {
    log: Arc<Log>,
    memory: Arc<Mutex<Memory>>,
    calls: Calls,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// Signals of the session, oldest first.
    signals: Vec<Signal>,
    /// Those of the step that runs.
    of_step: Vec<Signal>,
    /// Changes of the scratchpad that the code made in it.
    changes: usize,
    /// What the latest step with code did, until somebody takes it.
    latest: Option<ExecResult>,
    /// The run that goes on.
    run: Option<String>,
    /// The step that ended last.
    finished: u64,
}

impl Recorder {
    pub fn new(log: Arc<Log>, memory: Arc<Mutex<Memory>>, tools: Arc<Mutex<Toolbox>>) -> Self {
        Self {
            calls: Calls::new(Arc::clone(&log), tools),
            log,
            memory,
            book: Mutex::default(),
        }
    }

    /// Says to which run the steps that follow belong.
    pub fn set_run(&self, run: Option<String>) {
        self.book(|book| book.run = run);
    }

    pub fn step_started(&self, step: u64) {
        let run = self.book(|book| {
            book.of_step.clear();
            book.changes = 0;
            book.latest = None;
            book.run.clone()
        });
        self.log.append(Event::StepStarted { run, step });
    }

    pub fn step_finished(&self, step: u64, outcome: Option<Outcome>) {
        self.calls.give_up();
        let result = outcome.map(|outcome| {
            let signals = self.book(|book| std::mem::take(&mut book.of_step));
            convert::exec_result(step, outcome, signals)
        });
        self.book(|book| {
            book.latest.clone_from(&result);
            book.finished = step;
        });
        self.log.append(Event::StepFinished { step, result });
    }

    /// Takes what the step that has just ended did.
    pub fn take_latest(&self) -> Option<ExecResult> {
        self.book(|book| book.latest.take())
    }

    /// The signals of the session that came after event `since`.
    pub fn signals(&self, since: u64) -> Vec<Signal> {
        self.book(|book| {
            book.signals
                .iter()
                .filter(|signal| signal.seq > since)
                .cloned()
                .collect()
        })
    }

    pub fn memory_changed(&self, name: &str, op: MemoryOp) {
        let name = name.to_owned();
        self.log.append(Event::Memory { name, op });
    }

    /// Answers a call of a tool; says whether it waited.
    pub fn answer_call(&self, id: u64, result: Result<Value, Raise>) -> bool {
        self.calls.answer(id, result)
    }

    fn book<T>(&self, work: impl FnOnce(&mut Book) -> T) -> T {
        work(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn signal(&self, step: u64, kind: engine::SignalKind, mut message: String) {
        if self.book(|book| book.of_step.len()) >= MAX_STEP_SIGNALS {
            return;
        }
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        let kind = convert::signal_kind(kind);
        let logged = self.log.append(Event::Signal {
            step,
            kind,
            message: message.clone(),
        });
        let signal = Signal {
            kind,
            message,
            step,
            seq: logged.seq,
            time: logged.time,
        };
        self.book(|book| {
            if book.signals.len() >= MAX_SIGNALS {
                book.signals.drain(..MAX_SIGNALS / 10);
            }
            book.signals.push(signal.clone());
            book.of_step.push(signal);
        });
    }

    fn code_changed_memory(&self, step: u64, change: MemoryChange) {
        let (name, op) = match &change {
            MemoryChange::Store { name, .. } => (name.clone(), MemoryOp::Store),
            MemoryChange::Observe(_) => ("observations".to_owned(), MemoryOp::Observe),
            MemoryChange::Fail(_) => ("failed_approaches".to_owned(), MemoryOp::Fail),
        };
        self.memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .scratchpad
            .apply(change);
        let changes = self.book(|book| {
            book.changes += 1;
            book.changes
        });
        if changes <= MAX_STEP_CHANGES {
            self.memory_changed(&name, op);
        } else if changes == MAX_STEP_CHANGES + 1 {
            let text = CHANGES_LEFT_OUT.to_owned();
            self.log.append(output(step, Stream::Stderr, text, false));
        }
    }

    pub fn engine_event(&self, step: u64, event: engine::Event) {
        match event {
            engine::Event::Output(stream, text) => {
                self.log.append(output(step, stream, text, false));
            }
            engine::Event::Background(stream, text) => {
                let step = self.book(|book| book.finished);
                self.log.append(output(step, stream, text, true));
            }
            engine::Event::Display(data) => {
                self.log.append(Event::Display { step, data });
            }
            engine::Event::Signal(kind, message) => self.signal(step, kind, message),
            engine::Event::Memory(change) => self.code_changed_memory(step, change),
            engine::Event::Call(call) => self.calls.call(step, call),
        }
    }
}

/// The event of something printed.
const fn output(step: u64, stream: Stream, text: String, background: bool) -> Event {
    match stream {
        Stream::Stdout => Event::Stdout {
            step,
            text,
            background,
        },
        Stream::Stderr => Event::Stderr {
            step,
            text,
            background,
        },
    }
}

impl Emit<agent::Event> for Recorder {
    fn emit(&self, event: agent::Event) {
        match event {
            agent::Event::StepStarted(step) => self.step_started(step),
            agent::Event::Delta(step, text) => {
                self.log.append(Event::ModelDelta { step, text });
            }
            agent::Event::Message(step, text, usage) => {
                let usage = convert::usage(usage);
                self.log.append(Event::ModelMessage { step, text, usage });
            }
            agent::Event::Code(step, code) => {
                self.log.append(Event::Code { step, code });
            }
            agent::Event::Engine(step, event) => self.engine_event(step, event),
            agent::Event::Failure => self.memory_changed("failed_approaches", MemoryOp::Fail),
            agent::Event::StepFinished(step, outcome) => {
                self.step_finished(step, outcome.map(|outcome| *outcome));
            }
            agent::Event::Kept { checkpoint, step } => {
                let checkpoint = convert::checkpoint_name(checkpoint);
                self.log.append(Event::Checkpoint { checkpoint, step });
            }
        }
    }
}
