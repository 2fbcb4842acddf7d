//! Python subprocesses: how they are started, restored and ended.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use super::programs::apart;
use super::session::{Processes, bytes};
use super::spawner::Spawner;
use crate::engine::copies::Copies;
use crate::engine::folder::{Folder, SessionFolder};
use crate::engine::forking::{Host, Source};
use crate::engine::python::Interpreter;
use crate::engine::{EngineError, Spec};
use crate::jail::{Bounds, Launch, Layers, Sandbox, is_of_project};
use crate::worker::{BOOTSTRAP, Link, Process, Refusals, Start};

/// Time that a fresh interpreter gets to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Processes and threads of a session.
const MAX_PROCESSES: u64 = 512;
/// Bytes in the temporary folder of a session.
const MAX_DISK: u64 = 4 << 30;
/// Files that one process may have open.
const MAX_FILES: u64 = 4_096;

/// Starts Python subprocesses.
pub struct Subprocesses {
    /// What starts them.
    pub spawner: Arc<Spawner>,
    /// Where each has its temporary folder.
    pub folder: Arc<Folder>,
    /// What it runs.
    pub interpreter: Interpreter,
    /// All that it gets of the environment.
    pub environment: Vec<(OsString, OsString)>,
    /// What the system has.
    pub layers: Layers,
    /// Bytes of memory, where the session does not say.
    pub max_memory: u64,
    /// The home folder of the daemon's user.
    pub home: Option<PathBuf>,
    /// What no session may see.
    pub secret: Vec<PathBuf>,
}

/// A Python subprocess.
pub struct Subprocess {
    processes: Processes,
    link: Link,
    /// Removed with all that the code left in it.
    temp: SessionFolder,
}

/// A copy of a worker, which waits: the number of its process in the session.
pub struct Copy(i32);

#[async_trait]
impl Source for Subprocesses {
    type Host = Subprocess;

    const PYTHON: &'static str = "the Python process";
    const COPIES_ARE_FRESH: bool = true;

    async fn start(&self, spec: &Spec) -> Result<Subprocess, EngineError> {
        let temp = self.folder.for_session().map_err(|error| {
            EngineError::unavailable(format!("no temporary folder can be made: {error}"))
        })?;
        let launch = self
            .plan(spec, &temp)
            .map_err(|error| EngineError::Option {
                field: "cwd",
                message: format!("the working folder cannot be used: {error}"),
            })?;
        let (processes, mut link) = self.spawn(&launch).await.map_err(|error| {
            EngineError::unavailable(format!("the Python process cannot be started: {error}"))
        })?;
        let start = Start {
            imports: &spec.imports,
            refusals: refusals(&launch, &self.layers),
        };
        let begins = async {
            link.send_sources(&self.interpreter.worker).await?;
            link.begin(&start).await
        };
        let begun = timeout(PATIENCE, begins).await;
        match begun.unwrap_or_else(|late| Err(late.into())) {
            Ok(()) => Ok(Subprocess {
                processes,
                link,
                temp,
            }),
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
    fn plan(&self, spec: &Spec, temp: &SessionFolder) -> io::Result<Launch> {
        let cwd = spec.cwd.clone().map_or_else(std::env::current_dir, Ok)?;
        let constant = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
        let own = [
            constant("PYTHONUTF8", "1"),
            constant("MPLBACKEND", "Agg"), // plots without a screen
        ];
        Ok(Launch {
            executable: self.interpreter.executable.clone().into(),
            arguments: vec!["-c".into(), BOOTSTRAP.into()],
            environment: self.environment.iter().cloned().chain(own).collect(),
            cwd: cwd.canonicalize()?,
            temp: temp.path().to_owned(),
            sandbox: spec.sandbox,
            network: spec.network,
            bounds: Bounds {
                memory: spec.max_memory.unwrap_or(self.max_memory),
                processes: MAX_PROCESSES,
                disk: MAX_DISK,
                files: MAX_FILES,
            },
            readable: apart(
                &self.interpreter.folders,
                self.home.as_deref(),
                &self.secret,
            ),
            home: self.home.clone(),
            secret: self.secret.clone(),
        })
    }

    async fn spawn(&self, launch: &Launch) -> io::Result<(Processes, Link)> {
        let launched = self.spawner.launch(launch).await?;
        let Bounds { memory, disk, .. } = launch.bounds;
        let processes = Processes::started(launched.control, memory, disk);
        let processes = processes.await.map_err(io::Error::other)?;
        let link = Link::new(launched.channel, launched.stdout, launched.stderr);
        Ok((processes, link))
    }
}

/// What the code is told of a refusal.
fn refusals(launch: &Launch, layers: &Layers) -> Refusals {
    let Launch { sandbox, .. } = launch;
    let confined = *sandbox != Sandbox::Off;
    let is_other_user = layers.root && layers.namespaces;
    let cwd = launch.cwd.display();
    let reads = match (is_other_user, layers.namespaces) {
        (true, _) => "what everyone may but hidden files of the home folder",
        (false, true) => "what its user may but hidden files of the home folder",
        (false, false) => {
            "what its user may but hidden files of the home folder and what programs share, such as /tmp"
        }
    };
    let writes = if is_of_project(&launch.cwd) {
        format!("{cwd} and its temporary folder")
    } else {
        "its temporary folder alone".to_owned()
    };
    let access = match sandbox {
        Sandbox::Strict => format!(
            "This session may read Python, its packages and {cwd}, and write its temporary folder alone; the option \
             `sandbox: \"workspace\"` allows more."
        ),
        Sandbox::Workspace => format!(
            "This session may read {reads}, and write {writes}; the option `sandbox: \"off\"` allows more."
        ),
        Sandbox::Off if is_other_user => {
            "This session runs as an unprivileged user, since the daemon is root's: it may do what everyone may, and \
             write its working folder and its temporary folder; a daemon of an ordinary user allows more."
                .to_owned()
        }
        Sandbox::Off => {
            "This session has the files of its user, and none of others; no option allows more.".to_owned()
        }
    };
    let home = launch
        .home
        .as_deref()
        .filter(|home| *home != Path::new("/"));
    let mut covered = Vec::new();
    if confined && layers.namespaces {
        let hidden = if *sandbox == Sandbox::Strict {
            "/"
        } else {
            "/."
        };
        covered.extend(home.map(|home| format!("{}{hidden}", home.display())));
        covered.extend(["/tmp/", "/var/tmp/", "/run/"].map(str::to_owned));
    }
    let folder = |folder: &Path| format!("{}/", folder.display());
    let is_covered = covered
        .iter()
        .any(|prefix| folder(&launch.cwd).starts_with(prefix));
    let unseen = match sandbox {
        Sandbox::Strict => "sees nothing of the home folder but its working folder",
        _ => "does not see hidden files of the home folder",
    };
    let more = if *sandbox == Sandbox::Strict {
        "workspace"
    } else {
        "off"
    };
    let memory = bytes(launch.bounds.memory);
    let processes = launch.bounds.processes;
    Refusals {
        access,
        rights: "This session may touch no process but its own, and has no privileges; no option allows more."
            .to_owned(),
        unseen: format!(
            "This session {unseen}, and has a /tmp of its own; the option `sandbox: \"{more}\"` allows more."
        ),
        covered,
        shown: is_covered.then(|| folder(&launch.cwd)).into_iter().collect(),
        writable: match sandbox {
            Sandbox::Workspace if is_of_project(&launch.cwd) => vec![folder(&launch.cwd)],
            _ => Vec::new(),
        },
        network: if launch.network {
            String::new()
        } else {
            "This session has no network; the option `network: \"host\"` gives it one.".to_owned()
        },
        memory: format!(
            "This session may use {memory} of memory; the option `limits.max_memory_bytes` allows more."
        ),
        processes: format!(
            "This session may have {processes} processes and threads; no option allows more."
        ),
    }
}

#[async_trait]
impl Host for Subprocess {
    type Copy = Copy;

    fn worker(&mut self) -> (&mut Link, &mut dyn Process) {
        self.processes.watch();
        (&mut self.link, &mut self.processes)
    }

    fn adopt(&mut self, pid: u32) -> Option<Copy> {
        i32::try_from(pid).ok().map(Copy)
    }

    fn discard(&mut self, copy: Copy) {
        self.processes.kill(copy.0);
    }

    async fn call(&mut self, copy: Copy, others: &Copies<Copy>) -> bool {
        let keep = others.iter().map(|copy| copy.0).collect();
        self.processes.replace(copy.0, keep).await
    }

    async fn end(self, _: Copies<Copy>) {
        let Self {
            mut processes,
            mut link,
            temp,
        } = self;
        link.leave(&mut processes).await;
        processes.end().await;
        // What is left to do may take a while: the code may have filled its folder.
        let _ = tokio::task::spawn_blocking(move || drop((link, temp))).await;
    }
}
