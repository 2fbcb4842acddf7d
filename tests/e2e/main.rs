//! The daemon as its users meet it: the real binary over its real transports.
//!
//! One file for each thing a user sees. Nothing here knows the daemon's insides, but for
//! `layering.rs`, which reads its source.

#![expect(
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test ends by panicking, and `json!` is a value"
)]

mod support;

mod attacks;
mod background;
mod checkpoints;
mod cli;
mod conformance;
mod control_groups;
mod crashes;
mod environment;
mod events;
mod exec;
mod framing;
mod layering;
mod lifecycle;
mod limits;
mod local;
mod lsp;
mod memory;
mod model;
mod notebook;
mod nvim;
mod output;
mod params;
mod processes;
mod queue;
mod run;
mod sandboxed;
mod sessions;
mod socket;
mod step;
mod tools;
mod vscode;
mod websocket;
