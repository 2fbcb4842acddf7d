//! Functions that generated code may call.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a tool runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum ToolKind {
    /// In the client, by the event `tool.call` and the method `tools.result`.
    Client,
    /// Beside the code, from its source.
    Python,
}

/// A function that generated code may call by its name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name in Python.
    pub name: String,
    /// What it does, for the model.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of its parameters, an object.
    pub parameters: Value,
    /// What it returns, for the model.
    #[serde(default)]
    pub returns: Option<Value>,
    /// Where it runs.
    pub kind: ToolKind,
    /// The source of one function, for `kind: "python"`.
    #[serde(default)]
    pub source: Option<String>,
}

/// Parameters of `tools.register`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ToolsRegister {
    /// The session's id.
    pub session: String,
    /// The tools; all of them are taken, or none.
    pub tools: Vec<Tool>,
}

/// The answer to `tools.register`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct ToolNames {
    /// Names of the tools that were registered.
    pub tools: Vec<String>,
}

/// The answer to `tools.list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct ToolList {
    /// The tools of the session.
    pub tools: Vec<Tool>,
}

/// Parameters of `tools.result`: a value or an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ToolsResult {
    /// Names the call, as the event `tool.call` does.
    pub call: String,
    /// What the tool returned.
    #[serde(default)]
    pub value: Value,
    /// What it raised in its place.
    #[serde(default)]
    pub error: Option<ToolFailure>,
}

/// An exception of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ToolFailure {
    /// Name of its class; that of a built-in one is raised as such.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it says.
    pub message: String,
}
