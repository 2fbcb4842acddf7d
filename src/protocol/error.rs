//! The one error a client is ever told.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of error it is. Each has one JSON-RPC code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// -32700: the message is not JSON.
    ParseError,
    /// -32600: the message is JSON, but not a request that can be served now.
    InvalidRequest,
    /// -32601: there is no such method.
    MethodNotFound,
    /// -32602: a field is unknown, of the wrong type or out of range.
    InvalidParams,
    /// -32603: a defect of the daemon.
    Internal,
    /// -32002: `initialize` has to come first.
    NotInitialized,
    /// -32800: the request was cancelled.
    Cancelled,
    /// -31001: there is no such session, or it has been closed.
    SessionNotFound,
    /// -31003: too many requests wait on the session.
    SessionBusy,
    /// -31004: a limit of the daemon.
    LimitExceeded,
    /// -31005: a tool cannot be registered or answered.
    ToolError,
    /// -31006: the model did not answer.
    ModelError,
    /// -31007: the trust level does not work on this machine.
    TrustLevelUnavailable,
    /// -31008: the run used up its steps without an answer.
    StepLimitReached,
    /// -31009: the token is missing or wrong.
    Unauthorized,
}

impl ErrorKind {
    /// The JSON-RPC error code.
    #[must_use]
    pub const fn code(self) -> i32 {
        match self {
            Self::ParseError => -32700,
            Self::InvalidRequest => -32600,
            Self::MethodNotFound => -32601,
            Self::InvalidParams => -32602,
            Self::Internal => -32603,
            Self::NotInitialized => -32002,
            Self::Cancelled => -32800,
            Self::SessionNotFound => -31001,
            Self::SessionBusy => -31003,
            Self::LimitExceeded => -31004,
            Self::ToolError => -31005,
            Self::ModelError => -31006,
            Self::TrustLevelUnavailable => -31007,
            Self::StepLimitReached => -31008,
            Self::Unauthorized => -31009,
        }
    }

    /// The kind that has this code; codes of libraries that we do not know are `Internal`.
    #[must_use]
    pub const fn from_code(code: i64) -> Self {
        match code {
            -32700 => Self::ParseError,
            -32600 => Self::InvalidRequest,
            -32601 => Self::MethodNotFound,
            -32602 => Self::InvalidParams,
            -32002 => Self::NotInitialized,
            -32800 => Self::Cancelled,
            _ => Self::Internal,
        }
    }
}

/// What an error carries beside its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct ErrorData {
    /// What kind of error it is.
    pub kind: ErrorKind,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(test, ts(optional))]
    pub hint: Option<String>,
}

/// A JSON-RPC error object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Error {
    /// The JSON-RPC error code; see [`ErrorKind`].
    pub code: i32,
    /// What is wrong, in the user's words.
    pub message: String,
    /// The kind and what to do next.
    pub data: ErrorData,
}

impl Error {
    /// An error of `kind` that says `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            code: kind.code(),
            message: message.into(),
            data: ErrorData { kind, hint: None },
        }
    }

    /// The same error with what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.data.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
