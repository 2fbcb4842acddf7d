//! Where the Python of local sessions comes from: built once on each machine, kept in the cache folder.
//!
//! Each build has a folder of its own, named by the hash of all that it is made of, and comes into being
//! by a rename. One daemon builds at a time; the others wait and find what it built.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, SystemTime};

use ring::digest::{Context, SHA256};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::task::spawn_blocking;
use wasmtime::Engine;

use super::component::Python;
use super::host::{DEFAULT_MEMORY, Host};
use super::memory::Interrupt;
use crate::engine::process::{self, Bounds};
use crate::worker;

/// The files that it is made of, by the names that they know each other by.
const SOURCES: &[(&str, &str)] = &[
    ("python.wit", include_str!("python.wit")),
    ("tinycode_guest.py", include_str!("guest.py")),
    ("tinycode_values.py", worker::VALUES),
    ("tinycode_session.py", worker::SESSION),
    ("tinycode_objects.py", worker::OBJECTS),
    ("tinycode_namespace.py", worker::NAMESPACE),
    ("tinycode_check.py", worker::CHECK),
];
const REQUIREMENTS: &str = include_str!("requirements.txt");
/// Counted up when what this file does changes what comes out.
const RECIPE: u32 = 1;

const COMPONENT: &str = "python.wasm";
const PRECOMPILED: &str = "python.cwasm";
const NOTE: &str = "note.json";
const LOCK: &str = "lock";
/// How the name of a folder begins in which something is being built.
const UNFINISHED: &str = ".build-";
/// Time that a build is kept that nobody loads.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Number of the parts that building consists of.
const PARTS: u32 = 4;

/// Where to look for the Python, and what to make it of.
#[derive(Clone, Debug)]
pub struct Provision {
    /// The cache folder of this trust level.
    pub cache: PathBuf,
    /// A component that is there already.
    pub component: Option<PathBuf>,
}

/// A Python that has been built.
#[derive(Clone, Debug)]
pub struct Built {
    folder: PathBuf,
    note: Note,
}

/// What there is to know of a build.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Note {
    /// Hash of the precompiled file.
    sha256: String,
    /// Version of the Python.
    python_version: String,
    /// How it is interrupted.
    interrupt: Option<Interrupt>,
}

/// The Python could not be built.
#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct ProvisionError {
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

/// Takes what is being done: the number of the part, of how many, and its name.
pub type Progress<'a> = &'a (dyn Fn(u32, u32, &str) + Send + Sync);

impl Built {
    /// Version of the Python.
    pub fn python_version(&self) -> &str {
        &self.note.python_version
    }

    /// Loads it, if it is what was built.
    pub fn load(&self, engine: &Engine) -> Result<Python, String> {
        let file = self.folder.join(PRECOMPILED);
        let hash = hash_of(&file).map_err(|error| error.to_string())?;
        if hash != self.note.sha256 {
            return Err("its file is not what was written".to_owned());
        }
        let now = SystemTime::now();
        let note = File::options().append(true).open(self.folder.join(NOTE));
        let _ = note.and_then(|note| note.set_modified(now)); // for `sweep`; nothing else needs it
        Python::load(engine, &file, self.note.interrupt.clone()).map_err(|error| error.to_string())
    }
}

impl Provision {
    /// What has been built for this engine, if it has been.
    pub fn find(&self, engine: &Engine) -> Option<Built> {
        let folder = self.folder(engine).ok()?;
        let note = serde_json::from_slice(&fs::read(folder.join(NOTE)).ok()?).ok()?;
        Some(Built { folder, note })
    }

    /// Builds it, unless another daemon has done so meanwhile. Takes hundreds of megabytes, which stay with
    /// the process: daemons have `tinycode setup` do it.
    ///
    /// # Errors
    /// What is missing for it; nothing is left behind.
    pub async fn build(
        &self,
        engine: &Engine,
        progress: Progress<'_>,
    ) -> Result<Built, ProvisionError> {
        let _lock = self.lock().await?;
        if let Some(built) = self.find(engine)
            && built.load(engine).is_ok()
        {
            return Ok(built);
        }
        self.sweep();
        let target = self
            .folder(engine)
            .map_err(|error| self.unreadable(&error))?;
        let work = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempdir_in(&self.cache);
        let work = work.map_err(cache_error)?;
        let component = work.path().join(COMPONENT);
        match &self.component {
            Some(ready) => {
                let copied = fs::copy(ready, &component);
                copied.map_err(|error| self.unreadable(&error))?;
            }
            None => build_component(work.path(), &component, progress).await?,
        }
        progress(4, PARTS, "compiling it for this machine");
        let note = self.precompile(engine, work.path()).await?;
        for scrap in ["venv", "source"] {
            let _ = fs::remove_dir_all(work.path().join(scrap));
        }
        publish(work, &target).map_err(cache_error)?;
        Ok(Built {
            folder: target,
            note,
        })
    }

    fn unreadable(&self, error: &io::Error) -> ProvisionError {
        let file = self.component.as_deref().unwrap_or(Path::new(""));
        ProvisionError {
            message: format!("the component '{}' cannot be read: {error}", file.display()),
            hint: "give a file made by `tinycode setup`, or none".to_owned(),
        }
    }

    /// Removes what builds left behind that were killed, and those of other versions that nobody has loaded
    /// for long. To be called with the lock.
    fn sweep(&self) {
        let entries = fs::read_dir(&self.cache).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            let loaded = fs::metadata(entry.path().join(NOTE)).and_then(|note| note.modified());
            let is_old = loaded.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > KEPT));
            if is_old || name.to_string_lossy().starts_with(UNFINISHED) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Compiles the component in `folder`, looks whether it works, and notes what was found.
    async fn precompile(&self, engine: &Engine, folder: &Path) -> Result<Note, ProvisionError> {
        let (component, precompiled) = (folder.join(COMPONENT), folder.join(PRECOMPILED));
        let (engine_of_task, file) = (engine.clone(), precompiled.clone());
        let hash = spawn_blocking(move || {
            let bytes = fs::read(&component).map_err(|error| error.to_string())?;
            let compiled = engine_of_task.precompile_component(&bytes);
            let compiled = compiled.map_err(|error| error.to_string())?;
            fs::write(&file, compiled).map_err(|error| error.to_string())?;
            hash_of(&file).map_err(|error| error.to_string())
        });
        let sha256 = hash.await.map_err(unusable)?.map_err(unusable)?;
        let python = Python::load(engine, &precompiled, None).map_err(unusable)?;
        let (python_version, interrupt) = look_at(&python).await.map_err(unusable)?;
        if interrupt.is_none() {
            tracing::warn!("code of local sessions can only be stopped by force");
        }
        let note = Note {
            sha256,
            python_version,
            interrupt,
        };
        let text = serde_json::to_vec(&note).map_err(unusable)?;
        fs::write(folder.join(NOTE), text).map_err(cache_error)?;
        Ok(note)
    }

    /// Where the build for this engine is.
    fn folder(&self, engine: &Engine) -> io::Result<PathBuf> {
        let mut made_of = Context::new(&SHA256);
        match &self.component {
            Some(file) => made_of.update(hash_of(file)?.as_bytes()),
            None => {
                let parts = SOURCES.iter().chain(&[("", REQUIREMENTS)]);
                for (_, part) in parts {
                    made_of.update(&part.len().to_le_bytes());
                    made_of.update(part.as_bytes());
                }
            }
        }
        // Version and settings of wasmtime, and the features of this processor.
        let mut compiled_by = DefaultHasher::new();
        engine
            .precompile_compatibility_hash()
            .hash(&mut compiled_by);
        made_of.update(&compiled_by.finish().to_le_bytes());
        made_of.update(&RECIPE.to_le_bytes());
        Ok(self.cache.join(&hex(made_of.finish().as_ref())[..32]))
    }

    /// Waits until no other daemon builds.
    async fn lock(&self) -> Result<File, ProvisionError> {
        let cache = self.cache.clone();
        let locked = spawn_blocking(move || {
            fs::create_dir_all(&cache)?;
            let file = File::create(cache.join(LOCK))?;
            flock(&file, FlockOperation::LockExclusive)?;
            io::Result::Ok(file)
        });
        locked.await.map_err(unusable)?.map_err(cache_error)
    }
}

/// The version of a Python, and how it is interrupted.
async fn look_at(python: &Python) -> wasmtime::Result<(String, Option<Interrupt>)> {
    let fresh = async || {
        python
            .instantiate(Host::new(DEFAULT_MEMORY, &[], None)?)
            .await
    };
    let version = fresh().await?.version().await?;
    let interrupt = fresh().await?.find_interrupt().await?;
    Ok((version, interrupt))
}

/// Makes the component with tools from PyPI, in an environment of their own.
async fn build_component(
    folder: &Path,
    component: &Path,
    progress: Progress<'_>,
) -> Result<(), ProvisionError> {
    let (venv, source) = (folder.join("venv"), folder.join("source"));
    let requirements = folder.join("source/requirements.txt");
    let written = fs::create_dir(&source).and_then(|()| {
        fs::write(&requirements, REQUIREMENTS)?;
        SOURCES
            .iter()
            .try_for_each(|(name, text)| fs::write(source.join(name), text))
    });
    written.map_err(cache_error)?;
    progress(1, PARTS, "making an environment for its tools");
    let mut command = Command::new("python3");
    command.args(["-m", "venv"]).arg(&venv);
    run(
        command,
        &venv,
        "python3 cannot make a virtual environment",
        INSTALL_PYTHON,
    )
    .await?;
    progress(2, PARTS, "downloading its tools");
    let mut command = Command::new(venv.join("bin/python"));
    command.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
    ]);
    command.args([
        "--only-binary",
        ":all:",
        "--disable-pip-version-check",
        "--retries",
        "2",
    ]);
    command.arg("-r").arg(&requirements);
    run(
        command,
        &venv,
        "its tools cannot be downloaded from PyPI",
        USE_NETWORK,
    )
    .await?;
    progress(3, PARTS, "building it");
    let mut command = Command::new(venv.join("bin/componentize-py"));
    command.arg("-d").arg(source.join("python.wit"));
    command.args(["-w", "python", "componentize", "tinycode_guest", "-p"]);
    command.arg(&source).arg("-o").arg(component);
    run(command, &venv, "it cannot be built", USE_ISOLATED)
        .await
        .map(drop)
}

const INSTALL_PYTHON: &str = "install Python 3.9 or newer with its module venv (on Debian: python3-venv), or give a component that was built elsewhere with --local-component";
const USE_NETWORK: &str = "look whether pip works and PyPI can be reached, or give a component that was built elsewhere with --local-component; the other trust levels work without";
const USE_ISOLATED: &str = "use trust_level \"isolated\", or report this as a defect";
const SET_CACHE: &str = "set XDG_CACHE_HOME to a folder that you may write to";

/// Runs a command to its end; what it complains of last is the reason of a failure.
async fn run(
    mut command: Command,
    venv: &Path,
    failure: &str,
    hint: &str,
) -> Result<(), ProvisionError> {
    command
        .env_remove("PYTHONPATH")
        .env_remove("PYTHONHOME")
        .env("VIRTUAL_ENV", venv)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let failed = |why: String| ProvisionError {
        message: format!("{failure}: {why}"),
        hint: hint.to_owned(),
    };
    let child = process::spawn(&mut command, &Bounds::default());
    let child = child.map_err(|error| failed(error.to_string()))?;
    let id = child.id();
    let output = child.wait_with_output().await;
    id.into_iter().for_each(process::reaped);
    let output = output.map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(failed(last_words(&output))),
    }
}

fn last_words(output: &Output) -> String {
    let said = [&output.stderr, &output.stdout].map(|said| String::from_utf8_lossy(said));
    let mut lines = said.iter().flat_map(|said| said.lines().rev());
    let last = lines.find(|line| !line.trim().is_empty());
    last.unwrap_or("it said nothing").trim().to_owned()
}

/// Puts what was made where it is looked for; what was there and is no good goes.
fn publish(work: TempDir, target: &Path) -> io::Result<()> {
    if target.exists() {
        fs::remove_dir_all(target)?;
    }
    fs::rename(work.path(), target)?;
    let _ = work.keep(); // it is where it belongs
    Ok(())
}

fn hash_of(file: &Path) -> io::Result<String> {
    let mut file = File::open(file)?;
    let mut hash = Context::new(&SHA256);
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(hex(hash.finish().as_ref())),
            length => hash.update(&chunk[..length]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` takes")]
pub fn unusable(error: impl ToString) -> ProvisionError {
    ProvisionError {
        message: format!("it does not work on this machine: {}", error.to_string()),
        hint: USE_ISOLATED.to_owned(),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` takes")]
fn cache_error(error: io::Error) -> ProvisionError {
    ProvisionError {
        message: format!("the cache folder cannot be used: {error}"),
        hint: SET_CACHE.to_owned(),
    }
}
