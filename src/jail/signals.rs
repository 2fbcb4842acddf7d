//! Signals that the code sends, where nothing else keeps them apart: before Linux 6.12, without namespaces.
//!
//! The calls that send them are looked at by the init, which lets those go on that are for processes of the session.
//! What they name is a number that the kernel has already read, so that it cannot become another one meanwhile.

use std::collections::BTreeSet;
use std::fs;

use super::processes::{descendants, stat};

/// The calls that send signals.
pub const CALLS: [libc::c_long; 5] = [
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_tgkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
];

/// Whether a call is for processes of the session alone.
pub fn may_go_on(asked: &libc::seccomp_notif) -> bool {
    let session = descendants(&BTreeSet::new());
    match asked.data.args[0] as i32 {
        0 => true, // the group of whoever asks: no group has processes of two sessions
        pid @ 1.. => process_of(pid).is_some_and(|process| session.contains(&process)),
        i32::MIN | -1 => false, // all that there are
        group => session.iter().any(|pid| group_of(*pid) == Some(-group)),
    }
}

/// The process that a thread belongs to.
pub fn process_of(task: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{task}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
    line.trim().parse().ok()
}

/// The group of processes that one belongs to.
fn group_of(pid: i32) -> Option<i32> {
    stat(pid)?.split_whitespace().nth(2)?.parse().ok()
}
