//! Programs that the daemon runs for its own ends, such as an interpreter that is asked for its version: in the sandbox
//! too, since code of a session may have put something in their place.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use super::Settings;
use super::packets::Packets;
use super::spawner::{Launched, Spawner};
use crate::engine::folder::{Folder, SessionFolder};
use crate::engine::process::describe;
use crate::engine::python::find_on_path;
use crate::jail::{Bounds, Launch, Report, Sandbox, is_hidden};

const BOUNDS: Bounds = Bounds {
    memory: 1 << 30,
    processes: 64,
    disk: 64 << 20,
    files: 1_024,
};
/// Bytes of what a program says.
const MAX_SAID: u64 = 4 << 20;

/// Runs programs in the sandbox, and sessions.
#[derive(Debug)]
pub struct Programs {
    pub(super) settings: Settings,
    pub(super) spawner: Arc<Spawner>,
    /// Made with the first that runs.
    folder: OnceCell<Arc<Folder>>,
    /// The folders that sessions work in.
    written: Mutex<BTreeSet<PathBuf>>,
}

/// A program to run.
#[derive(Debug)]
pub struct Program<'a> {
    /// Where it is.
    pub executable: &'a Path,
    /// Its arguments.
    pub arguments: &'a [&'a str],
    /// What it can read from descriptor 3.
    pub input: &'a [u8],
    /// Folders that it may read although they are hidden.
    pub readable: &'a [PathBuf],
}

impl Programs {
    /// Programs with these surroundings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            spawner: Arc::new(Spawner::new(settings.without.clone())),
            settings,
            folder: OnceCell::new(),
            written: Mutex::default(),
        }
    }

    /// The daemon's folder for temporary folders.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) async fn folder(&self) -> io::Result<&Arc<Folder>> {
        let make = async || Folder::make().map(Arc::new);
        self.folder.get_or_try_init(make).await
    }

    /// What no session may see.
    ///
    /// # Errors
    /// When the daemon's folder cannot be made.
    pub(super) async fn secret(&self) -> io::Result<Vec<PathBuf>> {
        let mut secret = self.settings.secret.clone();
        secret.push(self.folder().await?.path().to_owned());
        Ok(secret)
    }

    /// Runs a program to its end; what it printed, if it succeeded. Dropping the future ends it.
    ///
    /// # Errors
    /// When it cannot be started, or does not succeed.
    pub async fn output(&self, program: &Program<'_>) -> io::Result<Vec<u8>> {
        let temp = Aside(Some(self.folder().await?.for_session()?));
        let secret = self.secret().await?;
        let launch = Launch {
            executable: program.executable.into(),
            arguments: program.arguments.iter().map(OsString::from).collect(),
            environment: self.settings.environment.clone(),
            cwd: temp.path(),
            temp: temp.path(),
            sandbox: Sandbox::Workspace,
            network: false,
            bounds: BOUNDS,
            readable: apart(program.readable, self.settings.home.as_deref(), &secret),
            home: self.settings.home.clone(),
            secret,
        };
        let Launched {
            control,
            mut channel,
            stdout,
            mut stderr,
        } = self.spawner.launch(&launch).await?;
        let mut stdout = stdout.take(MAX_SAID);
        let mut said = Vec::new();
        let mut nowhere = tokio::io::sink();
        let (_, read, _, ended) = tokio::join!(
            async {
                channel.write_all(program.input).await?; // it need not read it
                channel.shutdown().await
            },
            stdout.read_to_end(&mut said),
            tokio::io::copy(&mut stderr, &mut nowhere),
            status(&control),
        );
        read?;
        match ended? {
            0 => Ok(said),
            status => {
                let how = describe(ExitStatus::from_raw(status));
                Err(io::Error::other(format!("it {how}")))
            }
        }
    }

    /// All that programs get of the environment.
    #[must_use]
    pub fn environment(&self) -> &[(OsString, OsString)] {
        &self.settings.environment
    }

    /// The program that a name stands for: a path, or one on the PATH of sessions.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        if name.contains('/') {
            return std::path::absolute(name).ok();
        }
        find_on_path(name, self.environment())
    }

    /// Notes that a session works in a folder, where its code can write.
    pub(super) fn works_in(&self, cwd: PathBuf) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.insert(cwd);
    }

    /// Whether a path is below a folder that a session works in.
    #[must_use]
    pub fn may_be_planted(&self, path: &Path) -> bool {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.iter().any(|folder| path.starts_with(folder))
    }

    /// Whether a path is below a hidden entry of the user's home folder, or among the daemon's own files.
    #[must_use]
    pub fn hides(&self, path: &Path) -> bool {
        let secret = &self.settings.secret;
        if secret.iter().any(|secret| path.starts_with(secret)) {
            return true;
        }
        let home = self.settings.home.as_deref();
        let inner = home.and_then(|home| path.strip_prefix(home).ok());
        let entry = inner.and_then(|inner| inner.components().next());
        entry.is_some_and(|entry| is_hidden(entry.as_os_str()))
    }
}

/// A temporary folder that is removed on a thread of its own: what is in it may be much.
struct Aside(Option<SessionFolder>);

impl Aside {
    fn path(&self) -> PathBuf {
        self.0
            .as_ref()
            .map(SessionFolder::path)
            .map_or_else(PathBuf::new, Path::to_owned)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        let folder = self.0.take();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn_blocking(move || drop(folder));
        }
    }
}

/// Those of an interpreter's folders that are its own, and not ones that all the user's are in or the daemon's.
pub(super) fn apart(folders: &[PathBuf], home: Option<&Path>, secret: &[PathBuf]) -> Vec<PathBuf> {
    let others = || home.into_iter().chain(secret.iter().map(PathBuf::as_path));
    let is_apart = |folder: &&PathBuf| {
        let holds = |other: &Path| other.starts_with(folder);
        **folder != Path::new("/") && !others().any(holds)
    };
    folders.iter().filter(is_apart).cloned().collect()
}

/// The status that a program ends with, as `waitpid` gives it.
async fn status(control: &Packets) -> io::Result<i32> {
    loop {
        match control.receive().await? {
            Some(Report::Exited { status, .. }) => return Ok(status),
            Some(Report::Started { .. } | Report::Replaced) => {}
            Some(Report::Failed { doing, error }) => {
                return Err(io::Error::other(format!("could not {doing}: {error}")));
            }
            Some(Report::Exceeded(_)) => return Err(io::Error::other("it used too much")),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
