//! Running code without a model, and what comes of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Parameters of `exec`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ExecParams {
    /// The session's id.
    pub session: String,
    /// Python source.
    pub code: String,
}

/// What became of the Python state of a session in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum StateAfter {
    /// It is what the code left.
    Kept,
    /// The step was killed and the session is back as it was before it.
    Restored,
    /// It could not be brought back: the session has a fresh one.
    Lost,
}

/// A Python exception, or what ended the code in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct PyErrorInfo {
    /// Name of the exception's class.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it says.
    pub message: String,
    /// The traceback, with the user's own lines.
    pub traceback: String,
    /// Line of the step's code where it happened, from 1; null where there is none.
    pub line: Option<u32>,
}

/// What one step did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct ExecResult {
    /// Number of the step in its session.
    pub step: u64,
    /// What was printed to stdout.
    pub output: String,
    /// What was printed to stderr.
    pub stderr: String,
    /// Whether `output`, `stderr` or `value` was cut.
    pub output_truncated: bool,
    /// `repr` of a last bare expression, or null.
    pub value: Option<String>,
    /// Whether the code gave a final answer.
    pub is_final: bool,
    /// The final answer, as JSON where it can be, else its `repr`.
    pub final_value: Value,
    /// The exception that ended the code, or null.
    pub error: Option<PyErrorInfo>,
    /// Whether the step was stopped because it took too long.
    pub timeout: bool,
    /// Whether the step was stopped because somebody asked for it.
    pub interrupted: bool,
    /// Milliseconds that the code ran.
    pub duration_ms: f64,
    /// The signals that the code gave.
    pub signals: Vec<Signal>,
    /// Rich output: maps of MIME type to data.
    pub display: Vec<Map<String, Value>>,
    /// What became of the Python state.
    pub state: StateAfter,
}

/// What a signal says of the model's mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum SignalKind {
    /// It is not sure.
    Uncertain,
    /// It tries something out.
    Explore,
    /// It has made up its mind.
    Commit,
}

/// A signal that the code gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Signal {
    /// What it says.
    pub kind: SignalKind,
    /// Why.
    pub message: String,
    /// The step that gave it.
    pub step: u64,
    /// `seq` of its event.
    pub seq: u64,
    /// When, in seconds since 1970.
    pub time: f64,
}

/// The answer to `signals`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Signals {
    /// The signals of the session, oldest first.
    pub signals: Vec<Signal>,
}
