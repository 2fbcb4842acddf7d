//! The wire to a Python worker: frames over a private socket, output over pipes.
//!
//! Knows the frames that `worker.py` speaks and nothing of how a worker is started or killed. What
//! comes in is hostile: every frame is bounded, strict JSON, and output beyond its limit is read and
//! thrown away, never held.

mod frames;
mod link;
mod output;

pub use frames::{Change, Done, Frame, Memory, Raise, Reply, Request, Signal, Start, ToolSpec};
pub use link::{Ended, Happening, Link, Process, Report, Stop, Watch, to_json};
pub use output::TRUNCATED;

/// The source of the worker.
pub const SOURCE: &str = include_str!("worker.py");
