//! Many requests at once: sessions side by side, each first in, first out; what stops them.

use serde_json::{Value, json};

use crate::support::{Daemon, Gate, Model, Options, Reply, Session, refused};

/// Code that says it runs and then waits until the file `go` of the session's folder is there.
const WAIT: &str =
    "import os, time\nprint('waiting')\nwhile not os.path.exists('go'): time.sleep(0.01)";

/// A session that works in the daemon's own work folder.
fn session(daemon: &Daemon) -> Session<'_> {
    let folder = daemon.folder();
    daemon.session(json!({"cwd": folder, "extra_imports": ["*"]}))
}

fn go(daemon: &Daemon) {
    std::fs::write(daemon.folder().join("go"), "").unwrap();
}

#[test]
fn ping_answers_while_four_sessions_run_for_five_seconds() {
    let daemon = Daemon::start();
    let sessions = [0; 4].map(|_| session(&daemon));
    let code = "import time\nprint('waiting')\ntime.sleep(5)";
    let running = sessions.each_ref().map(|session| session.start_exec(code));
    for session in &sessions {
        session.until_printed("waiting");
    }
    for _ in 0..100 {
        assert_eq!(daemon.call("ping", json!({})), Ok(json!({"pong": true})));
    }
    let list = daemon.call("session.list", json!({})).unwrap();
    let states: Vec<&Value> = list["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|info| &info["state"])
        .collect();
    assert_eq!(states, ["busy"; 4]);
    assert!(!running.iter().any(|request| daemon.has_answer(*request)));
    for request in running {
        let result = daemon.wait(request).unwrap();
        assert_eq!(result["error"], Value::Null);
        assert!(result["duration_ms"].as_f64().unwrap() >= 5_000.0);
    }
}

#[test]
fn ping_answers_while_sessions_wait_for_their_models() {
    let gates = [0; 4].map(|_| Gate::default());
    let models = gates
        .each_ref()
        .map(|gate| Model::new([gate.hold("```python\nfinal_answer(1)\n```")]));
    let daemon = Daemon::start();
    let runs = models.each_ref().map(|model| {
        let mut params = model.options();
        params["task"] = json!("t");
        params["trust_level"] = json!("isolated");
        daemon.start("run", params)
    });
    gates.iter().for_each(Gate::wait_for_call);
    assert_eq!(daemon.call("ping", json!({})), Ok(json!({"pong": true})));
    assert!(!runs.iter().any(|run| daemon.has_answer(*run)));
    gates.iter().for_each(Gate::open);
    for run in runs {
        assert_eq!(daemon.wait(run), Ok(json!("1")));
    }
}

#[test]
fn two_sessions_run_side_by_side() {
    let daemon = Daemon::start();
    let sessions = [session(&daemon), session(&daemon)];
    // Each waits for a file that only the other writes, so they cannot run one after the other.
    let code = |mine: &str, theirs: &str| {
        format!(
            "import os, time\nopen('{mine}', 'w').close()\nwhile not os.path.exists('{theirs}'): time.sleep(0.01)\n'met'"
        )
    };
    let requests = [
        sessions[0].start_exec(&code("a", "b")),
        sessions[1].start_exec(&code("b", "a")),
    ];
    for request in requests {
        assert_eq!(daemon.wait(request).unwrap()["value"], "'met'");
    }
}

#[test]
fn requests_of_one_session_are_served_first_in_first_out() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    session.exec("seen = []");
    let requests: Vec<u64> = (0..50)
        .map(|number| session.start_exec(&format!("seen.append({number})\nlen(seen)")))
        .collect();
    for (number, request) in requests.into_iter().enumerate() {
        let result = daemon.wait(request).unwrap();
        assert_eq!(result["value"], (number + 1).to_string());
        assert_eq!(result["step"], number + 2);
    }
    session.check("seen == list(range(50))", json!({"value": "True"}));
}

#[test]
fn more_than_64_waiting_requests_are_refused() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let running = session.start_exec(WAIT);
    session.until_printed("waiting");
    let waiting: Vec<u64> = (0..64).map(|_| session.start_exec("1")).collect();
    for (method, params) in [
        ("exec", json!({"code": "1"})),
        ("run", json!({"task": "t"})),
        ("run", json!({"task": "t", "detach": true})),
        ("step", json!({"task": "t"})),
        ("session.reset", json!({})),
    ] {
        let (message, hint) = refused(session.call(method, params), -31003, "session_busy");
        assert!(message.contains("64"), "{message}");
        assert!(!hint.is_empty());
    }
    // What needs no Python is answered all the same.
    session
        .call("memory.store", json!({"name": "n", "value": 1}))
        .unwrap();
    session.call("session.get", json!({})).unwrap();
    daemon.call("ping", json!({})).unwrap();
    assert!(!daemon.has_answer(running));
    go(&daemon);
    for request in waiting.into_iter().chain([running]) {
        assert_eq!(daemon.wait(request).unwrap()["error"], Value::Null);
    }
    session.assert_usable();
}

#[test]
fn interrupt_stops_what_runs_and_keeps_the_variables() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    assert_eq!(
        session.call("interrupt", json!({})),
        Ok(json!({"interrupted": false}))
    );
    session.exec("kept = 1");
    // On one line, since the interrupt may come before `print` has returned.
    let running = session.start_exec("x = 0\nprint('on') or any(False for _ in iter(int, 1))");
    let next = session.start_exec("'next in line'");
    session.until_printed("on");
    assert_eq!(
        session.call("interrupt", json!({})),
        Ok(json!({"interrupted": true}))
    );
    let result = daemon.wait(running).unwrap();
    assert_eq!(
        (&result["interrupted"], &result["timeout"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        (&result["state"], &result["output"]),
        (&json!("kept"), &json!("on\n"))
    );
    let error = &result["error"];
    assert_eq!(
        (&error["type"], &error["line"]),
        (&json!("KeyboardInterrupt"), &json!(2))
    );
    assert_eq!(daemon.wait(next).unwrap()["value"], "'next in line'");
    session.check("kept", json!({"value": "1"}));
}

#[test]
fn interrupt_kills_what_does_not_stop() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    session.exec("kept = 1");
    // From the write on, no bytecode runs at which Python could raise the interrupt.
    let code = "import itertools, os\nall(itertools.chain(map(os.write, [1], [b'on\\n']), itertools.repeat(True)))";
    let result = session.interrupted(code, "on");
    assert_eq!(
        (&result["interrupted"], &result["state"]),
        (&json!(true), &json!("restored"))
    );
    session.check("kept", json!({"value": "1"}));
}

#[test]
fn except_exception_does_not_swallow_an_interrupt() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let code = "print('on')\ntry:\n    while True: pass\nexcept Exception:\n    print('caught')";
    let result = session.interrupted(code, "on");
    assert_eq!(
        (&result["state"], &result["output"]),
        (&json!("kept"), &json!("on\n"))
    );
}

#[test]
fn a_cancelled_exec_answers_so_and_is_interrupted() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    session.exec("kept = 1");
    let running = session.start_exec("print('on')\nwhile True: pass");
    session.until_printed("on");
    daemon.cancel(running);
    refused(daemon.wait(running), -32800, "cancelled");
    session.check("kept", json!({"value": "1"}));
    let finished = session.event("step.finished", |event| event["step"] == 2);
    assert_eq!(finished["result"]["interrupted"], true);
    daemon.cancel(running); // once more, which is nothing
    session.assert_usable();
}

#[test]
fn a_cancelled_exec_that_waits_never_runs() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let running = session.start_exec(WAIT);
    session.until_printed("waiting");
    let waiting = ["a = 1", "b = 1", "c = 1"].map(|code| session.start_exec(code));
    daemon.cancel(waiting[1]);
    refused(daemon.wait(waiting[1]), -32800, "cancelled");
    assert!(!daemon.has_answer(running));
    go(&daemon);
    for request in [running, waiting[0], waiting[2]] {
        assert_eq!(daemon.wait(request).unwrap()["error"], Value::Null);
    }
    session.check(
        "[name in globals() for name in 'abc']",
        json!({"value": "[True, False, True]"}),
    );
}

#[test]
fn a_run_that_waits_for_its_model_can_be_cancelled() {
    let gate = Gate::default();
    let model = Model::new([
        gate.hold("never said"),
        Reply::from("```python\nfinal_answer(1)\n```"),
    ]);
    let daemon = Daemon::start();
    let session = daemon.session(model.options());
    let run = session.start("run", json!({"task": "t", "return_result": true}));
    gate.wait_for_call();
    daemon.cancel(run);
    refused(daemon.wait(run), -32800, "cancelled");
    gate.wait_until_given_up();
    let finished = session.event("run.finished", |_| true);
    assert_eq!(finished["result"]["state"], "cancelled");
    assert_eq!(
        session.call("run", json!({"task": "again"})),
        Ok(json!("1"))
    );
}

#[test]
fn an_interrupted_run_is_cancelled_and_no_further_turn_is_taken() {
    let code = "```python\nprint('on')\nwhile True: pass\n```";
    let model = Model::new([code, code]);
    let daemon = Daemon::start();
    let session = daemon.session(model.options());
    let run = session.start("run", json!({"task": "t", "return_result": true}));
    session.until_printed("on");
    assert_eq!(
        session.call("interrupt", json!({})),
        Ok(json!({"interrupted": true}))
    );
    let result = daemon.wait(run).unwrap();
    assert_eq!(
        (&result["state"], &result["steps_taken"]),
        (&json!("cancelled"), &json!(1))
    );
    assert_eq!(result["final_answer"], Value::Null);

    let step = session.call("session.get", json!({})).unwrap()["step"]
        .as_u64()
        .unwrap();
    let run = session.start("run", json!({"task": "t"}));
    session.event("stdout", |event| event["step"].as_u64() > Some(step));
    session.call("interrupt", json!({})).unwrap();
    refused(daemon.wait(run), -32800, "cancelled");
    session.assert_usable();
}

#[test]
fn requests_of_a_client_that_is_gone_go_on() {
    let daemon = Options::default().socket().start();
    let client = daemon.connect();
    let folder = daemon.folder();
    let session = client.session(json!({"cwd": folder, "extra_imports": ["*"]}));
    let request = session.start_exec(&format!("{WAIT}\nx = 'went on'"));
    client.forget(request);
    session.until_printed("waiting");
    client.close();
    let same = Session {
        client: &daemon,
        id: session.id,
    };
    go(&daemon);
    same.check("x", json!({"value": "'went on'"}));
}
