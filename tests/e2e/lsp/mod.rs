//! The daemon as a language server: what an editor that knows only LSP is shown.

mod cells;
mod documents;
mod names;
mod progress;
mod results;
mod rewind;
mod sessions;
mod tasks;
