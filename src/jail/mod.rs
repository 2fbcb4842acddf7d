//! The sandbox of isolated sessions: how Python is started where it can touch only what its policy allows.
//!
//! One process of its own, the *spawner*, starts the Python of every isolated session, so that what is done between
//! `fork` and `exec` is done in a program with one thread and no secrets. For each session it leaves an *init* behind:
//! the parent of the session's processes, process 1 where there is a PID namespace, which reaps them, sends them
//! signals for the daemon, ends them when the daemon goes away, watches what they use, and makes for them the
//! connections that they may have.
//!
//! ```text
//! daemon ── Launch ──> spawner ── clone ──> init ── fork ──> mounts, limits, Landlock, seccomp ── exec ──> Python
//!    └────────────── Request / Report ───────┘
//! ```
//!
//! Nothing here knows sessions, events or tokio. The daemon's end is `engine/isolated/`.

mod cgroup;
mod descriptors;
mod enter;
mod files;
mod init;
mod layers;
mod limits;
pub mod messages;
mod mounts;
mod namespaces;
mod plots;
mod processes;
pub mod remove;
mod signals;
pub mod spawner;
mod supervise;
pub mod syscalls;
mod usage;

pub use layers::{Layers, Without};
pub use messages::{Bounds, Exceeded, Launch, Report, Request, Sandbox};
pub use mounts::{is_hidden, is_of_project};
