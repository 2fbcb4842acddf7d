//! The token that clients over the network have to show.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::model::Secret;

/// Fewest characters of a token that the user has chosen.
const SHORTEST: usize = 16;

/// A token, and the file that holds it.
pub struct Token {
    pub secret: Secret,
    pub path: PathBuf,
    /// Whether the file is ours and goes with us.
    made: bool,
}

impl Drop for Token {
    fn drop(&mut self) {
        if self.made {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Token {
    /// Reads the token from the user's file.
    ///
    /// # Errors
    /// When it cannot be read, or is too short to be safe.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(path).map_err(|error| named(path, &error.to_string()))?;
        let text = text.trim();
        if text.len() < SHORTEST || text.contains(char::is_whitespace) {
            return Err(named(path, "a token is one word of 16 characters or more"));
        }
        Ok(Self {
            secret: Secret::new(text),
            path: path.to_owned(),
            made: false,
        })
    }

    /// Makes a token and writes it to a file of mode 0600 in `folder`.
    ///
    /// # Errors
    /// When there is no randomness, or the file cannot be written.
    pub fn make(folder: &Path, port: u16) -> io::Result<Self> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let mut text = String::new();
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| named(folder, &error.to_string()))?;
        let path = folder.join(format!("token-{port}"));
        let _ = fs::remove_file(&path); // of a daemon that was killed; its mode may be anything
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| named(&path, &error.to_string()))?;
        writeln!(file, "{text}")?;
        Ok(Self {
            secret: Secret::new(text),
            path,
            made: true,
        })
    }
}

fn named(path: &Path, what: &str) -> io::Error {
    io::Error::other(format!("{}: {what}", path.display()))
}
