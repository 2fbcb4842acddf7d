//! `--json`: every event as one line on stdout, and nothing else there.

use std::io;

use serde_json::value::RawValue;

use super::client::Show;
use super::screen::print;

/// Writes events as JSON lines.
pub struct JsonLines;

impl Show for JsonLines {
    fn event(&mut self, params: &RawValue) -> io::Result<()> {
        print(&format!("{}\n", params.get()))
    }

    fn stopping(&mut self) -> io::Result<()> {
        Ok(())
    }
}
