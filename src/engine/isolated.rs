//! ISOLATED: a warm Python subprocess for each session.
//!
//! The subprocess has an empty environment but for what Python needs, a temporary folder of its own,
//! a private socket for frames and two pipes for what the code prints. The protection is that of a
//! process: the code cannot crash, hang or grow the daemon, but it has the rights of its user.

use std::ffi::OsString;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::copies::Copies;
use super::folder::Folder;
use super::process::{self, Adopted, Bounds};
use super::python::{self, Interpreter, Interpreters};
use super::report::{aside, event, none_runs, outcome, request, token, unanswered};
use super::{
    Answers, Emit, Engine, EngineError, Event, FRESH, Level, Outcome, Query, Spec, State, Step,
    Told, Unanswered, Unit,
};
use crate::worker::{Ended, Frame, Happening, Kept, Link, Process, Start, Watch, to_json};

/// Receives the files of the worker over descriptor 3 and hands the descriptor to them. The current folder
/// is taken off the path first, so that no file in it can pass for a standard module. The worker gets
/// builtins of its own, so that code which rebinds those of its Python does not break the worker. What
/// only queries need is compiled for the first of them.
pub(super) const BOOTSTRAP: &str = r"
import sys
sys.path[:] = [p for p in sys.path if p]
import os
def read(size):
    data = b''
    while len(data) < size:
        piece = os.read(3, size - len(data))
        if not piece:
            os._exit(0)
        data += piece
    return data
own = dict(vars(__builtins__))
names = ['tinycode_session', 'tinycode_process', 'tinycode_objects', 'tinycode_namespace']
sources = {name: read(int.from_bytes(read(4), 'big')) for name in names}
def load(name, *needed):
    module = type(sys)(name)
    module.__file__, module.__builtins__ = '<%s>' % name, own
    sys.modules.update((other.__name__, other) for other in needed)
    exec(compile(sources[name], module.__file__, 'exec'), module.__dict__)
    for other in needed:
        del sys.modules[other.__name__]
    return module
loaded = []
def namespace():
    if not loaded:
        loaded.append(load('tinycode_namespace', load('tinycode_objects')))
    return loaded[0]
load('tinycode_process', load('tinycode_session')).main(3, namespace)
";
/// What errors call that which runs the code.
const PYTHON: &str = "the Python process";
/// Time that a fresh interpreter gets to answer.
const START_PATIENCE: Duration = Duration::from_secs(30);
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
        let mut unit = Subprocess {
            folder: Arc::clone(folder),
            interpreter: self.interpreters.find(spec.python.as_deref()).await?,
            environment: self.environment.clone(),
            spec,
            running: None,
            latest: None,
            token: token(),
        };
        unit.reset().await?;
        Ok(Box::new(unit))
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

/// The unit of an isolated session.
struct Subprocess {
    spec: Spec,
    folder: Arc<Folder>,
    interpreter: Interpreter,
    environment: Vec<(OsString, OsString)>,
    /// None only after a fresh process could not be started.
    running: Option<Running>,
    /// The checkpoint that the state is that of, where no step has begun since.
    latest: Option<u64>,
    /// Separates what a process says on the wire from what the one before it said.
    token: String,
}

struct Running {
    worker: Worker,
    link: Link,
    /// The worker as it was at checkpoints.
    copies: Copies<Adopted>,
    /// Removed with all that the code left in it.
    _temp: TempDir,
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
impl Unit for Subprocess {
    async fn step(
        &mut self,
        step: &Step<'_>,
        answers: &mut Answers,
        events: &dyn Emit<Event>,
        stop: &CancellationToken,
    ) -> Result<Outcome, EngineError> {
        let started = Instant::now();
        if self.running.is_none() {
            self.reset().await?;
        }
        let before = self.latest.take();
        let Some(running) = &mut self.running else {
            return Err(EngineError::unavailable("no Python process is running"));
        };
        let request = request(step, &self.spec);
        let watch = Watch {
            process: &mut running.worker,
            timeout: self.spec.timeout,
            limit: self.spec.max_output,
            stop,
            replies: answers,
            happening: &mut |happening| events.emit(event(happening)),
        };
        let report = running.link.step(request, watch).await;
        let duration = started.elapsed();
        let state = match report.ended {
            Ended::Done(_) => State::Kept,
            _ => self.bring_back(before).await,
        };
        Ok(outcome(report, &self.spec, duration, PYTHON, state, events))
    }

    async fn ask(
        &mut self,
        query: &Query,
        events: &dyn Emit<Event>,
        stop: &CancellationToken,
    ) -> Result<Told, Unanswered> {
        let Some(running) = &mut self.running else {
            return Err(none_runs(PYTHON));
        };
        let (process, happening) = (&mut running.worker, &mut aside(events));
        let told = running.link.ask(query, process, stop, happening).await;
        match told {
            Ok(told) => Ok(told),
            Err(ended) => Err(unanswered(
                ended,
                PYTHON,
                self.bring_back(self.latest).await,
            )),
        }
    }

    async fn reset(&mut self) -> Result<(), EngineError> {
        self.latest = None;
        if !self.call(FRESH).await {
            self.close().await;
            self.running = Some(self.start().await?);
            self.copy(FRESH, &mut |_| ()).await;
        }
        self.latest = self.spec.checkpoints.then_some(FRESH);
        Ok(())
    }

    async fn keep(&mut self, checkpoint: u64, events: &dyn Emit<Event>) -> bool {
        self.copy(checkpoint, &mut aside(events)).await
    }

    fn kept(&self) -> Vec<u64> {
        let copies = self.running.iter().map(|running| &running.copies);
        copies.flat_map(Copies::checkpoints).collect()
    }

    async fn rewind(&mut self, checkpoint: u64) -> Result<(), EngineError> {
        if checkpoint == FRESH {
            return self.reset().await;
        }
        if self.call(checkpoint).await {
            self.latest = Some(checkpoint);
            return Ok(());
        }
        self.reset().await?;
        Err(EngineError::Gone)
    }

    async fn close(&mut self) {
        let Some(Running {
            worker,
            link,
            copies,
            _temp: temp,
        }) = self.running.take()
        else {
            return;
        };
        worker.end().await;
        for copy in copies.into_iter() {
            copy.end().await;
        }
        // What is left to do may take a while: the code may have filled its folder.
        let _ = tokio::task::spawn_blocking(move || drop((link, temp))).await;
    }
}

impl Running {
    /// Takes a copy that `parent` left behind; says whether there is room for it.
    fn adopt(&mut self, checkpoint: u64, kept: Kept, parent: u32) -> bool {
        let adopted = kept.pid.and_then(|pid| Adopted::adopt(pid, parent).ok());
        let Some(process) = adopted else {
            return false;
        };
        for surplus in self.copies.add(checkpoint, process, kept.memory) {
            tokio::spawn(surplus.end());
        }
        self.copies.checkpoints().any(|kept| kept == checkpoint)
    }
}

impl Subprocess {
    /// Has the process leave a copy of itself behind; says whether it did.
    async fn copy(
        &mut self,
        checkpoint: u64,
        happening: &mut (dyn FnMut(Happening) + Send),
    ) -> bool {
        let Some(running) = self.running.as_mut().filter(|_| self.spec.checkpoints) else {
            return false;
        };
        let Running { link, worker, .. } = running;
        let kept = link.keep(worker, &self.token, happening).await;
        let parent = worker.id();
        let kept = kept.is_some_and(|kept| running.adopt(checkpoint, kept, parent));
        self.latest = kept.then_some(checkpoint);
        kept
    }

    /// Brings the state of a checkpoint back in the place of a process that is to end.
    async fn bring_back(&mut self, checkpoint: Option<u64>) -> State {
        if let Some(checkpoint) = checkpoint
            && self.call(checkpoint).await
        {
            self.latest = Some(checkpoint);
            return State::Restored;
        }
        if let Err(error) = self.reset().await {
            tracing::warn!("a fresh Python process could not be started: {error}");
        }
        State::Lost
    }

    /// Ends the process of the session and has a copy take its place; says whether it did. Where it did not,
    /// nothing is running.
    async fn call(&mut self, checkpoint: u64) -> bool {
        let Some(mut running) = self.running.take() else {
            return false;
        };
        let Some(copy) = running.copies.take(checkpoint) else {
            self.running = Some(running);
            return false;
        };
        let id = copy.id();
        let before = std::mem::replace(&mut running.worker, Worker::Called(copy));
        before.end().await;
        if let Worker::Called(copy) = &running.worker {
            copy.signal(Signal::USR1);
        }
        let Running { link, worker, .. } = &mut running;
        let Some(kept) = link.take_over(worker, &self.token).await else {
            self.running = Some(running);
            self.close().await;
            return false;
        };
        running.adopt(checkpoint, kept, id);
        self.running = Some(running);
        true
    }

    async fn start(&self) -> Result<Running, EngineError> {
        let temp = self.folder.for_session().map_err(|error| {
            EngineError::unavailable(format!("no temporary folder can be made: {error}"))
        })?;
        let (worker, mut link) = self.spawn(temp.path()).map_err(|error| {
            EngineError::unavailable(format!("the Python process cannot be started: {error}"))
        })?;
        let imports = Start {
            imports: &self.spec.imports,
        };
        let greeting = async {
            link.send_sources().await?;
            link.send(&to_json(&imports)).await?;
            link.receive().await
        };
        let greeting = tokio::time::timeout(START_PATIENCE, greeting).await;
        match greeting {
            Ok(Ok(Frame::Ready)) => Ok(Running {
                worker,
                link,
                copies: Copies::new(MOST_COPIED),
                _temp: temp,
            }),
            _ => {
                let said = link.take_stderr(2_000);
                let last = said.lines().last().unwrap_or("it said nothing").to_owned();
                Err(EngineError::unavailable(format!(
                    "the Python process does not start: {last}"
                )))
            }
        }
    }

    fn spawn(&self, temp: &Path) -> io::Result<(Worker, Link)> {
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
        if let Some(cwd) = &self.spec.cwd {
            command.current_dir(cwd);
        }
        let bounds = Bounds {
            max_memory: self.spec.max_memory,
            channel: Some(theirs.as_raw_fd()),
        };
        let child = process::spawn(&mut command, &bounds)?;
        let id = child.id().ok_or(io::ErrorKind::NotFound)?;
        let link = Link::new(UnixStream::from_std(ours)?, stdout_reader, stderr_reader);
        Ok((Worker::Started { child, id }, link))
    }
}
