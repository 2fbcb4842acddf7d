//! Sessions of a daemon that has a control group delegated to it (cgroup v2): the kernel bounds them as a whole.
//!
//! In a virtual machine, since not every machine has such groups, nor is any here to be changed.

use std::fs;
use std::io::Write;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Daemon, IN_VM, Options, until};

/// A user who is not root.
const USER: u32 = 54_321;
const GROUPS: &str = "/sys/fs/cgroup";
const MIB: u64 = 1 << 20;

/// Whether this is the virtual machine. Elsewhere it runs this test there.
fn is_inside(test: &str) -> bool {
    if std::env::var_os(IN_VM).is_some() {
        return true;
    }
    let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vm/run");
    if std::env::var_os("REQUIRE_VM").is_none() {
        // Not by a macro, whose output a test that passes does not show.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED {test}: with REQUIRE_VM=1 it runs in a virtual machine"
        );
        return false;
    }
    let test = format!("control_groups::{test}");
    let cache = format!("XDG_CACHE_HOME={}", crate::support::cache().display());
    let output = Command::new(&runner)
        .args(["env", &format!("{IN_VM}=1"), &cache])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let all = format!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{all}"
    );
    false
}

/// A group delegated to a user, with the controllers that sessions need.
fn delegated(name: &str, user: u32) -> PathBuf {
    fs::write(
        Path::new(GROUPS).join("cgroup.subtree_control"),
        "+memory +pids",
    )
    .unwrap();
    let group = Path::new(GROUPS).join(name);
    fs::create_dir(&group).unwrap();
    for file in ["", "cgroup.procs", "cgroup.subtree_control"] {
        chown(group.join(file), Some(user), Some(user)).unwrap();
    }
    group
}

/// Moves this process, whose children begin where it is.
fn enter(group: &Path) {
    fs::write(group.join("cgroup.procs"), std::process::id().to_string()).unwrap();
}

fn sessions_in(group: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(group).unwrap().flatten();
    let sessions = entries.filter(|entry| entry.file_name().to_string_lossy().contains("session"));
    sessions.map(|entry| entry.path()).collect()
}

fn is_bounded_by_the_kernel(daemon: &Daemon) -> bool {
    let status = daemon.call("status", json!({})).unwrap();
    let enforced = &status["trust_levels"]["isolated"]["enforced"];
    enforced
        .as_array()
        .unwrap()
        .contains(&json!("control group"))
}

#[test]
fn the_kernel_bounds_sessions_where_a_control_group_is_delegated() {
    if !is_inside("the_kernel_bounds_sessions_where_a_control_group_is_delegated") {
        return;
    }
    let programs = tempfile::tempdir_in("/home").unwrap();
    for user in [0, USER] {
        let group = delegated(&format!("of-{user}"), user);
        let options = Options::default().group(&group);
        let daemon = if user == 0 {
            options.start()
        } else {
            fs::set_permissions(
                programs.path(),
                std::os::unix::fs::PermissionsExt::from_mode(0o755),
            )
            .unwrap();
            options.user(user, programs.path()).start()
        };
        assert!(is_bounded_by_the_kernel(&daemon));
        bounds_hold(&daemon, &group);
        until("no group of a session is left", || {
            sessions_in(&group).is_empty()
        });
    }
}

fn bounds_hold(daemon: &Daemon, group: &Path) {
    let options = |memory: u64| json!({"extra_imports": ["*"], "sandbox": "off", "limits": {"max_memory_bytes": memory, "timeout_seconds": 500}});
    let session = daemon.session(options(256 * MIB));
    session.exec("before = 1");
    for (name, code) in [
        (
            "memory of many",
            "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n        data = bytes(range(256)) * (1 << 19)\n        while True: time.sleep(1)\ntime.sleep(500)",
        ),
        (
            "memory of the kernel",
            "import socket\nkept = []\nwhile True:\n    pair = socket.socketpair(); pair[0].setblocking(False); kept += pair\n    try:\n        while True: pair[0].send(bytes(1 << 16))\n    except BlockingIOError: pass",
        ),
    ] {
        let result = session.exec(code);
        let said = result["error"]["message"].as_str().unwrap_or_default();
        assert!(
            said.contains("more than 256 MiB of memory together"),
            "{name}: {result}"
        );
        assert_eq!(session.exec("before")["value"], "1", "{name}");
        let [group] = &sessions_in(group)[..] else {
            panic!("a session has one group");
        };
        let peak = fs::read_to_string(group.join("memory.peak")).unwrap();
        let peak: u64 = peak.trim().parse().unwrap();
        assert!(peak < 432 * MIB, "{name}: {peak}");
    }
    let result = session.exec(
        "import glob\nwritten = []\nfor path in glob.glob('/sys/fs/cgroup/**/cgroup.*', recursive=True):\n    try: open(path, 'a').close(); written.append(path)\n    except OSError: pass\nwritten",
    );
    assert_eq!(result["value"], "[]");
    session.call("session.close", json!({})).unwrap();
    let session = daemon.session(options(1_024 * MIB));
    let result = session.exec("import os\nwhile True: os.fork()");
    assert!(
        result["error"]
            .to_string()
            .contains("512 processes and threads"),
        "{result}"
    );
    session.call("session.close", json!({})).unwrap();
}

#[test]
fn a_control_group_that_others_are_in_is_left_alone() {
    if !is_inside("a_control_group_that_others_are_in_is_left_alone") {
        return;
    }
    let group = delegated("shared", 0);
    enter(&group);
    let daemon = Options::default().group(&group).start();
    assert!(!is_bounded_by_the_kernel(&daemon));
    let session = daemon.session(json!({"extra_imports": ["*"]}));
    assert_eq!(session.exec("1 + 1")["value"], "2");
    let members = fs::read_to_string(group.join("cgroup.procs")).unwrap();
    let me = std::process::id().to_string();
    assert!(members.lines().any(|pid| pid == me), "{members}");
    assert_eq!(sessions_in(&group), Vec::<PathBuf>::new());
    enter(Path::new(GROUPS));
    let _: Value = session.call("session.close", json!({})).unwrap();
}
