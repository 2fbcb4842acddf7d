//! The control group of a session (cgroup v2), by which the kernel bounds what all its processes use together.
//!
//! The daemon needs a group that was delegated to it and holds no processes but its own: processes and groups below it
//! cannot share one, so the daemon moves to a group below its own, beside those of its sessions.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::{AtFlags, Mode, OFlags, open, openat, unlinkat};
use rustix::io::Errno;
use rustix::process::getppid;

use super::messages::Bounds;
use super::processes;

/// Where version 2 is mounted on systems that use it alone; where they use both, it bounds nothing.
const MOUNTED: &str = "/sys/fs/cgroup";
/// The group of the daemon's own processes.
const DAEMON: &str = "tinycode-daemon";
/// What the groups of sessions are named after.
const SESSION: &str = "tinycode-session-";
/// How often processes that the daemon has just started are moved too.
const ATTEMPTS: usize = 5;
/// How often a group is tried to be removed.
const REMOVALS: usize = 200;
/// Part of its bound that a session may exceed it by for the moment that it takes to stop it.
const LEEWAY: u64 = 8;

/// Makes room for groups of sessions, and returns the group that they are made in. Moves the daemon, whose child this
/// process is; `None` where no group with bounds on memory and processes has been delegated to it.
pub fn delegated() -> Option<PathBuf> {
    let memberships = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = memberships
        .lines()
        .find_map(|line| line.strip_prefix("0::"))?;
    let own = Path::new(MOUNTED).join(own.trim_start_matches('/'));
    let moved = own.ends_with(DAEMON);
    let parent = if moved { own.parent()?.to_owned() } else { own };
    let controllers = fs::read_to_string(parent.join("cgroup.controllers")).ok()?;
    let has = |name: &str| controllers.split_whitespace().any(|other| other == name);
    if !has("memory") || !has("pids") || (!moved && make_room(&parent).is_none()) {
        return None;
    }
    remove_stale(&parent);
    let bounds = Bounds {
        memory: 64 << 20,
        processes: 8,
        disk: 0,
        files: 0,
    };
    let tried = Group::make(&parent, "probe", &bounds, bounds.memory);
    tried.ok().map(|_| parent)
}

/// Moves the daemon and its children to a group below theirs, if nobody else is in it.
fn make_room(parent: &Path) -> Option<()> {
    let daemon = getppid()?.as_raw_pid();
    let leaf = parent.join(DAEMON);
    for _ in 0..ATTEMPTS {
        let found = fs::read_to_string(parent.join("cgroup.procs")).ok()?;
        let found: Option<Vec<i32>> = found.lines().map(|pid| pid.parse().ok()).collect();
        let found = found?;
        let mut ours = processes::below(daemon, &BTreeSet::new());
        ours.insert(daemon);
        if !found.iter().all(|pid| ours.contains(pid)) {
            return None;
        }
        if !leaf.is_dir() {
            fs::create_dir(&leaf).ok()?;
        }
        for pid in found {
            let _ = fs::write(leaf.join("cgroup.procs"), pid.to_string()); // it may have ended
        }
        if fs::write(parent.join("cgroup.subtree_control"), "+memory +pids").is_ok() {
            return Some(());
        }
    }
    None
}

/// Removes groups that sessions left behind; those that have processes cannot be removed.
fn remove_stale(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with(SESSION) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// The group of a session, removed when dropped. Its descriptors stay valid whatever is mounted later.
#[derive(Debug)]
pub struct Group {
    parent: OwnedFd,
    name: OsString,
    processes: File,
    usage: File,
    swap: Option<File>,
    events: File,
    parts: File,
}

impl Group {
    /// A group without processes. Beyond `most` bytes of memory the kernel slows it down and `events` says so; it never
    /// has much more.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn make(parent: &Path, name: &str, bounds: &Bounds, most: u64) -> io::Result<Self> {
        let name = OsString::from(format!("{SESSION}{name}"));
        let path = parent.join(&name);
        fs::create_dir(&path)?;
        let made = Self::bounded(parent, &path, name, bounds, most);
        if made.is_err() {
            let _ = fs::remove_dir(&path);
        }
        made
    }

    fn bounded(
        parent: &Path,
        path: &Path,
        name: OsString,
        bounds: &Bounds,
        most: u64,
    ) -> io::Result<Self> {
        fs::write(path.join("memory.high"), most.to_string())?;
        let wall = most.saturating_add(most / LEEWAY);
        fs::write(path.join("memory.max"), wall.to_string())?;
        fs::write(path.join("pids.max"), bounds.processes.to_string())?;
        let swap = path.join("memory.swap.max");
        if swap.exists() {
            fs::write(swap, most.to_string())?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = open(path, flags, Mode::empty())?;
        let file = |name: &str, flags: OFlags| {
            openat(&folder, name, flags | OFlags::CLOEXEC, Mode::empty()).map(File::from)
        };
        Ok(Self {
            parent: open(parent, flags, Mode::empty())?,
            name,
            processes: file("cgroup.procs", OFlags::WRONLY)?,
            usage: file("memory.current", OFlags::RDONLY)?,
            swap: file("memory.swap.current", OFlags::RDONLY).ok(),
            events: file("memory.events", OFlags::RDONLY)?,
            parts: file("memory.stat", OFlags::RDONLY)?,
        })
    }

    /// Moves this process, which has one thread, into the group.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn enter(&self) -> io::Result<()> {
        self.processes.write_all_at(b"0", 0)
    }

    /// Bytes of memory of the group, without what the kernel gives back when it is needed.
    pub fn memory(&self) -> Option<u64> {
        let used = number(&self.usage)? + self.swap.as_ref().and_then(number).unwrap_or(0);
        let parts = text(&self.parts)?;
        let given_back = ["active_file", "inactive_file", "slab_reclaimable"];
        let given_back = given_back.iter().filter_map(|name| field(&parts, name));
        Some(used.saturating_sub(given_back.sum()))
    }

    /// Processes that the kernel has ended because the group used too much.
    pub fn killed(&self) -> u64 {
        let events = text(&self.events).unwrap_or_default();
        field(&events, "oom_kill").unwrap_or(0)
    }

    /// A descriptor with an exceptional condition when the group used too much, until `hear`.
    pub fn events(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    /// Hears what `events` says.
    pub fn hear(&self) {
        let _ = text(&self.events);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for _ in 0..REMOVALS {
            // Processes that have been killed are in it until they have ended.
            if unlinkat(&self.parent, &self.name, AtFlags::REMOVEDIR) != Err(Errno::BUSY) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        } // else the next spawner tries again
    }
}

fn text(file: &File) -> Option<String> {
    let mut buffer = [0; 8 << 10];
    let read = file.read_at(&mut buffer, 0).ok()?;
    Some(String::from_utf8_lossy(&buffer[..read]).into_owned())
}

fn number(file: &File) -> Option<u64> {
    text(file)?.trim().parse().ok()
}

/// The number of a line `NAME NUMBER`.
fn field(lines: &str, name: &str) -> Option<u64> {
    let line = lines
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line?.trim().parse().ok()
}
