//! The text of a document: positions in it, changes of it, and what in it can be run.
//!
//! Pure: it knows LSP's positions and ropes, and nothing of sessions or clients.

pub mod outline;
pub mod position;
