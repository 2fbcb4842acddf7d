//! Processes of ours: started so that they cannot outlive us, ended with all their descendants.
//!
//! The code may start processes that leave its process group, and orphan them. Every child of ours is
//! a subreaper, so that its orphans stay below it while it lives; the daemon is one too, so that those
//! of a child which died come to the daemon, where `sweep` finds them: a child of the daemon that this
//! module did not start is such an orphan.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use rustix::process::{
    Pid, Resource, Rlimit, Signal, getrlimit, kill_process, set_child_subreaper, setrlimit,
};
use tokio::process::{Child, Command};

/// The children that this module started and that have not been reaped yet. Held while a child is
/// started or orphans are looked for, so that no child is taken for an orphan.
static CHILDREN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn children() -> MutexGuard<'static, BTreeSet<u32>> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many files a process may open as the daemon found it, which is how its children find it.
static FILES: LazyLock<Rlimit> = LazyLock::new(|| getrlimit(Resource::Nofile));

/// What a child may use and inherit.
#[derive(Debug, Default)]
pub struct Bounds {
    /// Bytes of address space.
    pub max_memory: Option<u64>,
    /// A descriptor of the daemon that the child gets as descriptor 3.
    pub channel: Option<i32>,
}

/// Starts `command` in a session of its own. It dies with the daemon.
///
/// # Errors
/// When it cannot be started.
pub fn spawn(command: &mut Command, bounds: &Bounds) -> io::Result<Child> {
    let max_memory = bounds.max_memory;
    let channel = bounds.channel;
    let files = *FILES;
    // SAFETY: runs between fork and exec and only makes system calls; it does not allocate or lock.
    #[expect(unsafe_code, reason = "the only way to set up a child before exec")]
    unsafe {
        command.pre_exec(move || {
            rustix::process::setsid()?;
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            set_child_subreaper(Some(Pid::INIT))?;
            limit(Resource::Core, 0)?;
            setrlimit(Resource::Nofile, files)?;
            if let Some(bytes) = max_memory {
                limit(Resource::As, bytes)?;
            }
            if let Some(channel) = channel {
                inherit_as_3(channel)?;
            }
            Ok(())
        });
    }
    let mut known = children();
    let child = command.kill_on_drop(true).spawn()?;
    known.extend(child.id());
    Ok(child)
}

fn limit(resource: Resource, bytes: u64) -> io::Result<()> {
    let both = Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    Ok(setrlimit(resource, both)?)
}

fn inherit_as_3(channel: i32) -> io::Result<()> {
    // SAFETY: the caller keeps the descriptor open until the child has been started; 3 is taken over
    // by `dup2` whatever it was, and forgotten so that it stays open across exec.
    #[expect(
        unsafe_code,
        reason = "descriptors are plain numbers between fork and exec"
    )]
    unsafe {
        use std::os::fd::{BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
        let channel = BorrowedFd::borrow_raw(channel);
        let mut three = OwnedFd::from_raw_fd(3);
        let result = rustix::io::dup2(channel, &mut three);
        let result = result.and_then(|()| {
            rustix::io::fcntl_setfd(&three, rustix::io::FdFlags::empty()) // for when it was 3 already
        });
        let _ = three.into_raw_fd();
        Ok(result?)
    }
}

/// Makes the daemon the one that orphans of its children come to, and lets it hold as many of them as it
/// may: each takes a descriptor. Called once at start.
pub fn adopt_orphans() {
    if let Err(error) = set_child_subreaper(Some(Pid::INIT)) {
        tracing::warn!("orphaned processes of generated code cannot be adopted: {error}");
    }
    let files = *FILES;
    let most = Rlimit {
        current: files.maximum,
        maximum: files.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, most) {
        tracing::warn!("many sessions may run out of file descriptors: {error}");
    }
}

/// Kills the process `id` and everything below it. It still has to be reaped.
pub fn kill_tree(id: u32) {
    // Stopped first, top down, so that nothing new is started while we look.
    let mut seen = BTreeSet::from([id]);
    signal(id, Signal::STOP);
    loop {
        let below = descendants(&seen).into_iter();
        let fresh: Vec<u32> = below.filter(|pid| seen.insert(*pid)).collect();
        if fresh.is_empty() {
            break;
        }
        fresh.into_iter().for_each(|pid| signal(pid, Signal::STOP));
    }
    seen.into_iter().for_each(|pid| signal(pid, Signal::KILL));
}

/// Kills all children with everything below them, for a daemon that ends without waiting for its
/// sessions.
pub fn kill_all() {
    let known: Vec<u32> = children().iter().copied().collect();
    known.into_iter().for_each(kill_tree);
}

/// Forgets a child that has been reaped and kills what it left behind.
pub fn reaped(id: u32) {
    let mut known = children();
    known.remove(&id);
    sweep(&known);
}

/// Kills the orphans that came to the daemon, with all below them.
fn sweep(known: &BTreeSet<u32>) {
    let me = std::process::id();
    loop {
        let orphans: BTreeSet<u32> = parents()
            .into_iter()
            .filter(|(pid, parent)| *parent == me && !known.contains(pid))
            .map(|(pid, _)| pid)
            .collect();
        let mut found = false;
        for pid in descendants(&orphans)
            .into_iter()
            .chain(orphans.iter().copied())
        {
            signal(pid, Signal::KILL);
        }
        for orphan in orphans.iter().copied().filter_map(pid) {
            found |= rustix::process::waitpid(Some(orphan), rustix::process::WaitOptions::empty())
                .is_ok();
        }
        if !found {
            return;
        }
    }
}

fn signal(id: u32, signal: Signal) {
    if let Some(pid) = pid(id) {
        let _ = kill_process(pid, signal);
    }
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// All processes below `roots`.
fn descendants(roots: &BTreeSet<u32>) -> BTreeSet<u32> {
    let parents = parents();
    let mut found = BTreeSet::new();
    loop {
        let more: Vec<u32> = parents
            .iter()
            .filter(|(pid, parent)| {
                !found.contains(pid) && (roots.contains(parent) || found.contains(parent))
            })
            .map(|(pid, _)| *pid)
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

fn parent_of(id: u32) -> Option<u32> {
    let stat = fs::read(format!("/proc/{id}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

/// Every process of the machine and its parent.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| Some((pid, parent_of(pid)?)))
        .collect()
}

/// How a process ended, for people.
pub fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(9)) => {
            "was killed by SIGKILL (by another program, or by the system because memory ran out)"
                .to_owned()
        }
        (None, Some(number)) => format!("was killed by {}", signal_name(number)),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

fn signal_name(number: i32) -> String {
    let name = match number {
        4 => "SIGILL (illegal instruction)",
        6 => "SIGABRT (abort)",
        7 => "SIGBUS (bus error)",
        8 => "SIGFPE (arithmetic error)",
        11 => "SIGSEGV (segmentation fault)",
        15 => "SIGTERM",
        24 => "SIGXCPU (processor time used up)",
        _ => return format!("signal {number}"),
    };
    name.to_owned()
}
