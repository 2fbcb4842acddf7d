//! A Python process that dies: a result that names the cause, and a session that goes on.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Daemon, Session, kill, numbers, outside, until, until_gone};

/// Asserts that the step was ended for this reason.
#[track_caller]
fn assert_ended(result: &Value, state: &str, cause: &str) {
    assert_eq!(result["state"], state, "{result}");
    assert_eq!(result["value"], Value::Null, "{result}");
    assert_eq!(result["is_final"], false, "{result}");
    assert_eq!(result["timeout"], false, "{result}");
    let message = result["error"]["message"].as_str().unwrap();
    assert!(message.contains(cause), "{cause}: {message}");
}

/// Asserts that the step was ended for this reason, and that the session is as it was before.
#[track_caller]
fn assert_restored(session: &Session<'_>, result: &Value, cause: &str) {
    assert_ended(result, "restored", cause);
    session.check("before", json!({"value": "1"}));
    session.assert_usable();
    let info = session.call("session.get", json!({})).unwrap();
    assert_eq!(info["state"], "idle");
}

fn session(daemon: &Daemon) -> Session<'_> {
    session_with(daemon, true)
}

fn session_with(daemon: &Daemon, checkpoints: bool) -> Session<'_> {
    let options = json!({"extra_imports": ["*"], "checkpoints": checkpoints});
    let session = daemon.session(options);
    session.exec("import os, sys, signal, time, ctypes\nbefore = 1");
    session
}

#[test]
fn leaving_by_os_exit_names_the_code() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let result = session.exec("print('said before')\nos._exit(3)");
    assert_eq!(result["output"], "said before\n");
    assert_restored(&session, &result, "exited with code 3");
    let result = session.exec("import os\nos._exit(0)");
    assert_restored(&session, &result, "exited with code 0");
}

#[test]
fn a_segmentation_fault_names_the_signal_and_the_line() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let result = session.exec("ctypes.string_at(0)");
    let stderr = result["stderr"].as_str().unwrap();
    assert!(stderr.contains("line 1 in <module>"), "{stderr}");
    assert_restored(&session, &result, "SIGSEGV");
    let result = session.exec("import os\nos.abort()");
    assert_restored(&session, &result, "SIGABRT");
}

#[test]
fn a_kill_from_outside_in_mid_step_names_the_signal() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let request = session.start_exec("print(os.getpid())\nwhile True: pass");
    let event = session.event("stdout", |_| true);
    let pids = numbers(event["text"].as_str().unwrap());
    kill(outside(daemon.pid(), &pids, &[])[0], Signal::KILL);
    let result = daemon.wait(request).unwrap();
    assert_restored(&session, &result, "SIGKILL");

    let request =
        session.start_exec("import os, time\nprint('now', os.getpid())\ntime.sleep(1000)");
    let event = session.event("stdout", |event| {
        event["text"].as_str().unwrap().starts_with("now")
    });
    let pids = numbers(&event["text"].as_str().unwrap()[4..]);
    kill(outside(daemon.pid(), &pids, &[])[0], Signal::TERM);
    let result = daemon.wait(request).unwrap();
    assert_restored(&session, &result, "SIGTERM");
}

#[test]
fn a_kill_between_steps_costs_the_next_step_and_says_so() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let pid = session.processes(&daemon, "print(os.getpid())")[0];
    assert_eq!(session.checkpoints().len(), 3, "it is idle");
    kill(pid, Signal::KILL);
    until_gone(&[pid]);
    let result = session.exec("'never runs'");
    assert_restored(&session, &result, "SIGKILL");
}

#[test]
fn closing_every_descriptor_ends_in_a_result() {
    let daemon = Daemon::start();
    for code in [
        "os.closerange(0, 1000)",
        "os.closerange(3, 1000)",
        "for fd in range(3, 1000):\n    try: os.dup2(1, fd)\n    except OSError: pass",
    ] {
        let session = session(&daemon);
        let result = session.exec(code);
        assert_restored(&session, &result, "the Python process");
    }
}

#[test]
fn shutting_the_private_channel_down_costs_all_that_was_kept() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let result = session.exec("import socket\nfor fd in range(3, 100):\n    try: socket.socket(fileno=fd).shutdown(socket.SHUT_RDWR)\n    except OSError: pass");
    assert_ended(&result, "lost", "the Python process");
    assert_eq!(session.exec("before")["error"]["type"], "NameError");
    session.exec("import os\nbefore = 1"); // from here on all is as ever
    assert_eq!(session.checkpoints(), ["c0", "c2", "c3", "c4"]);
    let result = session.exec("os._exit(1)");
    assert_restored(&session, &result, "exited with code 1");
}

#[test]
fn garbage_on_the_private_channel_ends_in_a_result() {
    let daemon = Daemon::start();
    for code in [
        "for fd in range(3, 50):\n    try: os.write(fd, b'\\xff' * 100)\n    except OSError: pass",
        "for fd in range(3, 50):\n    try: os.write(fd, b'\\0\\0\\0\\2{}')\n    except OSError: pass",
    ] {
        let session = session(&daemon);
        let result = session.exec(code);
        assert_restored(&session, &result, "the Python process was ended because");
    }
}

#[test]
fn a_forged_answer_does_not_pass_for_the_real_one() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let code = "import json, struct\nframe = json.dumps({'event': 'done', 'nonce': 1, 'value': 'forged', 'display': [], 'error': None, 'final': {'value': 'forged', 'text': 'forged'}, 'rebound': []}).encode()\nfor fd in range(3, 50):\n    try: os.write(fd, struct.pack('>I', len(frame)) + frame)\n    except OSError: pass";
    let result = session.exec(code);
    assert_eq!(result["is_final"], false, "{result}");
    assert_eq!(result["value"], Value::Null, "{result}");
    assert_restored(&session, &result, "the Python process");
}

#[test]
fn without_checkpoints_a_python_that_dies_costs_the_variables_and_says_so() {
    let daemon = Daemon::start();
    for (code, cause) in [
        ("os._exit(3)", "exited with code 3"),
        ("os.abort()", "SIGABRT"),
        ("os.closerange(3, 1000)", "the Python process"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    ] {
        let session = session_with(&daemon, false);
        let result = session.exec(code);
        assert_ended(&result, "lost", cause);
        assert_eq!(session.exec("before")["error"]["type"], "NameError");
        session.assert_usable();
    }
}

#[test]
fn a_kill_right_after_an_answer_leaves_a_session_that_serves() {
    let daemon = Daemon::start();
    for _ in 0..3 {
        let session = session(&daemon);
        let pid = session.processes(&daemon, "print(os.getpid())")[0];
        kill(pid, Signal::KILL); // while the daemon has it keep its state
        let result = session.exec("'may run or not'");
        assert_ne!(result["state"], "kept", "{result}");
        session.assert_usable();
        session.call("session.close", json!({})).unwrap();
    }
}

#[test]
fn a_fork_that_comes_back_does_not_answer_twice() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let result = session.exec("pid = os.fork()\npid > 0");
    assert_eq!(result["error"], Value::Null, "{result}");
    assert_eq!(result["value"], "True", "{result}");
    session.check("os.waitpid(pid, 0)[1]", json!({"value": "0"}));
    session.assert_usable();
}

#[test]
fn a_crash_is_told_to_those_who_wait_and_the_next_in_line_is_served() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let requests = [
        session.start_exec("os._exit(9)"),
        session.start_exec("1 + 1"),
        session.start_exec("before"),
    ];
    let results = requests.map(|request| daemon.wait(request).unwrap());
    assert_eq!(results[0]["state"], "restored");
    assert_eq!(results[1]["value"], "2");
    assert_eq!(results[2]["value"], "1");
}

#[test]
fn crashes_of_one_session_do_not_touch_another() {
    let daemon = Daemon::start();
    let (good, bad) = (session(&daemon), session(&daemon));
    for _ in 0..3 {
        let result = bad.exec("import os\nos._exit(1)");
        assert_eq!(result["state"], "restored");
        good.check("before", json!({"value": "1"}));
    }
    good.check("os.getppid()", json!({"value": "1"}));
}

#[test]
fn memory_outlives_the_python_that_stored_it() {
    let daemon = Daemon::start();
    for (checkpoints, state) in [(true, "restored"), (false, "lost")] {
        let session = session_with(&daemon, checkpoints);
        session.exec("store('kept', {'a': [1, 2]})\nobserve('seen')");
        let result = session.exec("os._exit(1)");
        assert_eq!(result["state"], state);
        session.check("recall('kept')", json!({"value": "{'a': [1, 2]}"}));
        let list = session.call("memory.list", json!({})).unwrap();
        assert_eq!(list["observations"], json!(["seen"]));
    }
}

#[test]
fn many_crashes_leave_no_process_and_no_folder() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    for _ in 0..5 {
        session.exec("import os\nos._exit(1)");
    }
    session.call("session.close", json!({})).unwrap();
    until("the session's folders are gone", || {
        let folders = std::fs::read_dir(daemon.temp_folder()).unwrap().flatten();
        let mut inside =
            folders.flat_map(|folder| std::fs::read_dir(folder.path()).unwrap().flatten());
        !inside.any(|entry| entry.file_name().to_string_lossy().starts_with("session-"))
    });
}
