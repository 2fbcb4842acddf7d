//! tinycode: a long-running daemon that gives every client a Python-writing agent.
//!
//! The way of a request is `transport -> api -> session -> agent -> {model, engine} -> worker`,
//! downwards only; `ARCHITECTURE.md` is the map.

pub mod agent;
pub mod api;
pub mod cli;
pub mod config;
pub mod engine;
mod jail;
pub mod logging;
mod lsp;
pub mod model;
pub mod protocol;
mod regular_file;
pub mod session;
pub mod transport;
mod worker;
