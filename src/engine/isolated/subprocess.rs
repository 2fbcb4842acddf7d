//! Python subprocesses: how they are started, called and ended.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::engine::copies::Copies;
use crate::engine::folder::Folder;
use crate::engine::forking::{Host, Source};
use crate::engine::process::{self, Adopted, Bounds};
use crate::engine::python::Interpreter;
use crate::engine::{EngineError, Spec};
use crate::worker::{BOOTSTRAP, Link, Process, Start};

/// Time that a fresh interpreter gets to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts Python subprocesses.
pub struct Subprocesses {
    /// Where each has its temporary folder.
    pub folder: Arc<Folder>,
    /// What it runs.
    pub interpreter: Interpreter,
    /// All that it gets of the environment.
    pub environment: Vec<(OsString, OsString)>,
}

/// A Python subprocess.
pub struct Subprocess {
    worker: Worker,
    link: Link,
    /// Removed with all that the code left in it.
    temp: TempDir,
}

/// The process of the session. Dropping it kills it with everything below it but its copies.
enum Worker {
    /// The one that the daemon started.
    Started { child: Child, id: u32 },
    /// A copy that has taken its place.
    Called(Adopted),
}

impl Worker {
    const fn id(&self) -> u32 {
        match self {
            Self::Started { id, .. } => *id,
            Self::Called(process) => process.id(),
        }
    }

    fn is_reaped(&self) -> bool {
        matches!(self, Self::Started { child, .. } if child.id().is_none())
    }

    async fn end(mut self) {
        if !self.is_reaped() {
            process::kill_tree(self.id());
        }
        self.ended().await;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.is_reaped() {
            process::kill_tree(self.id());
        }
        process::reaped(self.id());
    }
}

#[async_trait]
impl Process for Worker {
    fn interrupt(&mut self) {
        match self {
            Self::Started { child, .. } => process::interrupt(child),
            Self::Called(process) => process.signal(Signal::INT),
        }
    }

    async fn ended(&mut self) -> String {
        match self {
            Self::Started { child, .. } => match child.wait().await {
                Ok(status) => process::describe(status),
                Err(error) => format!("cannot be waited for: {error}"),
            },
            Self::Called(process) => process.ended().await,
        }
    }
}

#[async_trait]
impl Source for Subprocesses {
    type Host = Subprocess;

    const PYTHON: &'static str = "the Python process";
    const COPIES_ARE_FRESH: bool = true;

    async fn start(&self, spec: &Spec) -> Result<Subprocess, EngineError> {
        let temp = self.folder.for_session().map_err(|error| {
            EngineError::unavailable(format!("no temporary folder can be made: {error}"))
        })?;
        let (worker, mut link) = self.spawn(spec, temp.path()).map_err(|error| {
            EngineError::unavailable(format!("the Python process cannot be started: {error}"))
        })?;
        let start = Start {
            imports: &spec.imports,
        };
        let begins = async {
            link.send_sources().await?;
            link.begin(&start).await
        };
        let begun = timeout(PATIENCE, begins).await;
        match begun.unwrap_or_else(|late| Err(late.into())) {
            Ok(()) => Ok(Subprocess { worker, link, temp }),
            Err(error) => {
                let why = link.last_said().unwrap_or_else(|| error.to_string());
                Err(EngineError::unavailable(format!(
                    "the Python process does not start: {why}"
                )))
            }
        }
    }
}

impl Subprocesses {
    fn spawn(&self, spec: &Spec, temp: &Path) -> io::Result<(Worker, Link)> {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (stdout, stdout_reader) = pipe::pipe()?;
        let (stderr, stderr_reader) = pipe::pipe()?;
        let mut command = Command::new(&self.interpreter.executable);
        command
            .args(["-c", BOOTSTRAP])
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("TMPDIR", temp)
            .env("PYTHONUTF8", "1")
            .env("MPLBACKEND", "Agg") // plots without a screen
            .stdin(Stdio::null())
            .stdout(stdout.into_blocking_fd()?)
            .stderr(stderr.into_blocking_fd()?);
        if let Some(cwd) = &spec.cwd {
            command.current_dir(cwd);
        }
        let bounds = Bounds {
            max_memory: spec.max_memory,
            channel: Some(theirs.as_raw_fd()),
        };
        let child = process::spawn(&mut command, &bounds)?;
        let id = child.id().ok_or(io::ErrorKind::NotFound)?;
        let link = Link::new(UnixStream::from_std(ours)?, stdout_reader, stderr_reader);
        Ok((Worker::Started { child, id }, link))
    }
}

#[async_trait]
impl Host for Subprocess {
    type Copy = Adopted;

    fn worker(&mut self) -> (&mut Link, &mut dyn Process) {
        (&mut self.link, &mut self.worker)
    }

    fn adopt(&mut self, pid: u32) -> Option<Adopted> {
        Adopted::adopt(pid, self.worker.id()).ok()
    }

    fn discard(&mut self, copy: Adopted) {
        tokio::spawn(copy.end());
    }

    async fn call(&mut self, copy: Adopted, _: &Copies<Adopted>) -> bool {
        let before = std::mem::replace(&mut self.worker, Worker::Called(copy));
        before.end().await;
        if let Worker::Called(copy) = &self.worker {
            copy.signal(Signal::USR1);
        }
        true
    }

    async fn end(self, copies: Copies<Adopted>) {
        let Self { worker, link, temp } = self;
        worker.end().await;
        for copy in copies.into_iter() {
            copy.end().await;
        }
        // What is left to do may take a while: the code may have filled its folder.
        let _ = tokio::task::spawn_blocking(move || drop((link, temp))).await;
    }
}
