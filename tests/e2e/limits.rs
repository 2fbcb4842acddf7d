//! Time and memory: what takes too much of them is stopped, and the session goes on.

use serde_json::{Value, json};

use crate::support::{Daemon, Session, exec_result, without_times};

/// Catches whatever is thrown at it.
const STUBBORN: &str = "import time\nwhile True:\n    try:\n        time.sleep(1000)\n    except BaseException:\n        pass";

fn session<'a>(daemon: &'a Daemon, seconds: f64) -> Session<'a> {
    let limits = json!({"timeout_seconds": seconds});
    let session = daemon.session(json!({"limits": limits, "extra_imports": ["*"]}));
    session.exec("kept = 1");
    session
}

#[track_caller]
fn assert_timed_out(result: &Value, state: &str) {
    assert_eq!(result["timeout"], true, "{result}");
    assert_eq!(result["interrupted"], false, "{result}");
    assert_eq!(result["error"]["type"], "TimeoutError", "{result}");
    assert_eq!(result["state"], state, "{result}");
}

#[test]
fn a_loop_in_python_is_stopped_and_the_variables_stay() {
    let daemon = Daemon::start();
    let session = session(&daemon, 0.3);
    let result = session.exec("print('begun')\nn = 0\nwhile True:\n    n += 1");
    let error = &result["error"];
    assert_eq!(
        error["message"],
        "the step took longer than 0.3 s and was stopped"
    );
    assert!(matches!(error["line"].as_u64(), Some(3 | 4)), "{error}");
    assert_timed_out(&result, "kept");
    assert_eq!(result["output"], "begun\n");
    let duration = result["duration_ms"].as_f64().unwrap();
    assert!(duration >= 300.0, "{duration}");
    session.check("kept, n > 0", json!({"value": "(1, True)"}));
}

#[test]
fn every_kind_of_waiting_is_stopped_softly() {
    let daemon = Daemon::start();
    let session = session(&daemon, 0.3);
    for code in [
        "while True: pass",
        "import time\ntime.sleep(1000)",
        "import asyncio\nawait asyncio.sleep(1000)",
        "try:\n    while True: pass\nexcept Exception:\n    print('swallowed')",
        "def f():\n    while True: pass\nf()",
        "import threading\nthreading.Event().wait()",
        "import subprocess\nsubprocess.run(['sleep', '1000'])",
        "import os\nr, w = os.pipe()\nos.read(r, 1)",
        "sum(1 for _ in iter(int, 1))",
    ] {
        let result = session.exec(code);
        assert_timed_out(&result, "kept");
        assert_eq!(result["output"], "", "{code}");
        session.check("kept", json!({"value": "1"}));
    }
}

#[test]
fn what_swallows_the_interrupt_is_killed() {
    let daemon = Daemon::start();
    for code in [
        STUBBORN,
        "sum(range(10**12))",
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))\nwhile True: pass",
        "import re\nre.match('(a*)*b', 'a' * 40)",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    ] {
        let session = session(&daemon, 0.3);
        let result = session.exec(code);
        if code.contains("re.match") && result["state"] == "kept" {
            continue; // newer Pythons look for signals while they match
        }
        assert_timed_out(&result, "restored");
        session.check("kept", json!({"value": "1"}));
    }
}

#[test]
fn a_step_that_ends_in_time_is_not_disturbed_by_its_limit() {
    let daemon = Daemon::start();
    let session = session(&daemon, 1.0);
    for _ in 0..3 {
        session.check("import time\ntime.sleep(0.5)", json!({}));
    }
}

#[test]
fn the_default_limits_are_those_of_the_protocol() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let info = session.call("session.get", json!({})).unwrap();
    let limits = json!({
        "timeout_seconds": 30.0, "max_output_bytes": 10_000, "max_steps": 100,
        "max_memory_bytes": null,
    });
    assert_eq!(info["limits"], limits);
}

#[test]
fn too_much_memory_is_a_memory_error_and_the_session_goes_on() {
    let daemon = Daemon::start();
    let limits = json!({"max_memory_bytes": 512 << 20});
    let session = daemon.session(json!({"limits": limits}));
    session.exec("kept = 1");
    for code in ["x = [0] * 10**9", "x = 'a' * 10**10", "bytearray(1 << 40)"] {
        let result = session.exec(code);
        let mut wanted = exec_result(json!({"step": result["step"], "error": result["error"]}));
        assert_eq!(result["error"]["type"], "MemoryError", "{result}");
        assert_eq!(result["error"]["line"], 1, "{result}");
        wanted["error"] = result["error"].clone();
        assert_eq!(without_times(&result), wanted);
        session.check("kept", json!({"value": "1"}));
    }
    let result = session.exec("x = []\nwhile True:\n    x.append('a' * 1_000_000)");
    assert_eq!(result["error"]["type"], "MemoryError", "{result}");
    session.exec("del x");
    session.check("kept", json!({"value": "1"}));
}

#[test]
fn a_timeout_is_told_in_the_events() {
    let daemon = Daemon::start();
    let session = session(&daemon, 0.3);
    let result = session.exec("while True: pass");
    let event = session.event("step.finished", |event| event["step"] == 2);
    assert_eq!(event["result"], result);
}
