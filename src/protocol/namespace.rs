//! The names of a session's Python, while no code runs: what they stand for, and how code may go on.
//!
//! Questions about them wait for what was asked before, like code. They are no steps and leave no events;
//! code of the objects' own, such as a `repr`, gets a second altogether.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A name of a session's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Variable {
    /// The name.
    pub name: String,
    /// The name of its class.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its `repr`, at most 300 characters of it; a longer one ends in `...`.
    pub repr: String,
    /// What `len` says of it, where it has a length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub size: Option<u64>,
}

/// The answer to `variables.list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct VariableList {
    /// What the code made, by name, at most 1,000: no modules, and of functions and classes only those that
    /// the code itself defined.
    pub variables: Vec<Variable>,
}

/// Parameters of `variables.get`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct VariableRef {
    /// The session's id.
    pub session: String,
    /// The name.
    pub name: String,
    /// Characters that `repr` may have, up to 1,000,000; 300 where it is left out.
    #[serde(default)]
    pub max_length: Option<u32>,
}

/// The answer to `variables.get`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct VariableValue {
    /// The name of its class.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its `repr`, at most `max_length` characters of it; a longer one ends in `...`.
    pub repr: String,
    /// The value itself, where it is JSON and short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "any"))]
    pub value: Option<Value>,
}

/// Parameters of `complete` and `inspect`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct CodeAt {
    /// The session's id.
    pub session: String,
    /// Python source, which need not be whole.
    pub code: String,
    /// Where in it: characters (Unicode code points) before the cursor.
    pub cursor: usize,
}

/// The answer to `complete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Completions {
    /// What may stand between `cursor_start` and `cursor_end`, at most 1,000.
    pub matches: Vec<String>,
    /// What each of them is: `variable`, `function`, `class`, `module`, `property`, `keyword`, or `key` of a
    /// dictionary.
    pub kinds: Vec<String>,
    /// Where what they replace begins, in characters.
    pub cursor_start: usize,
    /// And where it ends.
    pub cursor_end: usize,
}

/// The answer to `inspect`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Inspection {
    /// Whether the name at the cursor, or the function in whose brackets it is, is known.
    pub found: bool,
    /// Its signature, type, value, length and docstring; empty where it is not known.
    pub text: String,
}
