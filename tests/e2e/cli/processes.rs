//! What commands leave behind, and what others can see of them: nothing.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{assert_code, replay};
use crate::support::{
    Daemon, KEY, Options, Running, numbers, outside, runs, tinycode, until, until_gone,
};

const LONG: &str = "```python\nimport os, subprocess, time\nchild = subprocess.Popen(['sleep', '1000'])\nprint(os.getpid(), child.pid)\ntime.sleep(1000)\n```";

/// Starts a run whose step goes on for long; its processes.
fn start_long(folder: &Path) -> (Running, Vec<u64>) {
    let model = replay(folder, &[LONG]);
    let args = [
        "run",
        "--json",
        "--import",
        "*",
        "--timeout",
        "1000",
        "--model",
        &model,
        "t",
    ];
    let running = tinycode(&args).env("OPENAI_API_KEY", KEY).start();
    let mut pids = Vec::new();
    until("the step runs", || {
        let stdout = running.stdout();
        let events = stdout
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        let printed = events
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|event| event["type"] == "stdout");
        pids = printed.map_or_else(Vec::new, |event| numbers(event["text"].as_str().unwrap()));
        !pids.is_empty()
    });
    pids = outside(running.pid(), &pids, &[]);
    assert!(
        pids.len() == 2 && pids.iter().all(|pid| runs(*pid)),
        "{pids:?}"
    );
    pids.push(running.pid());
    (running, pids)
}

#[test]
fn a_run_that_is_stopped_leaves_no_process() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let folder = tempfile::tempdir().unwrap();
        let (running, pids) = start_long(folder.path());
        running.signal(signal);
        let ended = running.end();
        assert_code(&ended, code);
        let last: Value = serde_json::from_str(ended.stdout.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&last["type"], &last["result"]["state"]),
            (&json!("run.finished"), &json!("cancelled"))
        );
        until_gone(&pids);
    }
}

#[track_caller]
fn assert_keyless(pids: &[u64]) {
    for pid in pids {
        for file in ["environ", "cmdline"] {
            let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default(); // may be forbidden
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains(KEY), "the key is in {file} of {pid}");
        }
    }
}

#[test]
fn the_key_is_in_the_environment_of_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let (running, pids) = start_long(folder.path());
    assert_keyless(&pids);
    running.signal(Signal::INT);
    running.end();

    let daemon: Daemon = Options::default().env("OPENAI_API_KEY", KEY).start();
    let session = daemon.session(json!({"extra_imports": ["*"]}));
    let code = "import os, subprocess\nchild = subprocess.Popen(['sleep', '1000'])\nprint(os.getpid(), child.pid)";
    let mut pids = session.processes(&daemon, code);
    pids.push(daemon.pid());
    assert_keyless(&pids);
    let code = format!(
        "import subprocess\n'{}' in subprocess.getoutput('env; set')",
        &KEY[..12]
    );
    session.check(&code, json!({"value": "False"}));
}
