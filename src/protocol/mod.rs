//! The wire types of the daemon and its one table of methods.
//!
//! Pure serde data: this module imports nothing of ours. `editors/protocol/` is generated from it
//! (see `generated.rs`), and every transport and client takes its shapes from here.

mod error;
mod events;
mod exec;
#[cfg(test)]
mod generated;
mod memory;
mod methods;
mod namespace;
mod run;
mod session;
mod status;
mod tools;

pub use error::{Error, ErrorData, ErrorKind};
pub use events::{Attached, Event, EventEnvelope};
pub use exec::{ExecParams, ExecResult, PyErrorInfo, Signal, SignalKind, Signals, StateAfter};
pub use memory::{
    MemoryContext, MemoryList, MemoryOp, MemoryPrune, MemoryPruned, MemoryRecall, MemoryRecalled,
    MemorySteps, MemoryStore, MemoryText, PruneStrategy, StepEntry,
};
pub(crate) use methods::for_each_method;
pub use methods::{METHOD_NAMES, method_name};
pub use namespace::{
    CodeAt, Completions, Inspection, Variable, VariableList, VariableRef, VariableValue,
};
pub use run::{
    FinalAnswer, FinalSource, RunAnswer, RunError, RunMetadata, RunParams, RunResult, RunStarted,
    RunState, StepParams, StepResult, StepState, TokenUsage,
};
pub use session::{
    CheckpointInfo, CheckpointList, CwdMode, KeySource, Limits, Network, Sandbox, SessionInfo,
    SessionList, SessionOptions, SessionRef, SessionRewind, SessionState, Since, TrustLevel,
};
pub use status::{Empty, Interrupted, LevelStatus, Pong, Status, TrustLevels};
pub use tools::{Tool, ToolFailure, ToolKind, ToolList, ToolNames, ToolsRegister, ToolsResult};
