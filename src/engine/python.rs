//! Finds the Python interpreters of the machine, and asks them what they know.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::timeout;

use super::isolated::{Program, Programs};
use super::{EngineError, process};
use crate::worker::{self, Compiled};

/// The interpreter where a session names none.
const DEFAULT: &str = "python3";
/// The oldest Python that the worker runs on.
const OLDEST: (u32, u32) = (3, 9);
/// Interpreters that are known at once.
const MAX_KNOWN: usize = 100;
/// Time that an interpreter gets to say its version.
const PATIENCE: Duration = Duration::from_secs(20);
/// Prints the path behind links and shims, the version, and as JSON the folders that Python and its packages are in, and
/// the sources of the worker, compiled.
const PROBE: &str = r#"import os, sys
print(sys.executable)
print("%d.%d.%d" % tuple(sys.version_info[:3]))
def more():
    import base64, json, marshal
    import _frozen_importlib_external as importer
    sources = json.load(open(3))
    codes = [(name, compile(sources[name], "<tinycode_%s>" % name, "exec", dont_inherit=True)) for name in sources]
    program = os.path.realpath(sys.executable)
    folders = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, program] + sys.path[1:]
    return json.dumps({
        "folders": [os.path.realpath(folder) for folder in folders if os.path.exists(folder)],
        "build": "%s %s" % (sys.version, importer.MAGIC_NUMBER.hex()),
        "codes": {name: base64.b64encode(marshal.dumps(code)).decode() for name, code in codes},
    })
if sys.version_info >= (3, 9):
    print(more())
"#;
const HINT: &str = "install Python 3.9 or newer, or name one with the option `python`";

/// A Python interpreter that has been seen to work.
#[derive(Clone, Debug)]
pub struct Interpreter {
    /// The program itself, behind any shim.
    pub executable: PathBuf,
    /// Its version, such as 3.11.7.
    pub version: String,
    /// Where it and its packages are.
    pub folders: Vec<PathBuf>,
    /// The worker, compiled by it.
    pub worker: Arc<Compiled>,
}

/// The interpreters that have been seen to work, by the names they were asked for.
#[derive(Debug)]
pub struct Interpreters {
    programs: Arc<Programs>,
    /// Each has a lock of its own: one that does not answer holds up nobody who asks for another.
    known: Mutex<HashMap<String, Arc<AsyncMutex<Option<Interpreter>>>>>,
}

impl Interpreters {
    /// None yet, and what runs them.
    #[must_use]
    pub fn new(programs: Programs) -> Self {
        Self {
            programs: Arc::new(programs),
            known: Mutex::default(),
        }
    }

    /// What runs them.
    #[must_use]
    pub const fn programs(&self) -> &Arc<Programs> {
        &self.programs
    }

    /// Finds the interpreter that `name` stands for: a path, or a program on PATH.
    ///
    /// # Errors
    /// When there is none, or it is too old.
    pub async fn find(&self, name: Option<&str>) -> Result<Interpreter, EngineError> {
        let name = name.unwrap_or(DEFAULT);
        let entry = Arc::clone(self.known().entry(name.to_owned()).or_default());
        // Held while probing: a second session that comes meanwhile waits for the same answer.
        let mut known = entry.lock().await;
        if let Some(found) = known.as_ref().filter(|found| found.executable.exists()) {
            return Ok(found.clone());
        }
        let probed = self.probe(name).await;
        match &probed {
            Ok(found) => *known = Some(found.clone()),
            Err(_) => drop(self.known().remove(name)),
        }
        probed
    }

    /// The folders of an installation, as far as they can be told from where its program is: it may be a link into
    /// another.
    fn behind_links(&self, program: &Path) -> Vec<PathBuf> {
        let programs = [program.parent(), program.parent().and_then(Path::parent)];
        let real = program.canonicalize().ok();
        let installed = real
            .iter()
            .flat_map(|real| real.ancestors().skip(1).take(2));
        let folders = programs.into_iter().flatten().chain(installed);
        let folders = folders.filter_map(|folder| folder.canonicalize().ok());
        let is_shown = |folder: &PathBuf| {
            let installation = folder.parent().is_some_and(is_of_python);
            !self.programs.hides(folder) || is_of_python(folder) || installation
        };
        folders.filter(is_shown).collect()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Arc<AsyncMutex<Option<Interpreter>>>>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > MAX_KNOWN {
            known.clear(); // they are asked again
        }
        known
    }

    /// Runs a program in an interpreter, in the sandbox; what it printed, if it succeeded.
    ///
    /// # Errors
    /// When it cannot be started, does not succeed, or takes too long.
    pub async fn run(
        &self,
        python: &Interpreter,
        arguments: &[&str],
        input: &[u8],
    ) -> io::Result<Vec<u8>> {
        let program = Program {
            executable: &python.executable,
            arguments,
            input,
            readable: &python.folders,
        };
        timeout(PATIENCE, self.programs.output(&program)).await?
    }

    /// Checks that `source` defines the function `name`, without running it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn check_function(
        &self,
        python: Option<&str>,
        name: &str,
        source: &str,
    ) -> Result<(), EngineError> {
        let python = self.find(python).await?;
        let check = format!("import os\nos.dup2(3, 0)\n{}", checker());
        let arguments = ["-I", "-c", &check, name];
        let said = self.run(&python, &arguments, source.as_bytes()).await;
        let said = said.ok();
        let said = said.as_deref().map(String::from_utf8_lossy);
        verdict(name, said.as_deref().map(str::trim))
    }

    async fn probe(&self, name: &str) -> Result<Interpreter, EngineError> {
        let sources = worker::sources_as_json();
        let arguments = ["-c", PROBE];
        let program = self.programs.find(name).ok_or_else(|| {
            let why = "no such file or directory on the PATH of the daemon";
            unavailable(format!("the interpreter '{name}' cannot be started: {why}"))
        })?;
        let is_hidden = self.programs.hides(&program) && !self.programs.may_be_planted(&program);
        let said = match is_hidden {
            // What it needs beside itself, as version managers do, may be hidden anywhere. Sessions cannot write there.
            true => {
                let environment = self.programs.environment();
                let said = run(&program, &arguments, sources.as_bytes(), environment);
                timeout(PATIENCE, said).await
            }
            false => {
                let program = Program {
                    executable: &program,
                    arguments: &arguments,
                    input: sources.as_bytes(),
                    readable: &self.behind_links(&program),
                };
                timeout(PATIENCE, self.programs.output(&program)).await
            }
        };
        let said = said
            .map_err(|_| {
                unavailable(format!(
                    "the interpreter '{name}' did not answer within 20 s"
                ))
            })?
            .map_err(|error| {
                unavailable(format!("the interpreter '{name}' cannot be run: {error}"))
            })?;
        let said = String::from_utf8_lossy(&said);
        let mut lines = said.lines();
        let not_working = || unavailable(format!("'{name}' is not a working Python interpreter"));
        let (Some(executable), Some(version)) = (lines.next(), lines.next()) else {
            return Err(not_working());
        };
        if !is_supported(version) {
            return Err(unavailable(format!(
                "'{name}' is Python {version}, which is too old"
            )));
        }
        let more = lines.next().map(serde_json::from_str::<Said>);
        let said = more.and_then(Result::ok).ok_or_else(not_working)?;
        // Without a PATH, Python may not know where it is.
        let executable = match executable {
            "" => program,
            executable => PathBuf::from(executable),
        };
        // What code may have put there says what it likes: only what is of a Python is believed, where it really is.
        let folders = said
            .folders
            .iter()
            .filter_map(|folder| folder.canonicalize().ok());
        let mut folders: Vec<PathBuf> = folders
            .filter(|folder| is_hidden || is_of_python(folder))
            .collect();
        folders.sort();
        folders.dedup_by(|inner, outer| inner.starts_with(outer));
        Ok(Interpreter {
            executable,
            version: version.to_owned(),
            folders,
            worker: Arc::new(Compiled::new(said.build, &said.codes)),
        })
    }
}

/// What an interpreter says of itself beside its path and its version.
#[derive(Deserialize)]
struct Said {
    folders: Vec<PathBuf>,
    build: String,
    codes: HashMap<String, String>,
}

/// Runs a program outside of the sandbox, with `input` on descriptor 3: with nothing of the folder that the daemon runs in,
/// where code may have put modules.
async fn run(
    program: &Path,
    arguments: &[&str],
    input: &[u8],
    environment: &[(OsString, OsString)],
) -> io::Result<Vec<u8>> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let theirs = theirs.into_std()?;
    theirs.set_nonblocking(false)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(environment.iter().cloned())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let bounds = process::Bounds {
        max_memory: None,
        channel: Some(theirs.as_raw_fd()),
    };
    let child = process::spawn(&mut command, &bounds)?;
    drop(theirs);
    let id = child.id();
    let send = async {
        let _ = ours.write_all(input).await; // it need not read it
        let _ = ours.shutdown().await;
    };
    let ((), output) = tokio::join!(send, child.wait_with_output());
    id.into_iter().for_each(process::reaped);
    Ok(output?.stdout)
}

/// Whether a folder is one of a Python: what says so may be something else that code put in its place.
fn is_of_python(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    let has = |file: &str| folder.join(file).is_file();
    let library = || {
        let libraries = std::fs::read_dir(folder.join("lib")).into_iter().flatten();
        libraries
            .flatten()
            .any(|library| library.path().join("os.py").is_file())
    };
    matches!(
        name,
        Some("site-packages" | "dist-packages" | "lib-dynload")
    ) || has("pyvenv.cfg")
        || has("os.py")
        || folder.is_file() && name.is_some_and(|name| name.starts_with("python"))
        || library()
}

/// Whether there is a program of the default name on the PATH of `environment`.
pub fn is_on_path(environment: &[(OsString, OsString)]) -> bool {
    find_on_path(DEFAULT, environment).is_some()
}

/// The program of a name on the PATH of `environment`.
pub fn find_on_path(name: &str, environment: &[(OsString, OsString)]) -> Option<PathBuf> {
    let (_, path) = environment.iter().find(|(name, _)| name == "PATH")?;
    let mut programs = std::env::split_paths(path).map(|folder| folder.join(name));
    programs.find(|program| program.is_file())
}

/// Prints what is wrong with the source that it reads, as the definition of the function that is named.
const PRINT_PROBLEM: &str =
    "\nimport sys\nprint(problem(sys.argv[1], sys.stdin.buffer.read().decode('utf-8')) or '')";

/// What a Python runs to say, on its standard output, what is wrong with such a source.
#[must_use]
pub fn checker() -> String {
    worker::CHECK.to_owned() + PRINT_PROBLEM
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
