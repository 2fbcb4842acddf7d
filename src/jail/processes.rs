//! The processes of a session, as its init finds them: all that descend from it.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process};

/// Ends all processes of the session but those of `keep`, whatever they do to escape; `reaped` takes those that end.
pub fn end_all_but(keep: &BTreeSet<i32>, mut reaped: impl FnMut(i32, i32)) {
    let mut seen = stop_all_but(keep);
    seen.iter().for_each(|pid| signal(*pid, Signal::KILL));
    // Those that end hand their children to this process.
    loop {
        while let Some((pid, status)) = reap() {
            seen.remove(&pid);
            reaped(pid, status);
        }
        let left = descendants(keep);
        if left.is_empty() {
            break;
        }
        left.iter().for_each(|pid| signal(*pid, Signal::KILL));
        thread::sleep(Duration::from_micros(500)); // they are on their way out
    }
}

/// Stops all processes of the session but those of `keep`, and those that they start meanwhile.
pub fn stop_all_but(keep: &BTreeSet<i32>) -> BTreeSet<i32> {
    let mut seen = BTreeSet::new();
    loop {
        let found = descendants(keep);
        let fresh: Vec<i32> = found.into_iter().filter(|pid| seen.insert(*pid)).collect();
        if fresh.is_empty() {
            return seen;
        }
        fresh.into_iter().for_each(|pid| signal(pid, Signal::STOP));
    }
}

/// Takes a child that has ended, and how it did.
pub fn reap() -> Option<(i32, i32)> {
    let (pid, status) = rustix::process::wait(WaitOptions::NOHANG).ok()??;
    Some((pid.as_raw_pid(), status.as_raw()))
}

/// Sends a signal to a process of the session.
pub fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, signal);
    }
}

/// All processes below this one but those of `without` and their children.
pub fn descendants(without: &BTreeSet<i32>) -> BTreeSet<i32> {
    below(rustix::process::getpid().as_raw_pid(), without)
}

/// All processes below `root` but those of `without` and their children.
pub fn below(root: i32, without: &BTreeSet<i32>) -> BTreeSet<i32> {
    let parents = parents();
    let mut found = BTreeSet::from([root]);
    loop {
        let below = parents.iter().filter(|(pid, parent)| {
            found.contains(parent) && !found.contains(pid) && !without.contains(pid)
        });
        let below: Vec<i32> = below.map(|(pid, _)| *pid).collect();
        if below.is_empty() {
            found.remove(&root);
            return found;
        }
        found.extend(below);
    }
}

/// Every process that can be seen, and its parent. One that has ended counts until it is reaped: threads of it may
/// still run.
fn parents() -> Vec<(i32, i32)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: i32| Some((pid, parent_of(pid)?)))
        .collect()
}

fn parent_of(pid: i32) -> Option<i32> {
    stat(pid)?.split_whitespace().nth(1)?.parse().ok()
}

/// The fields of `/proc/PID/stat` after the name, which code chooses: state, parent, group and so on.
pub fn stat(pid: i32) -> Option<String> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, after_name) = stat.rsplit_once(')')?;
    Some(after_name.to_owned())
}
