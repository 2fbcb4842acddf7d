//! Where log lines go: to stderr or a file, never to stdout, which belongs to the protocol.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

/// What a daemon logs.
pub const OF_DAEMON: &str = "tinycode=info,warn";
/// What the other commands log.
pub const OF_COMMANDS: &str = "warn";

/// Why nothing can be logged.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("TINYCODE_LOG: '{0}' is no filter such as 'info' or 'tinycode=debug,warn'")]
    Filter(String),
    /// The file cannot be written.
    #[error("the log file '{0}' cannot be written: {1}")]
    File(String, io::Error),
}

/// Starts logging what `filter` lets by, else what `default` does, to `file` or to stderr.
///
/// # Errors
/// When the filter cannot be read or the file not be written.
pub fn start(filter: Option<&str>, default: &str, file: Option<&Path>) -> Result<(), LogError> {
    let filter = filter.unwrap_or(default);
    let filter: EnvFilter = filter
        .parse()
        .map_err(|_| LogError::Filter(filter.to_owned()))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter);
    // A second start in one process changes nothing: the first one's lines go on.
    let _ = match file {
        Some(file) => {
            let opened = open(file);
            let opened =
                opened.map_err(|error| LogError::File(file.display().to_string(), error))?;
            lines
                .with_ansi(false)
                .with_writer(Mutex::new(opened))
                .try_init()
        }
        None => lines
            .with_ansi(io::stderr().is_terminal())
            .with_writer(io::stderr)
            .try_init(),
    };
    Ok(())
}

/// Tasks, code and paths get into logs: the file is for its owner's eyes.
fn open(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(file)
}
