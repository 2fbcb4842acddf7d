//! The wire to a Python worker: frames over a private socket, output over pipes.
//!
//! Knows the frames that `session.py` speaks and nothing of how a worker is started or killed. What
//! comes in is hostile: every frame is bounded, strict JSON, and output beyond its limit is read and
//! thrown away, never held.

mod frames;
mod link;
mod output;
mod patience;

pub use frames::{
    Change, Done, Frame, Kept, MAX_FRAME, Memory, Raise, Reply, Request, Signal, Start, ToolSpec,
};
pub use link::{
    Ended, Happening, Heard, KEEP_PATIENCE, Link, Process, Report, Watch, heard, to_json,
};
pub use output::{Output, TRUNCATED};
pub use patience::{Patience, Stop};

/// What the Python of a session does with a step, wherever it runs.
pub const SESSION: &str = include_str!("session.py");

/// How the source of a tool is looked at.
pub const CHECK: &str = include_str!("check.py");

/// How it does so in a process of its own.
pub const PROCESS: &str = include_str!("process.py");
