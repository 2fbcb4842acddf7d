//! What the Python of a local session is made of, and how it is made.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use wasmtime::Error;

use super::component::{Instance, Python};
use super::host::{DEFAULT_MEMORY, Host};
use super::pages::Snapshot;
use crate::engine::{EngineError, Spec};
use crate::worker::to_json;

/// What the Python of a session is made of.
pub struct Recipe {
    /// The component.
    pub python: Arc<Python>,
    /// What was asked for.
    pub spec: Spec,
    /// The folders that the code may read: the name that it knows each by, and where it is.
    folders: Vec<(String, PathBuf)>,
}

/// How the guest begins a session.
#[derive(Serialize)]
struct Start<'a> {
    imports: &'a [String],
    cwd: Option<&'a str>,
    packages: Vec<&'a str>,
}

impl Recipe {
    /// One for what was asked, whose code may read folders of packages too.
    ///
    /// # Errors
    /// When an option cannot be met.
    pub fn new(
        python: Arc<Python>,
        mut spec: Spec,
        packages: Vec<PathBuf>,
    ) -> Result<Self, EngineError> {
        let mut folders = Vec::new();
        spec.cwd = spec.cwd.map(|cwd| std::path::absolute(&cwd).unwrap_or(cwd));
        spec.check_cwd()?;
        if let Some(cwd) = &spec.cwd {
            let name = cwd.to_str().ok_or_else(|| EngineError::Option {
                field: "cwd",
                message: "is not UTF-8".to_owned(),
            })?;
            folders.push((name.to_owned(), cwd.clone()));
        }
        let packages = (0..).zip(packages);
        folders.extend(packages.map(|(number, folder)| (format!("/packages/{number}"), folder)));
        Ok(Self {
            python,
            spec,
            folders,
        })
    }

    /// Starts a fresh Python.
    ///
    /// # Errors
    /// When there is not enough memory for it, or it fails.
    pub async fn make(&self) -> Result<Instance, EngineError> {
        let host = self.host().map_err(unavailable)?;
        let (python, frame) = (Arc::clone(&self.python), self.start_frame());
        let started = self.python.threads.run(async move {
            let mut instance = python.instantiate(host).await?;
            instance.start(frame).await?;
            Ok::<_, Error>(instance)
        });
        started.await.map_err(unavailable)?.map_err(unavailable)
    }

    /// Makes a fresh Python what one of the same recipe was.
    ///
    /// # Errors
    /// When it cannot be; it is gone then.
    pub async fn bring_back(
        &self,
        mut instance: Instance,
        snapshot: Arc<Snapshot>,
    ) -> Result<Instance, EngineError> {
        let done = self.python.threads.run(async move {
            instance.go_back(&snapshot).await?;
            Ok::<_, Error>(instance)
        });
        done.await.map_err(unavailable)?.map_err(unavailable)
    }

    fn host(&self) -> wasmtime::Result<Host> {
        Host::new(self.max_memory(), &self.folders, self.python.interrupt())
    }

    /// Bytes that its memory may grow to.
    pub fn max_memory(&self) -> usize {
        let asked = self.spec.max_memory;
        asked.map_or(DEFAULT_MEMORY, |bytes| {
            usize::try_from(bytes).unwrap_or(usize::MAX)
        })
    }

    fn start_frame(&self) -> Vec<u8> {
        let folders = self.folders.iter().map(|(name, _)| name.as_str());
        to_json(&Start {
            imports: &self.spec.imports,
            cwd: self.spec.cwd.as_deref().and_then(|cwd| cwd.to_str()),
            packages: folders.skip(usize::from(self.spec.cwd.is_some())).collect(),
        })
    }

    /// Has the garbage collector of a Python leave alone what there is now.
    ///
    /// # Errors
    /// When it cannot; it is gone then.
    pub async fn freeze(&self, mut instance: Instance) -> Result<Instance, EngineError> {
        let done = self.python.threads.run(async move {
            instance.freeze().await?;
            Ok::<_, Error>(instance)
        });
        done.await.map_err(unavailable)?.map_err(unavailable)
    }

    /// Gives back the memory of a Python, which may take a while.
    pub async fn bury(&self, instance: Instance) {
        let _ = self.python.threads.run(async move { drop(instance) }).await;
    }
}

/// The error where no Python can be had.
pub fn unavailable(error: impl std::fmt::Display) -> EngineError {
    EngineError::unavailable(format!(
        "the Python of a local session cannot be started: {error}"
    ))
}
