//! The daemon's folder for what its sessions put down, and nothing that outlives it.
//!
//! A daemon that was killed leaves its folder behind. Each folder has a lock that its daemon holds while
//! it lives, so the next one to start can tell which are left over, whatever process ids mean here.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

use crate::jail::remove;

const PREFIX: &str = "tinycode-";
const LOCK: &str = "lock";
/// Age at which a folder without a lock is taken for left over: it is not just being made.
const SETTLED: Duration = Duration::from_secs(60);

/// A folder that goes with the daemon.
#[derive(Debug)]
pub struct Folder {
    root: TempDir,
    _lock: File,
}

impl Folder {
    /// Makes the folder, of mode 0700, and removes those of daemons that were killed.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make() -> io::Result<Self> {
        remove_left_over(&std::env::temp_dir());
        let root = private(&mut tempfile::Builder::new(), None)?;
        let lock = File::create(root.path().join(LOCK))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { root, _lock: lock })
    }

    /// Makes a folder in it, of mode 0700, for one session.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn for_session(&self) -> io::Result<SessionFolder> {
        let folder = private(&mut tempfile::Builder::new(), Some(self.root.path()))?;
        Ok(SessionFolder(folder.keep()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.root.path()
    }
}

/// The folder of a session, removed with what its code left in it.
#[derive(Debug)]
pub struct SessionFolder(PathBuf);

impl SessionFolder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SessionFolder {
    fn drop(&mut self) {
        let _ = remove::folder(&self.0); // it may be gone
    }
}

fn private(builder: &mut tempfile::Builder<'_, '_>, within: Option<&Path>) -> io::Result<TempDir> {
    let builder = builder.permissions(Permissions::from_mode(0o700));
    match within {
        Some(folder) => builder.prefix("session-").tempdir_in(folder),
        None => builder.prefix(PREFIX).tempdir(),
    }
}

fn remove_left_over(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if ours && is_left_over(&entry.path()) {
            let _ = remove::folder(&entry.path()); // another user's cannot be, and stays
        }
    }
}

fn is_left_over(folder: &Path) -> bool {
    let age = fs::symlink_metadata(folder).and_then(|data| data.modified());
    let settled = age.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > SETTLED));
    settled
        && File::open(folder.join(LOCK))
            .is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settled_folders_whose_daemon_is_gone_are_left_over() {
        let place = tempfile::tempdir().unwrap();
        let old = std::time::SystemTime::now() - 2 * SETTLED;
        for (name, held, settled) in [
            ("live", true, true),
            ("young", false, false),
            ("dead", false, true),
        ] {
            let folder = place.path().join(format!("{PREFIX}{name}"));
            fs::create_dir(&folder).unwrap();
            let lock = File::create(folder.join(LOCK)).unwrap();
            if held {
                flock(&lock, FlockOperation::LockExclusive).unwrap();
                std::mem::forget(lock);
            }
            if settled {
                File::open(&folder).unwrap().set_modified(old).unwrap();
            }
        }
        remove_left_over(place.path());
        let mut left: Vec<_> = fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["tinycode-live", "tinycode-young"]);
    }
}
