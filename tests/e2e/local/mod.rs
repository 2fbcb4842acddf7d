//! What is special about LOCAL: CPython in the daemon's own process.

mod builtins;
mod cwd;
mod excess;
mod handed_over;
mod host;
mod imports;
mod many;
mod programs;
mod setup;

use serde_json::Value;

use crate::support::{Daemon, Session};

/// A local session with these options.
fn local(daemon: &Daemon, options: Value) -> Session<'_> {
    daemon.session_at("local", options)
}
