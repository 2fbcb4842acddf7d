//! What runs the code of a session, at each trust level.
//!
//! Knows nothing of models, agents and the wire protocol: a step goes in, events come out while it
//! runs, and exactly one outcome ends it.

mod copies;
mod folder;
mod forking;
pub mod imports;
mod isolated;
pub mod local;
mod process;
mod python;
mod report;
pub mod sandboxed;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::worker::Reply;
pub use crate::worker::{
    Call, Inspected, Matches, Query, Raise, SignalKind, Stream, Told, Variable, heavy,
};

pub use crate::jail::{Sandbox, Without};
pub use isolated::{Isolated, Programs, Settings as IsolatedSettings};
pub use local::Local;
pub use process::kill_all;
pub use python::Interpreters;
pub use sandboxed::Sandboxed;

/// Takes the events of a step, in their order. Must not block.
pub trait Emit<E>: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: E);
}

/// Opens units of one trust level.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Whether units can be opened on this machine, and what they enforce, as far as it can be told
    /// within `patience`.
    async fn level(&self, patience: Duration) -> Level;

    /// Starts a unit with a fresh Python state.
    ///
    /// # Errors
    /// When none can be started; nothing is left behind.
    async fn open(&self, spec: Spec) -> Result<Box<dyn Unit>, EngineError>;

    /// Checks that `source` is Python that defines the function `name`, by the interpreter that a unit
    /// with this `python` would have. Nothing of it is run.
    ///
    /// # Errors
    /// What is wrong with it, as `EngineError::Option` of the field `source`.
    async fn check_tool(
        &self,
        python: Option<&str>,
        name: &str,
        source: &str,
    ) -> Result<(), EngineError>;

    /// What a sandbox promises and this system cannot enforce, in sentences.
    async fn not_enforced(&self, _sandbox: Sandbox) -> Vec<String> {
        Vec::new()
    }

    /// Ends what it has beside its units, which are closed before.
    async fn close(&self) {}
}

/// The running Python of one session. Dropping it kills it with all its processes.
#[async_trait]
pub trait Unit: Send {
    /// Runs one step to its end. `answers` are those to the calls of tools that it makes; `stop` asks for its end: first softly, after a second by force.
    ///
    /// # Errors
    /// When no Python could be had for it; the next step tries again.
    async fn step(
        &mut self,
        step: &Step<'_>,
        answers: &mut Answers,
        events: &dyn Emit<Event>,
        stop: &CancellationToken,
    ) -> Result<Outcome, EngineError>;

    /// Answers what is asked about the names of the Python that runs; it is as it was afterwards. `events`
    /// takes what threads of the code do meanwhile.
    ///
    /// # Errors
    /// When no Python runs, or it had to be ended.
    async fn ask(
        &mut self,
        query: &Query,
        events: &dyn Emit<Event>,
        stop: &CancellationToken,
    ) -> Result<Told, Unanswered>;

    /// Hears what the last step left running, until it is cancelled, which loses nothing.
    async fn idle(&mut self, _events: &dyn Emit<Event>) {
        std::future::pending::<()>().await;
    }

    /// Gives the unit a fresh Python state.
    ///
    /// # Errors
    /// When none could be started; the next step tries again.
    async fn reset(&mut self) -> Result<(), EngineError>;

    /// Keeps the Python state as it is, under a number that rises from one call to the next. The oldest
    /// ones go where there are too many. Says whether this one could be kept. `events` takes what threads of
    /// the code do to the scratchpad meanwhile.
    async fn keep(&mut self, checkpoint: u64, events: &dyn Emit<Event>) -> bool;

    /// The numbers of the states that are kept, beside `FRESH`, which is always there.
    fn kept(&self) -> Vec<u64>;

    /// Goes back to a state that was kept; those kept later stay.
    ///
    /// # Errors
    /// When that state is gone. The unit has a fresh one then, or none could be started and the next step
    /// tries again.
    async fn rewind(&mut self, checkpoint: u64) -> Result<(), EngineError>;

    /// Ends the unit, and returns when all its processes are gone.
    async fn close(&mut self);
}

/// The number of a fresh Python state.
pub const FRESH: u64 = 0;

/// What a trust level is on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// What runs the code.
    pub engine: &'static str,
    /// Version of the Python, where it is known.
    pub python_version: Option<String>,
    /// What is enforced on the code.
    pub enforced: Vec<String>,
    /// What is not enforced although it could be elsewhere, and what would bring it.
    pub missing: Vec<String>,
    /// What is still to be done before the first unit, if anything.
    pub preparing: Option<String>,
    /// Why no unit can be opened, if none can.
    pub unavailable: Option<String>,
}

/// What a unit is to be like.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The folder that the code works in, or sees a copy of.
    pub cwd: Option<PathBuf>,
    /// Whether a container has that folder itself, read-only, in place of a copy.
    pub mount: bool,
    /// The interpreter; `python3` on PATH where it is left out.
    pub python: Option<String>,
    /// Modules that the code may import; `*` allows all.
    pub imports: Vec<String>,
    /// Time that one step may take.
    pub timeout: Duration,
    /// Bytes of each stream that one step may say.
    pub max_output: usize,
    /// Whether states are kept, to come back to.
    pub checkpoints: bool,
    /// Bytes of memory that the Python may use.
    pub max_memory: Option<u64>,
    /// Processor time that what a step leaves running may take until the next one.
    pub background: Duration,
    /// What isolated code may touch.
    pub sandbox: Sandbox,
    /// Whether there is a network.
    pub network: bool,
    /// The image of a container.
    pub image: Option<String>,
}

/// One step to run.
#[derive(Debug)]
pub struct Step<'a> {
    /// Its number in the session.
    pub number: u64,
    /// Python source.
    pub code: &'a str,
    /// What clients changed in the scratchpad since the step before.
    pub memory: MemoryChanges,
    /// The tools that it may call, where they have changed since the step before.
    pub tools: Option<Vec<ToolFunction>>,
}

/// A function that the code may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolFunction {
    /// Its name.
    pub name: String,
    /// Its docstring.
    pub doc: String,
    /// Its source, where it runs beside the code; else calls of it become events.
    pub source: Option<String>,
}

/// Where the answers to calls of tools come in.
pub type Answers = mpsc::UnboundedReceiver<ToolAnswer>;

/// The answer to a call of a tool.
pub type ToolAnswer = Reply;

/// Changes of the scratchpad on their way to Python.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryChanges {
    /// Whether to forget everything first.
    pub clear: bool,
    /// Values to store.
    pub set: BTreeMap<String, Value>,
}

/// A change of the scratchpad that the code made.
#[derive(Clone, Debug, PartialEq)]
pub enum MemoryChange {
    /// A value was stored.
    Store {
        /// Under this name.
        name: String,
        /// The value.
        value: Stored,
    },
    /// Something was observed.
    Observe(String),
    /// Something did not work.
    Fail(String),
}

/// A stored value.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    /// The value itself.
    Json(Value),
    /// The `repr` of a value that only Python holds.
    Repr(String),
}

/// Something that happened while a step ran.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The code printed something.
    Output(Stream, String),
    /// What an earlier step left running printed something.
    Background(Stream, String),
    /// The code gave a signal.
    Signal(SignalKind, String),
    /// The code changed the scratchpad.
    Memory(MemoryChange),
    /// The code showed something richer than text.
    Display(Map<String, Value>),
    /// The code calls a tool, and waits for the answer.
    Call(Call),
}

/// An exception that ended the code, or what ended it in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PyError {
    /// Name of the exception's class.
    pub kind: String,
    /// What it says.
    pub message: String,
    /// The traceback, with the code's own lines.
    pub traceback: String,
    /// Line of the step's code, from 1.
    pub line: Option<u32>,
    /// The tool that raised it.
    pub tool: Option<String>,
}

/// The value given to `final_answer`.
#[derive(Clone, Debug, PartialEq)]
pub struct Final {
    /// The value as JSON where it can be, else its `repr`.
    pub value: Value,
    /// The value as `str` shows it.
    pub text: String,
}

/// What became of the Python state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is what the code left.
    Kept,
    /// The step was killed: it is what it was before the step.
    Restored,
    /// It could not be brought back: the unit has a fresh one.
    Lost,
}

/// What one step did.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What was printed to stdout, cut to `max_output`.
    pub output: String,
    /// What was printed to stderr, cut to `max_output`.
    pub stderr: String,
    /// Whether anything was cut.
    pub truncated: bool,
    /// `repr` of a last bare expression.
    pub value: Option<String>,
    /// The final answer.
    pub answer: Option<Final>,
    /// Why the code did not run to its end.
    pub error: Option<PyError>,
    /// Whether the step was stopped because it took too long.
    pub timeout: bool,
    /// Whether the step was stopped because somebody asked for it.
    pub interrupted: bool,
    /// Time that the code ran.
    pub duration: Duration,
    /// Rich output, also sent as events.
    pub display: Vec<Map<String, Value>>,
    /// Names of the session's own that the code bound to something else.
    pub rebound: Vec<String>,
    /// What became of the Python state.
    pub state: State,
}

/// An engine could not do its part. The session stays and its memory is kept.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The level, or the interpreter asked for, does not work on this machine.
    #[error("{message}")]
    Unavailable {
        /// What is wrong, in the user's words.
        message: String,
        /// What to do next.
        hint: String,
    },
    /// An option of the session cannot be met.
    #[error("{field}: {message}")]
    Option {
        /// The option.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// What held a checkpoint has ended. The unit has a fresh Python.
    #[error("what held this checkpoint is gone; the session has a fresh Python")]
    Gone,
}

/// A query has no answer, and the Python that it was about is gone.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Unanswered {
    /// What happened to it.
    pub message: String,
    /// What the unit has now.
    pub state: State,
}

impl EngineError {
    /// A level that does not work on this machine, about which `tinycode doctor` says more.
    fn unavailable(message: impl Display) -> Self {
        Self::Unavailable {
            message: message.to_string(),
            hint: "`tinycode doctor` says what works on this machine".to_owned(),
        }
    }
}

impl Spec {
    /// Makes sure that there is the folder that the code is to work in.
    fn check_cwd(&self) -> Result<(), EngineError> {
        match self.cwd.as_deref().filter(|cwd| !cwd.is_dir()) {
            None => Ok(()),
            Some(cwd) => Err(EngineError::Option {
                field: "cwd",
                message: format!("there is no folder '{}'", cwd.display()),
            }),
        }
    }
}
