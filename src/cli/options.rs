//! The options that `run` and `exec` share, and what they are called in the protocol.

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, absolute};

use clap::Args;
use serde::de::DeserializeOwned;

use super::failure::Failure;
use super::screen::complain;
use crate::protocol::{Network, Sandbox, SessionInfo, SessionOptions};

/// Options of the session that the code runs in.
#[derive(Args, Debug)]
pub struct SessionArgs {
    /// Folder that the code works in [default: the current folder; local and sandboxed code sees none unless it is named]
    #[arg(long, value_name = "DIR")]
    cwd: Option<String>,
    /// Python interpreter, 3.9 or newer [default: python3 on PATH]
    #[arg(long, value_name = "PROGRAM")]
    python: Option<String>,
    /// Seconds that the code may take; in a run, each of its steps
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30.0,
        allow_negative_numbers = true
    )]
    timeout: f64,
    /// Bytes of memory that the code may use, at least 64 MiB [default of isolated code: half of the machine's, at
    /// most 4 GiB]
    #[arg(long, value_name = "BYTES")]
    max_memory_bytes: Option<u64>,
    /// What isolated code may touch: strict, workspace or off [default: workspace]
    #[arg(long, value_name = "SANDBOX", value_parser = named::<Sandbox>)]
    sandbox: Option<Sandbox>,
    /// The network of the code: none or host [default: host when isolated, else none]
    #[arg(long, value_name = "NETWORK", value_parser = named::<Network>)]
    network: Option<Network>,
}

/// A value of the protocol by its name there.
fn named<T: DeserializeOwned>(name: &str) -> Result<T, String> {
    serde_json::from_value(name.into()).map_err(|error| error.to_string())
}

/// Says on stderr what the sandbox of a session promises and this system cannot enforce.
///
/// # Errors
/// When stderr is closed.
pub fn warn_of_missing(session: &SessionInfo) -> Result<(), Failure> {
    for what in &session.not_enforced {
        complain(&format!("Not enforced on this system: {what}\n"))?;
    }
    Ok(())
}

impl SessionArgs {
    /// Fills in what these options say. A path is meant from where the user is.
    ///
    /// # Errors
    /// When a path cannot be meant.
    pub fn fill(&self, options: &mut SessionOptions) -> Result<(), Failure> {
        options.cwd = self.cwd.as_deref().map(from_here).transpose()?;
        options.python = match &self.python {
            // A name without a slash is looked for on PATH.
            Some(python) if python.contains('/') => Some(from_here(python)?),
            python => python.clone(),
        };
        options.limits.timeout_seconds = self.timeout;
        options.limits.max_memory_bytes = self.max_memory_bytes;
        options.sandbox = self.sandbox;
        options.network = self.network;
        Ok(())
    }
}

/// The path as seen from the root, whatever folder the code is to work in.
///
/// # Errors
/// When it is empty, or there is no current folder.
pub fn from_here(path: &str) -> Result<String, Failure> {
    let found = absolute(path).map_err(|error| Failure::Usage(format!("'{path}': {error}")))?;
    Ok(found.to_string_lossy().into_owned())
}

/// Reads all of stdin. `what` is what the user is to type, where it is a terminal.
///
/// # Errors
/// When it cannot be read or is no text.
pub fn stdin(what: &str) -> Result<String, Failure> {
    let mut stdin = io::stdin().lock();
    if stdin.is_terminal() {
        complain(&format!(
            "Type {what}; end it with Ctrl-D on a line of its own.\n"
        ))?;
    }
    let mut bytes = Vec::new();
    stdin
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::Usage(format!("cannot read stdin: {error}")))?;
    text("stdin", bytes)
}

/// Reads a file, or stdin for `-`.
///
/// # Errors
/// When it cannot be read or is no text.
pub fn file_or_stdin(file: &Path, what: &str) -> Result<String, Failure> {
    if file == Path::new("-") {
        return stdin(what);
    }
    let name = file.display().to_string();
    let bytes =
        fs::read(file).map_err(|error| Failure::Usage(format!("cannot read '{name}': {error}")))?;
    text(&format!("'{name}'"), bytes)
}

fn text(name: &str, bytes: Vec<u8>) -> Result<String, Failure> {
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::Usage(format!("{name} is not text in UTF-8")))?;
    Ok(text
        .strip_prefix('\u{feff}')
        .map_or(text.clone(), str::to_owned))
}
