//! ISOLATED: a warm Python subprocess for each session, in a sandbox.
//!
//! The subprocess has an empty environment but for what Python needs, a temporary folder of its own,
//! a private socket for frames and two pipes for what the code prints. What else it can touch its sandbox says
//! (`jail/`); what holds of it on this system is tried when the first session is opened.

mod packets;
mod programs;
mod session;
mod spawner;
mod subprocess;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::forking::Forking;
use super::process;
use super::python::{self, Interpreters};
use super::{Engine, EngineError, Level, Spec, Unit};
use crate::jail::{Layers, Sandbox, Without, is_of_project};
pub use programs::{Program, Programs};
use subprocess::Subprocesses;

/// Part of a session's memory that the copies of its process may come to hold.
const COPIED: u64 = 2;
/// Bytes of memory that a session may use where it does not say, on a machine with more than twice as much.
const DEFAULT_MEMORY: u64 = 4 << 30;
/// What holds at this level whatever the system has.
const ENFORCED: &[&str] = &[
    "own process",
    "cleared environment",
    "time",
    "output",
    "memory",
    "disk",
    "imports",
];

/// Opens Python subprocesses.
#[derive(Debug)]
pub struct Isolated {
    programs: Arc<Programs>,
    interpreters: Arc<Interpreters>,
}

/// What isolated sessions need of the daemon's surroundings.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// All that Python gets of the environment.
    pub environment: Vec<(OsString, OsString)>,
    /// The home folder of the user.
    pub home: Option<PathBuf>,
    /// The daemon's own files and folders, which no session may see.
    pub secret: Vec<PathBuf>,
    /// Layers of protection that are left out although the system has them.
    pub without: Without,
}

impl Isolated {
    /// An engine whose sessions run one of these interpreters.
    #[must_use]
    pub fn new(interpreters: Arc<Interpreters>) -> Self {
        process::adopt_orphans();
        Self {
            programs: Arc::clone(interpreters.programs()),
            interpreters,
        }
    }

    async fn layers(&self) -> Result<Layers, EngineError> {
        self.programs.spawner.layers().await.map_err(|error| {
            EngineError::unavailable(format!("no process can be started for sessions: {error}"))
        })
    }
}

/// Half of the machine's memory, and no more than the default.
fn default_memory() -> u64 {
    let known = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = known
        .split_whitespace()
        .nth(1)
        .and_then(|kibibytes| kibibytes.parse().ok());
    total.map_or(DEFAULT_MEMORY, |kibibytes: u64| {
        DEFAULT_MEMORY.min(kibibytes << 9)
    })
}

#[async_trait]
impl Engine for Isolated {
    async fn level(&self, patience: Duration) -> Level {
        let found = tokio::time::timeout(patience, self.interpreters.find(None)).await;
        let (python_version, unavailable) = match found {
            Ok(Ok(found)) => (Some(found.version), None),
            Ok(Err(error)) => (None, Some(error.to_string())),
            Err(_) if python::is_on_path(&self.programs.settings.environment) => (None, None), // but slow to say more
            Err(_) => (None, Some("there is no python3 on PATH".to_owned())),
        };
        let layers = tokio::time::timeout(patience, self.layers()).await;
        let layers = layers.ok().and_then(Result::ok);
        let missing = layers
            .as_ref()
            .map_or_else(Vec::new, |layers| layers.missing(Sandbox::Workspace));
        let sandbox = layers
            .map_or_else(Vec::new, |layers| layers.enforced(Sandbox::Workspace))
            .into_iter();
        Level {
            engine: "CPython subprocess",
            enforced: ENFORCED
                .iter()
                .copied()
                .chain(sandbox)
                .map(str::to_owned)
                .collect(),
            missing,
            python_version,
            preparing: None,
            unavailable,
        }
    }

    async fn open(&self, spec: Spec) -> Result<Box<dyn Unit>, EngineError> {
        spec.check_cwd()?;
        let no_folder =
            |error| EngineError::unavailable(format!("no temporary folder can be made: {error}"));
        let folder = self.programs.folder().await.map_err(no_folder)?;
        let layers = self.layers().await?;
        layers.check(spec.sandbox).map_err(|missing| EngineError::Unavailable {
            message: missing,
            hint: "the sandbox \"workspace\" says what it cannot enforce here; `tinycode doctor` says more".to_owned(),
        })?;
        let settings = &self.programs.settings;
        let cwd = spec.cwd.clone().map_or_else(std::env::current_dir, Ok);
        let cwd = cwd.and_then(|cwd| cwd.canonicalize());
        let cwd = cwd.ok().filter(|cwd| is_of_project(cwd));
        cwd.into_iter().for_each(|cwd| self.programs.works_in(cwd));
        let source = Subprocesses {
            spawner: Arc::clone(&self.programs.spawner),
            folder: Arc::clone(folder),
            interpreter: self.interpreters.find(spec.python.as_deref()).await?,
            environment: settings.environment.clone(),
            layers,
            max_memory: default_memory(),
            home: settings.home.clone(),
            secret: self.programs.secret().await.map_err(no_folder)?,
        };
        let memory = spec.max_memory.unwrap_or(source.max_memory);
        Ok(Box::new(
            Forking::open(source, spec, memory / COPIED).await?,
        ))
    }

    async fn check_tool(
        &self,
        python: Option<&str>,
        name: &str,
        source: &str,
    ) -> Result<(), EngineError> {
        self.interpreters.check_function(python, name, source).await
    }

    async fn not_enforced(&self, sandbox: Sandbox) -> Vec<String> {
        let layers = self.layers().await;
        layers.map_or_else(|_| Vec::new(), |layers| layers.missing(sandbox))
    }

    async fn close(&self) {
        self.programs.spawner.end().await;
    }
}
