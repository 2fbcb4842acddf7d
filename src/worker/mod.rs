//! The wire to a Python worker: frames over a private socket, output over pipes.
//!
//! Knows the frames that `session.py` speaks and nothing of how a worker is started or killed. What
//! comes in is hostile: every frame is bounded, strict JSON, and output beyond its limit is read and
//! thrown away, never held.

mod frames;
mod heavy;
mod link;
mod output;
mod patience;
mod query;
mod reading;
mod weight;

pub use frames::{
    Call, Change, Done, Frame, Kept, MAX_FRAME, Memory, Order, Raise, Refusals, Reply, Request,
    SignalKind, Start, Stream, ToolSpec,
};
pub use heavy::heavy;
pub use link::{
    Compiled, Ended, Fate, Happening, Heard, Link, Process, Report, Watch, heard, to_json, unasked,
};
pub use output::{Output, TRUNCATED};
pub use patience::{Patience, Stop};
pub use query::{Inspected, Matches, Query, Told, Variable};
pub use reading::read;

/// The files of the worker that each step needs, by the names that they have there, as JSON.
#[must_use]
pub fn sources_as_json() -> String {
    serde_json::json!({"values": VALUES, "session": SESSION, "process": PROCESS}).to_string()
}

/// What an interpreter runs to become a worker: it receives the other files over descriptor 3.
pub const BOOTSTRAP: &str = include_str!("bootstrap.py");

/// How the Python of a session says values and exceptions.
pub const VALUES: &str = include_str!("values.py");

/// What it does with a step, wherever it runs.
pub const SESSION: &str = include_str!("session.py");

/// What it finds out about an object.
pub const OBJECTS: &str = include_str!("objects.py");

/// How it answers queries.
pub const NAMESPACE: &str = include_str!("namespace.py");

/// How the source of a tool is looked at.
pub const CHECK: &str = include_str!("check.py");

/// How it does so in a process of its own.
pub const PROCESS: &str = include_str!("process.py");
