//! What the tests drive the daemon with. Nothing here sleeps: whatever is waited for is waited for
//! with a deadline that only a defect reaches.

mod cli;
mod client;
mod daemon;
mod docker;
mod editor;
mod inbox;
mod model;
mod session;
mod sse;
mod tools;
mod wires;

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

pub use cli::{Ended, Running, shell_line, tinycode};
pub use client::Client;
pub use daemon::{Daemon, Options};
pub use docker::{Docker, docker, has_level, pause};
pub use editor::{Editor, lines};
pub use model::{Gate, KEY, Model, Reply};
pub use session::{Session, exec_result, without_times};
pub use sse::{chunks, whole};
pub use tools::{calculate, client_tool, fails, integers, python_tool, returns};
pub use wires::{WsAddress, framed, upgrade};

/// What is set in the virtual machine that some tests run in.
pub const IN_VM: &str = "TINYCODE_TEST_VM";

/// Time after which what is waited for will not come. A virtual machine that shares two processors is slow.
pub fn deadline() -> Duration {
    let minutes = if env::var_os(IN_VM).is_some() { 10 } else { 1 };
    Duration::from_secs(60 * minutes)
}

/// Waits until `condition` is true, which nothing tells us of.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < deadline(), "waited in vain until {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// The user's cache folder, where the Python of local sessions is kept from run to run.
pub fn cache() -> PathBuf {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    let in_home = || PathBuf::from(set("HOME").unwrap_or_default()).join(".cache");
    set("XDG_CACHE_HOME").map_or_else(in_home, PathBuf::from)
}

/// Has the Python of local sessions built, once: no test waits for that with its own deadline.
pub fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let setup = Command::new(env!("CARGO_BIN_EXE_tinycode"))
            .arg("setup")
            .status();
        assert!(setup.unwrap().success(), "`tinycode setup` failed");
    });
}

/// Whether the process runs; one that has ended and waits to be reaped does not.
pub fn runs(pid: u64) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    let state = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.trim_start().chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

/// Most bytes of memory that a process has had at a time.
pub fn peak(pid: u64) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    numbers(line.unwrap().trim_end_matches(" kB"))[0] << 10
}

/// All processes below this one.
pub fn descendants(pid: u64) -> Vec<u64> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let children = threads.flat_map(|thread| {
        let children = std::fs::read_to_string(thread.path().join("children"));
        numbers(&children.unwrap_or_default())
    });
    children
        .flat_map(|child| std::iter::once(child).chain(descendants(child)))
        .collect()
}

/// The processes below `root` that the code of a session knows by these numbers, in its own PID namespace, as the tests
/// know them; in the same order, and none of `but`, which are another session's.
#[track_caller]
pub fn outside(root: u64, inside: &[u64], but: &[u64]) -> Vec<u64> {
    let below = descendants(root);
    let own = |pid: u64| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        line.and_then(|line| numbers(line).pop())
    };
    let below = below.into_iter().filter(|pid| !but.contains(pid));
    let known: Vec<(Option<u64>, u64)> = below.map(|pid| (own(pid), pid)).collect();
    let found = inside.iter().map(|inner| {
        let found = known.iter().find(|(own, _)| *own == Some(*inner));
        found.unwrap_or_else(|| panic!("{inner} among {known:?}")).1
    });
    found.collect()
}

/// Waits until none of the processes runs.
pub fn until_gone(pids: &[u64]) {
    until(&format!("{pids:?} are gone"), || {
        !pids.iter().any(|pid| runs(*pid))
    });
}

/// Kills one process, by its id.
pub fn kill(pid: u64, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Numbers in the lines of a text.
pub fn numbers(text: &str) -> Vec<u64> {
    text.split_whitespace()
        .map(|word| {
            word.parse()
                .unwrap_or_else(|_| panic!("'{word}' in {text:?} is no number"))
        })
        .collect()
}

/// Asserts that an answer is an error of this code and kind; returns its message and hint.
#[track_caller]
pub fn refused(answer: Result<Value, Value>, code: i64, kind: &str) -> (String, String) {
    let error = match answer {
        Err(error) => error,
        Ok(result) => panic!("wanted error {code} {kind}, got the result {result:.500}"),
    };
    assert_eq!(error["code"], code, "{error}");
    assert_eq!(error["data"]["kind"], kind, "{error}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let message = text(&error["message"]);
    assert!(!message.is_empty(), "{error}");
    (message, text(&error["data"]["hint"]))
}
