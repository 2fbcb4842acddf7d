//! Finds the Python interpreter of isolated sessions.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::{EngineError, process};
use crate::worker;

/// The interpreter where a session names none.
const DEFAULT: &str = "python3";
/// The oldest Python that the worker runs on.
const OLDEST: (u32, u32) = (3, 9);
/// Time that an interpreter gets to say its version.
const PATIENCE: Duration = Duration::from_secs(20);
/// Prints the path behind links and shims, the version, and the folders that Python and its packages are in.
const PROBE: &str = r"import os, sys
print(sys.executable)
print('%d.%d.%d' % tuple(sys.version_info[:3]))
program = os.path.realpath(sys.executable)
folders = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, program]
for folder in folders + sys.path[1:]:
    if os.path.exists(folder):
        print(os.path.realpath(folder))
";
const HINT: &str = "install Python 3.9 or newer, or name one with the option `python`";

/// A Python interpreter that has been seen to work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// The program itself, behind any shim.
    pub executable: PathBuf,
    /// Its version, such as 3.11.7.
    pub version: String,
    /// Where it and its packages are.
    pub folders: Vec<PathBuf>,
}

/// The interpreters that have been seen to work, by the names they were asked for.
#[derive(Debug, Default)]
pub struct Interpreters(Mutex<HashMap<String, Interpreter>>);

impl Interpreters {
    /// Finds the interpreter that `name` stands for: a path, or a program on PATH.
    ///
    /// # Errors
    /// When there is none, or it is too old.
    pub async fn find(&self, name: Option<&str>) -> Result<Interpreter, EngineError> {
        let name = name.unwrap_or(DEFAULT);
        // Held while probing: a second session that comes meanwhile waits for the same answer.
        let mut known = self.0.lock().await;
        if let Some(found) = known.get(name).filter(|found| found.executable.exists()) {
            return Ok(found.clone());
        }
        let found = probe(name).await?;
        known.insert(name.to_owned(), found.clone());
        Ok(found)
    }
}

/// Whether there is a program of the default name on the PATH of `environment`.
pub fn is_on_path(environment: &[(OsString, OsString)]) -> bool {
    let path = environment.iter().find(|(name, _)| name == "PATH");
    path.is_some_and(|(_, path)| {
        std::env::split_paths(path).any(|folder| folder.join(DEFAULT).is_file())
    })
}

async fn probe(name: &str) -> Result<Interpreter, EngineError> {
    let mut command = Command::new(name);
    command
        .args(["-c", PROBE])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let child = process::spawn(&mut command, &process::Bounds::default()).map_err(|error| {
        unavailable(format!(
            "the interpreter '{name}' cannot be started: {error}"
        ))
    })?;
    let id = child.id();
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    id.into_iter().for_each(process::reaped);
    let output = output
        .map_err(|_| {
            unavailable(format!(
                "the interpreter '{name}' did not answer within 20 s"
            ))
        })?
        .map_err(|error| unavailable(format!("the interpreter '{name}' cannot be run: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut lines = text.lines();
    let (Some(executable), Some(version)) = (lines.next(), lines.next()) else {
        return Err(unavailable(format!(
            "'{name}' is not a working Python interpreter"
        )));
    };
    if !is_supported(version) {
        return Err(unavailable(format!(
            "'{name}' is Python {version}, which is too old"
        )));
    }
    // Without a PATH, Python may not know where it is.
    let executable = if executable.is_empty() {
        name
    } else {
        executable
    };
    let mut folders: Vec<PathBuf> = lines.map(PathBuf::from).collect();
    folders.sort();
    folders.dedup_by(|inner, outer| inner.starts_with(outer));
    Ok(Interpreter {
        executable: PathBuf::from(executable),
        version: version.to_owned(),
        folders,
    })
}

/// Prints what is wrong with the source that it reads, as the definition of the function that is named.
const PRINT_PROBLEM: &str =
    "\nimport sys\nprint(problem(sys.argv[1], sys.stdin.buffer.read().decode('utf-8')) or '')";

/// What a Python runs to say, on its standard output, what is wrong with such a source.
#[must_use]
pub fn checker() -> String {
    worker::CHECK.to_owned() + PRINT_PROBLEM
}

/// Checks that `source` defines the function `name`, without running it.
///
/// # Errors
/// What is wrong with it.
pub async fn check_function(
    python: &Interpreter,
    name: &str,
    source: &str,
) -> Result<(), EngineError> {
    let mut command = Command::new(&python.executable);
    let check = checker();
    command.args(["-I", "-c", &check, name]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = process::spawn(&mut command, &process::Bounds::default())
        .map_err(|error| wrong(name, &format!("it cannot be checked: {error}")))?;
    let id = child.id();
    let stdin = child.stdin.take();
    let work = async {
        if let Some(mut stdin) = stdin {
            stdin.write_all(source.as_bytes()).await?;
        }
        child.wait_with_output().await
    };
    let output = tokio::time::timeout(PATIENCE, work).await;
    id.into_iter().for_each(process::reaped);
    let output = output.map_err(|_| wrong(name, "checking it took too long"))?;
    let output = output.map_err(|error| wrong(name, &format!("it cannot be checked: {error}")))?;
    let said = String::from_utf8_lossy(&output.stdout);
    verdict(name, output.status.success().then_some(said.trim()))
}

/// What `checker` said of the source of the function `name`, if it came to its end.
///
/// # Errors
/// What is wrong with it.
pub fn verdict(name: &str, said: Option<&str>) -> Result<(), EngineError> {
    match said {
        Some("") => Ok(()),
        Some(what) => Err(wrong(name, what)),
        None => Err(wrong(name, "it cannot be read as Python")),
    }
}

fn wrong(name: &str, what: &str) -> EngineError {
    EngineError::Option {
        field: "source",
        message: format!("tool '{name}': {what}"),
    }
}

fn is_supported(version: &str) -> bool {
    let mut numbers = version
        .split('.')
        .filter_map(|number| number.parse::<u32>().ok());
    matches!((numbers.next(), numbers.next()), (Some(major), Some(minor)) if (major, minor) >= OLDEST)
}

fn unavailable(message: String) -> EngineError {
    EngineError::Unavailable {
        message,
        hint: HINT.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_supported;

    #[test]
    fn pythons_from_3_9_on_are_supported() {
        let cases = [
            ("2.7.18", false),
            ("3.8.18", false),
            ("3.9.0", true),
            ("3.14.1", true),
            ("", false),
        ];
        for (version, expected) in cases {
            assert_eq!(is_supported(version), expected, "{version}");
        }
    }
}
