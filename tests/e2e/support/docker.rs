//! The Docker engine that sandboxed sessions need, and what is left on it.

use std::io::Write;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::Daemon;

/// The variables that say where the engine is.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars().filter(|(name, _)| name.starts_with("DOCKER_") || name == "XDG_RUNTIME_DIR")
}

/// Whether tests of this trust level can run here. Where sandboxed ones cannot, this says so aloud, and is
/// an error where `REQUIRE_DOCKER` is set.
pub fn has_level(level: &str) -> bool {
    static WHY_NOT: LazyLock<Option<String>> = LazyLock::new(|| {
        let daemon = Daemon::start();
        let status = daemon.call("status", json!({})).unwrap();
        let reason = &status["trust_levels"]["sandboxed"]["reason"];
        reason.as_str().map(str::to_owned)
    });
    let Some(reason) = WHY_NOT.as_ref().filter(|_| level == "sandboxed") else {
        return true;
    };
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    assert!(
        std::env::var_os("REQUIRE_DOCKER").is_none(),
        "{test}: {reason}"
    );
    // Not by a macro, whose output a test that passes does not show.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {reason}");
    false
}

/// The engine, as its own client shows it.
pub struct Docker {
    /// The label of the containers of one daemon.
    label: String,
}

impl Docker {
    /// What it holds of the daemon with this process id.
    pub fn of(daemon: &Daemon) -> Self {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.pid())).unwrap();
        let (_, after_name) = stat.rsplit_once(')').unwrap();
        let started = after_name.split_whitespace().nth(19).unwrap();
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        let view = std::fs::read_link("/proc/self/ns/pid").unwrap();
        let view: String = view
            .to_str()
            .unwrap()
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        let label = format!("{}-{view}/{}/{started}", boot.trim(), daemon.pid());
        Self { label }
    }

    /// The ids of the daemon's containers, whatever state they are in.
    pub fn containers(&self) -> Vec<String> {
        let filter = format!("label=tinycode.daemon={}", self.label);
        let said = docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter]);
        said.lines().map(str::to_owned).collect()
    }

    /// What the engine says of a container.
    pub fn inspect(&self, id: &str) -> Value {
        let said: Value = serde_json::from_str(&docker(&["inspect", id])).unwrap();
        said[0].clone()
    }
}

/// Has Docker's own client do something; returns what it said.
#[track_caller]
pub fn docker(args: &[&str]) -> String {
    try_docker(args).unwrap_or_else(|stderr| panic!("docker {args:?}: {stderr}"))
}

/// Pauses a container. With control groups of version 1 the engine gives up where a process is busy for too long.
#[track_caller]
pub fn pause(id: &str) {
    super::until("the container is paused", || {
        try_docker(&["pause", id]).is_ok()
    });
}

fn try_docker(args: &[&str]) -> Result<String, String> {
    let output = Command::new("docker").args(args).output().unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
