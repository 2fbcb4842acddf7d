//! The methods of the daemon: parameters in, exactly one answer out.
//!
//! Every transport calls `call`. A handler is a function named in the table of methods
//! (`protocol/methods.rs`); what it does up to its first wait is done in the order in which the
//! requests came, which is what makes a session first in, first out.

mod connection;
mod error;
mod memory;
mod meta;
mod namespace;
mod runs;
mod sessions;
mod tools;

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use tokio_util::sync::CancellationToken;

use crate::protocol::{
    Attached, CheckpointList, CodeAt, Completions, Empty, Error, ErrorKind, ExecParams, ExecResult,
    Inspection, Interrupted, MemoryContext, MemoryList, MemoryPrune, MemoryPruned, MemoryRecall,
    MemoryRecalled, MemorySteps, MemoryStore, MemoryText, Pong, RunAnswer, RunParams, SessionInfo,
    SessionList, SessionOptions, SessionRef, SessionRewind, Signals, Since, Status, StepParams,
    StepResult, ToolList, ToolNames, ToolsRegister, ToolsResult, VariableList, VariableRef,
    VariableValue, for_each_method,
};
use crate::session::Registry;
pub use connection::{Connection, Outbox};
pub use meta::status_of;
pub use sessions::open as open_session;

/// What all requests share.
pub struct App {
    /// The open sessions.
    pub registry: Arc<Registry>,
    /// When the daemon started.
    pub started: Instant,
}

/// What a handler knows of its request, beside the parameters.
#[derive(Clone)]
pub struct Context {
    /// What all requests share.
    pub app: Arc<App>,
    /// Where the request came from.
    pub connection: Arc<Connection>,
    /// Says when the client no longer wants an answer.
    pub cancel: CancellationToken,
}

macro_rules! dispatch {
    ($($(#[doc = $doc:literal])+ $name:literal => $module:ident::$handler:ident($params:ty) -> $result:ty;)*) => {
        /// Calls the method `name` of the table. `None` where there is no such method.
        ///
        /// # Errors
        /// What the client is told: see `PROTOCOL.md`, or the kinds of `protocol::ErrorKind`.
        pub async fn call(
            context: &Context,
            name: &str,
            params: Option<&RawValue>,
        ) -> Option<Result<Box<RawValue>, Error>> {
            match name {
                $($name => Some(answer(async {
                    let params: $params = parse(params)?;
                    let result: $result = $module::$handler(context, params).await?;
                    Ok(result)
                }).await),)*
                _ => None,
            }
        }
    };
}
for_each_method!(dispatch);

async fn answer<T: Serialize>(
    work: impl Future<Output = Result<T, Error>>,
) -> Result<Box<RawValue>, Error> {
    let result = work.await?;
    to_raw_value(&result).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}

/// Reads the parameters of a method; absent ones are an empty object.
fn parse<T: DeserializeOwned>(params: Option<&RawValue>) -> Result<T, Error> {
    let text = params.map_or("{}", RawValue::get);
    if !text.starts_with('{') {
        return Err(error::params("params must be an object"));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let what = without_position(&error.inner().to_string());
        match path.as_str() {
            "." => error::params(&what),
            path => error::params(&format!("{path}: {what}")),
        }
    })
}

/// serde_json ends its messages with a line and column of the request, which say nothing to people.
fn without_position(message: &str) -> String {
    match message.rfind(" at line ") {
        Some(at) => message[..at].to_owned(),
        None => message.to_owned(),
    }
}
