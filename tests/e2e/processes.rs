//! Processes that code starts: none outlives its session, however it hides.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Daemon, Options, Session, kill, numbers, outside, runs, until_gone};

/// Starts processes of every kind and prints their ids: a child, one in a session of its own, a
/// grandchild, an orphan in a session of its own, and one that ignores what it can.
const START_MANY: &str = r#"
import os, subprocess, sys
pids = [subprocess.Popen(["sleep", "1000"]).pid,
        subprocess.Popen(["sleep", "1000"], start_new_session=True).pid]
shell = "sleep 1000 & echo $!; wait"
child = subprocess.Popen(["sh", "-c", shell], stdout=subprocess.PIPE)
pids += [child.pid, int(child.stdout.readline())]
r, w = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(w, b"%d\n" % os.getpid())
        os.execvp("sleep", ["sleep", "1000"])
    os._exit(0)
os.wait()
pids.append(int(os.read(r, 20)))
stubborn = "import signal, time\nfor s in range(1, 32):\n    try: signal.signal(s, signal.SIG_IGN)\n    except OSError: pass\nprint('ready', flush=True)\ntime.sleep(1000)"
child = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
pids.append(child.pid)
print(*pids)
"#;

fn session(daemon: &Daemon) -> Session<'_> {
    let limits = json!({"timeout_seconds": 30});
    daemon.session(json!({"extra_imports": ["*"], "limits": limits}))
}

/// Catches whatever is thrown at it.
const STUBBORN: &str =
    "while True:\n    try:\n        time.sleep(1000)\n    except BaseException:\n        pass";

/// Runs code that starts processes and, once they have been seen to run, goes on as `then` says; the
/// request, and the processes.
fn start(daemon: &Daemon, session: &Session<'_>, then: &str) -> (u64, Vec<u64>) {
    start_beside(daemon, session, then, &[])
}

/// The same where another session has processes too.
fn start_beside(
    daemon: &Daemon,
    session: &Session<'_>,
    then: &str,
    others: &[u64],
) -> (u64, Vec<u64>) {
    let go = json!([{"name": "go", "description": "", "kind": "client", "parameters": {"type": "object"}}]);
    session
        .call("tools.register", json!({"tools": go}))
        .unwrap();
    let wait = "import time\ngo()";
    let request = session.start_exec(&format!("{START_MANY}\n{wait}\nprint('go')\n{then}"));
    let event = session.event("stdout", |_| true);
    let pids = outside(
        daemon.pid(),
        &numbers(event["text"].as_str().unwrap()),
        others,
    );
    assert_eq!(pids.len(), 6);
    assert!(pids.iter().all(|pid| runs(*pid)), "{pids:?}");
    let call = session.event("tool.call", |_| true)["call"].clone();
    let answer = json!({"call": call, "value": null});
    session.client.call("tools.result", answer).unwrap();
    session.until_printed("go\n");
    (request, pids)
}

#[test]
fn processes_end_with_the_session() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let (request, pids) = start(&daemon, &session, "");
    assert_eq!(daemon.wait(request).unwrap()["error"], Value::Null);
    session.assert_usable();
    assert!(
        pids.iter().all(|pid| runs(*pid)),
        "a step ends none of them"
    );
    session.call("session.close", json!({})).unwrap();
    until_gone(&pids);
}

#[test]
fn processes_end_with_a_step_that_is_killed() {
    let daemon = Daemon::start();
    let limits = json!({"timeout_seconds": 3});
    let session = daemon.session(json!({"extra_imports": ["*"], "limits": limits}));
    let (request, pids) = start(&daemon, &session, STUBBORN);
    let result = daemon.wait(request).unwrap();
    assert_eq!(
        (&result["timeout"], &result["state"]),
        (&json!(true), &json!("restored"))
    );
    until_gone(&pids);
    session.assert_usable();
}

#[test]
fn processes_end_with_a_python_that_crashes() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let (request, pids) = start(&daemon, &session, "os._exit(5)");
    assert_eq!(daemon.wait(request).unwrap()["state"], "restored");
    until_gone(&pids);
}

#[test]
fn processes_end_with_a_reset() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let (request, pids) = start(&daemon, &session, "");
    daemon.wait(request).unwrap();
    session.call("session.reset", json!({})).unwrap();
    until_gone(&pids);
}

#[test]
fn processes_end_with_the_daemon() {
    let mut daemon = Daemon::start();
    let (request, pids) = start(&daemon, &session(&daemon), "while True: pass");
    daemon.forget(request);
    daemon.close();
    assert_eq!(daemon.exit_code(), Some(1));
    until_gone(&pids);
}

#[test]
fn processes_end_with_a_daemon_that_is_told_to_end_by_a_signal() {
    let mut daemon = Options::default().socket().start();
    let (request, pids) = start(&daemon, &session(&daemon), "while True: pass");
    daemon.forget(request);
    kill(daemon.pid(), Signal::TERM);
    assert_eq!(daemon.exit_code(), Some(0));
    until_gone(&pids);
    assert!(!daemon.socket_path().exists());
}

#[test]
fn the_python_of_a_daemon_that_is_killed_does_not_outlive_it() {
    let mut daemon = Daemon::start();
    let session = session(&daemon);
    session.start_exec("import os\nprint(os.getpid())\nwhile True: pass");
    let event = session.event("stdout", |_| true);
    let pids = numbers(event["text"].as_str().unwrap());
    let pids = outside(daemon.pid(), &pids, &[]);
    daemon.kill_with(&pids);
}

#[test]
fn processes_of_one_session_are_not_taken_for_those_of_another() {
    let daemon = Daemon::start();
    let (one, other) = (session(&daemon), session(&daemon));
    let (request, pids) = start(&daemon, &one, "");
    daemon.wait(request).unwrap();
    let (request, others) = start_beside(&daemon, &other, "os._exit(1)", &pids);
    daemon.wait(request).unwrap();
    until_gone(&others);
    assert!(pids.iter().all(|pid| runs(*pid)), "{pids:?}");
    one.call("session.close", json!({})).unwrap();
    until_gone(&pids);
}

#[test]
fn code_that_leads_a_fork_bomb_is_ended_with_all_of_it() {
    let daemon = Daemon::start();
    let limits = json!({"timeout_seconds": 1});
    let session = daemon.session(json!({"extra_imports": ["*"], "limits": limits}));
    let code = "import os, time\npids = []\nfor _ in range(40):\n    pid = os.fork()\n    if pid == 0:\n        for s in range(3):\n            if os.fork(): break\n        while True: time.sleep(1)\n    pids.append(pid)\nprint(*pids)\nimport signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: time.sleep(1)";
    let request = session.start_exec(code);
    let event = session.event("stdout", |_| true);
    let pids = outside(daemon.pid(), &numbers(event["text"].as_str().unwrap()), &[]);
    assert_eq!(pids.len(), 40);
    let result = daemon.wait(request).unwrap();
    assert_eq!(result["state"], "restored", "{result}");
    until_gone(&pids);
    session.assert_usable();
}
