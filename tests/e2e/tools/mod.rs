//! Tools: functions of clients and Python functions as globals of the generated code.

mod calls;
mod endings;
mod python;
mod refusals;
mod registering;

use crate::support::{Daemon, Session, calculate};
use serde_json::json;

/// A session that has the tool `calculate`.
fn session_with_calculate(daemon: &Daemon) -> Session<'_> {
    let session = daemon.session(json!({}));
    session.register(json!([calculate()]));
    session
}
