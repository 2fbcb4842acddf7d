//! ISOLATED: a warm Python subprocess for each session.
//!
//! The subprocess has an empty environment but for what Python needs, a temporary folder of its own,
//! a private socket for frames and two pipes for what the code prints. The protection is that of a
//! process: the code cannot crash, hang or grow the daemon, but it has the rights of its user.

mod subprocess;

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::folder::Folder;
use super::forking::Forking;
use super::process;
use super::python::{self, Interpreters};
use super::{Engine, EngineError, Level, Spec, Unit};
use subprocess::Subprocesses;

/// Bytes of memory that the copies of a process may come to hold.
const MOST_COPIED: u64 = 1 << 30;
/// What is enforced on the code, as `status` says it.
const ENFORCED: &[&str] = &[
    "own process",
    "cleared environment",
    "time",
    "output",
    "memory",
    "imports",
];

/// Opens Python subprocesses.
#[derive(Debug)]
pub struct Isolated {
    interpreters: Interpreters,
    /// Made with the first unit.
    folder: OnceCell<Arc<Folder>>,
    environment: Vec<(OsString, OsString)>,
}

impl Isolated {
    /// An engine whose subprocesses get `environment` and nothing else.
    #[must_use]
    pub fn new(environment: Vec<(OsString, OsString)>) -> Self {
        process::adopt_orphans();
        Self {
            interpreters: Interpreters::default(),
            folder: OnceCell::new(),
            environment,
        }
    }
}

#[async_trait]
impl Engine for Isolated {
    async fn level(&self, patience: Duration) -> Level {
        let found = tokio::time::timeout(patience, self.interpreters.find(None)).await;
        let (python_version, unavailable) = match found {
            Ok(Ok(found)) => (Some(found.version), None),
            Ok(Err(error)) => (None, Some(error.to_string())),
            Err(_) if python::is_on_path(&self.environment) => (None, None), // but slow to say more
            Err(_) => (None, Some("there is no python3 on PATH".to_owned())),
        };
        Level {
            engine: "CPython subprocess",
            enforced: ENFORCED.iter().map(|what| (*what).to_owned()).collect(),
            python_version,
            preparing: None,
            unavailable,
        }
    }

    async fn open(&self, spec: Spec) -> Result<Box<dyn Unit>, EngineError> {
        spec.check_cwd()?;
        let folder = self
            .folder
            .get_or_try_init(async || Folder::make().map(Arc::new))
            .await;
        let folder = folder.map_err(|error| {
            EngineError::unavailable(format!("no temporary folder can be made: {error}"))
        })?;
        let source = Subprocesses {
            folder: Arc::clone(folder),
            interpreter: self.interpreters.find(spec.python.as_deref()).await?,
            environment: self.environment.clone(),
        };
        Ok(Box::new(Forking::open(source, spec, MOST_COPIED).await?))
    }

    async fn check_tool(
        &self,
        python: Option<&str>,
        name: &str,
        source: &str,
    ) -> Result<(), EngineError> {
        let interpreter = self.interpreters.find(python).await?;
        python::check_function(&interpreter, name, source).await
    }
}
