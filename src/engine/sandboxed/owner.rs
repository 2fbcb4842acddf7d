//! Which daemon a container belongs to, and whether that daemon still lives.
//!
//! The name of a daemon is its process and the moment that it started, on this boot of this machine and
//! among the processes that it can see: nobody else has it, and nobody has it again.

use std::fs;

/// The name of this daemon.
#[must_use]
pub fn name() -> String {
    let pid = std::process::id();
    format!("{}/{pid}/{}", place(), started(pid).unwrap_or(0))
}

/// Whether the daemon of this name is known to be gone. One of another place is not.
#[must_use]
pub fn is_gone(name: &str) -> bool {
    is_gone_from(name, &place(), started)
}

fn is_gone_from(name: &str, place: &str, started: impl Fn(u32) -> Option<u64>) -> bool {
    let Some((there, rest)) = name.split_once('/') else {
        return false;
    };
    let Some((pid, moment)) = rest.split_once('/') else {
        return false;
    };
    let (Ok(pid), Ok(moment)) = (pid.parse(), moment.parse()) else {
        return false;
    };
    there == place && started(pid) != Some(moment)
}

/// The boot of the machine and the view of its processes.
fn place() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let view = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let view = view.to_string_lossy();
    let number = view.trim_start_matches("pid:[").trim_end_matches(']');
    format!("{}-{number}", boot.trim())
}

/// When the process started, in ticks since the boot.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_is_gone_when_its_process_is_another_or_none() {
        let started = |pid| (pid == 7).then_some(100);
        for (name, gone) in [
            ("here/7/100", false),
            ("here/7/99", true),
            ("here/8/100", true),
            ("there/8/100", false),
            ("here/x/1", false),
            ("here/7", false),
            ("", false),
        ] {
            assert_eq!(is_gone_from(name, "here", started), gone, "{name}");
        }
    }

    #[test]
    fn this_process_is_here() {
        assert!(!is_gone(&name()));
        assert!(started(std::process::id()).is_some_and(|moment| moment > 0));
    }
}
