//! The scratchpad and the conversation of a session.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::run::TokenUsage;

/// Parameters of `memory.store`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct MemoryStore {
    /// The session's id.
    pub session: String,
    /// The name to store it under.
    pub name: String,
    /// The value.
    pub value: Value,
}

/// Parameters of `memory.recall`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct MemoryRecall {
    /// The session's id.
    pub session: String,
    /// The name that it was stored under.
    pub name: String,
    /// What to answer where nothing was.
    #[serde(default)]
    pub default: Value,
}

/// The answer to `memory.recall`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct MemoryRecalled {
    /// The value; its `repr` where it is kept in Python because JSON cannot say it.
    pub value: Value,
    /// Whether something was stored under the name.
    pub found: bool,
}

/// Parameters of `memory.observe` and `memory.fail`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct MemoryText {
    /// The session's id.
    pub session: String,
    /// What was observed, or what did not work.
    pub text: String,
}

/// The answer to `memory.list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct MemoryList {
    /// Stored values by name; the `repr` of those that JSON cannot say.
    pub variables: BTreeMap<String, Value>,
    /// What was observed, oldest first.
    pub observations: Vec<String>,
    /// What did not work, oldest first.
    pub failed_approaches: Vec<String>,
}

/// The answer to `memory.context`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct MemoryContext {
    /// The scratchpad as the model is shown it; empty where there is nothing to show.
    pub text: String,
}

/// What changed in the scratchpad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum MemoryOp {
    /// A value was stored.
    Store,
    /// Something was observed.
    Observe,
    /// Something did not work.
    Fail,
    /// All was forgotten.
    Clear,
}

/// One step of the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepEntry {
    /// The instructions that the conversation starts with.
    SystemPrompt {
        /// The instructions.
        text: String,
        /// When, in seconds since 1970.
        time: f64,
    },
    /// A task.
    Task {
        /// The task.
        text: String,
        /// When, in seconds since 1970.
        time: f64,
    },
    /// A reply of the model and what came of it.
    Action {
        /// Number of the step in its session.
        step: u64,
        /// What the model said.
        reply: String,
        /// The code in it, or null.
        code: Option<String>,
        /// What the model was told of the outcome.
        observation: String,
        /// The type and message of the exception, or null.
        error: Option<String>,
        /// Seconds that the step took, the model's time included.
        duration_seconds: f64,
        /// Tokens used.
        usage: TokenUsage,
        /// When, in seconds since 1970.
        time: f64,
    },
    /// The scratchpad as the model is shown it.
    Scratchpad {
        /// The text.
        text: String,
        /// When, in seconds since 1970.
        time: f64,
    },
}

/// The answer to `memory.steps`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct MemorySteps {
    /// The steps of the conversation, oldest first.
    pub steps: Vec<StepEntry>,
}

/// How a conversation is made shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PruneStrategy {
    /// Only the latest actions are kept.
    KeepLast,
    /// Long observations are cut.
    TruncateObservations,
    /// Nothing is done.
    None,
}

/// Parameters of `memory.prune`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct MemoryPrune {
    /// The session's id.
    pub session: String,
    /// How.
    pub strategy: PruneStrategy,
    /// How many actions `keep_last` keeps; the session's `prune_keep_last` where it is left out.
    #[serde(default)]
    pub keep_last: Option<u32>,
    /// Characters that `truncate_observations` leaves of each; 500 where it is left out.
    #[serde(default)]
    pub max_length: Option<u32>,
}

/// The answer to `memory.prune`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct MemoryPruned {
    /// Steps of the conversation before.
    pub steps_before: usize,
    /// And after.
    pub steps_after: usize,
}
