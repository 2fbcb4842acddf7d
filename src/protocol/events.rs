//! What attached clients are told while things happen: the notification `event`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::exec::{ExecResult, SignalKind};
use super::memory::MemoryOp;
use super::run::{RunResult, TokenUsage};

/// The answer to `session.attach`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Attached {
    /// `seq` of the session's latest event.
    pub seq: u64,
}

/// Parameters of the notification `event`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct EventEnvelope {
    /// The session's id.
    pub session: String,
    /// Number of the event in its session: rises by one and is never used twice.
    pub seq: u64,
    /// When, in seconds since 1970.
    pub time: f64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Something that happened in a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(tag = "type")]
pub enum Event {
    /// A run began.
    #[serde(rename = "run.started")]
    RunStarted {
        /// The run's id.
        run: String,
        /// What it is to do.
        task: String,
        /// Steps that it may take.
        max_steps: u32,
    },
    /// A step began: a turn of the model, or an `exec`.
    #[serde(rename = "step.started")]
    StepStarted {
        /// The run that it belongs to, where there is one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        #[cfg_attr(test, ts(optional))]
        run: Option<String>,
        /// Number of the step in its session.
        step: u64,
    },
    /// The model said some more.
    #[serde(rename = "model.delta")]
    ModelDelta {
        /// Number of the step in its session.
        step: u64,
        /// What it said.
        text: String,
    },
    /// The model's reply is whole.
    #[serde(rename = "model.message")]
    ModelMessage {
        /// Number of the step in its session.
        step: u64,
        /// The reply.
        text: String,
        /// What it cost.
        usage: TokenUsage,
    },
    /// Code is about to run.
    #[serde(rename = "code")]
    Code {
        /// Number of the step in its session.
        step: u64,
        /// The code.
        code: String,
    },
    /// The code printed something.
    #[serde(rename = "stdout")]
    Stdout {
        /// Number of the step in its session.
        step: u64,
        /// What it printed.
        text: String,
        /// Whether it was something that an earlier step left running, a thread or a process. Then `step` is the
        /// last one that had ended, and this is in no result.
        #[serde(default, skip_serializing_if = "is_false")]
        background: bool,
    },
    /// The code wrote something to stderr.
    #[serde(rename = "stderr")]
    Stderr {
        /// Number of the step in its session.
        step: u64,
        /// What it wrote.
        text: String,
        /// Whether it was something that an earlier step left running, a thread or a process. Then `step` is the
        /// last one that had ended, and this is in no result.
        #[serde(default, skip_serializing_if = "is_false")]
        background: bool,
    },
    /// The code showed something richer than text.
    #[serde(rename = "display")]
    Display {
        /// Number of the step in its session.
        step: u64,
        /// MIME types and their data.
        data: Map<String, Value>,
    },
    /// The code gave a signal.
    #[serde(rename = "signal")]
    Signal {
        /// Number of the step in its session.
        step: u64,
        /// What it says.
        kind: SignalKind,
        /// Why.
        message: String,
    },
    /// The code calls a tool of the client's, and waits for `tools.result`.
    #[serde(rename = "tool.call")]
    ToolCall {
        /// Names the call.
        call: String,
        /// Number of the step in its session.
        step: u64,
        /// The tool.
        name: String,
        /// Arguments by position.
        args: Vec<Value>,
        /// Arguments by name.
        kwargs: Map<String, Value>,
    },
    /// A call of a tool has been answered or given up.
    #[serde(rename = "tool.done")]
    ToolDone {
        /// Names the call.
        call: String,
        /// Whether it was answered with a value.
        ok: bool,
    },
    /// The scratchpad changed.
    #[serde(rename = "memory")]
    Memory {
        /// The stored name; `observations`, `failed_approaches` or `*` where it was no `store`.
        name: String,
        /// What changed.
        op: MemoryOp,
    },
    /// A step ended.
    #[serde(rename = "step.finished")]
    StepFinished {
        /// Number of the step in its session.
        step: u64,
        /// What the code did; null where the model wrote none or the step was given up.
        result: Option<ExecResult>,
    },
    /// What the session is after a step can be gone back to.
    #[serde(rename = "checkpoint")]
    Checkpoint {
        /// Names it.
        checkpoint: String,
        /// Number of the step in its session.
        step: u64,
    },
    /// The session went back to a checkpoint: Python state, memory and conversation. The steps that follow
    /// count on from this one.
    #[serde(rename = "session.rewound")]
    Rewound {
        /// The checkpoint.
        checkpoint: String,
        /// The step after which it was made; 0 is the beginning.
        step: u64,
    },
    /// A run ended.
    #[serde(rename = "run.finished")]
    RunFinished {
        /// The run's id.
        run: String,
        /// What came of it.
        result: RunResult,
    },
    /// The session ended. No event follows.
    #[serde(rename = "session.closed")]
    SessionClosed {
        /// Why.
        reason: String,
    },
}

/// For fields that are left out where they say nothing.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}
