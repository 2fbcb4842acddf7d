//! Calls that nobody answers, or too late, and what tools outlive.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::session_with_calculate;
use crate::support::{Daemon, Options, Session, calculate, kill, python_tool, refused, returns};

const CATCHING: &str = "try:\n    calculate(1, 2)\nexcept Exception as e:\n    print('caught', e)";

/// Asserts that the call is over without a value and that an answer to it comes too late.
#[track_caller]
fn assert_given_up(session: &Session<'_>, call: &Value) {
    let done = session.event("tool.done", |event| event["call"] == call["call"]);
    assert_eq!(done["ok"], false);
    assert_too_late(session, call);
}

#[track_caller]
fn assert_too_late(session: &Session<'_>, call: &Value) {
    let (_, hint) = refused(session.answer(call, returns(3)), -31005, "tool_error");
    assert!(hint.contains("ended"), "{hint}");
}

/// Asserts that a step after it can call tools.
#[track_caller]
fn assert_callable(session: &Session<'_>) {
    let result = session.exec_with("calculate(20, 22)", |call| {
        assert_eq!(call["args"], json!([20, 22]));
        returns(42)
    });
    assert_eq!(result["value"], "42", "{result}");
}

#[test]
fn a_call_waits_no_longer_than_its_step() {
    let daemon = Daemon::start();
    let limits = json!({"timeout_seconds": 0.3});
    let session = daemon.session(json!({"tools": [calculate()], "limits": limits}));
    for code in ["calculate(1, 2)", CATCHING] {
        let result = session.exec(code);
        assert_eq!(result["timeout"], true, "{result}");
        assert_eq!(result["error"]["type"], "TimeoutError", "{result}");
        assert_eq!(
            (&result["state"], &result["output"]),
            (&json!("kept"), &json!(""))
        );
        let step = &result["step"];
        let call = session.event("tool.call", |event| event["step"] == *step);
        assert_given_up(&session, &call);
    }
    assert_callable(&session);
}

#[test]
fn an_interrupt_ends_a_call_that_waits() {
    let daemon = Daemon::start();
    let session = session_with_calculate(&daemon);
    session.exec("kept = 1");
    let request = session.start_exec(CATCHING);
    let call = session.tool_call("calculate");
    assert_eq!(
        session.call("interrupt", json!({})),
        Ok(json!({"interrupted": true}))
    );
    let result = daemon.wait(request).unwrap();
    assert_eq!(
        (&result["interrupted"], &result["state"]),
        (&json!(true), &json!("kept"))
    );
    assert_eq!(
        (&result["error"]["line"], &result["output"]),
        (&json!(2), &json!(""))
    );
    assert_given_up(&session, &call);
    session.check("kept", json!({"value": "1"}));
    assert_callable(&session);
}

#[test]
fn cancelling_the_request_ends_a_call_that_waits() {
    let daemon = Daemon::start();
    let session = session_with_calculate(&daemon);
    let request = session.start_exec(CATCHING);
    let call = session.tool_call("calculate");
    daemon.cancel(request);
    refused(daemon.wait(request), -32800, "cancelled");
    assert_given_up(&session, &call);
    assert_callable(&session);
}

#[test]
fn closing_the_session_ends_a_call_that_waits() {
    let daemon = Daemon::start();
    let session = session_with_calculate(&daemon);
    let request = session.start_exec(CATCHING);
    let call = session.tool_call("calculate");
    session.call("session.close", json!({})).unwrap();
    let _ = daemon.wait(request);
    assert_given_up(&session, &call);
    let types = session.event_types();
    assert_eq!(
        types.last().map(String::as_str),
        Some("session.closed"),
        "{types:?}"
    );
}

#[test]
fn a_call_is_answered_once() {
    let daemon = Daemon::start();
    let session = session_with_calculate(&daemon);
    let request = session.start_exec("calculate(1, 2), calculate(3, 4)");
    let first = session.tool_call("calculate");
    assert_eq!(session.answer(&first, returns(3)), Ok(json!({})));
    let second = session.event("tool.call", |event| event["call"] != first["call"]);
    assert_too_late(&session, &first);
    assert_eq!(session.answer(&second, returns(7)), Ok(json!({})));
    assert_eq!(daemon.wait(request).unwrap()["value"], "(3, 7)");
    assert_eq!(session.calls_ok(), [true, true]);
}

#[test]
fn a_call_that_never_was_is_no_call() {
    let daemon = Daemon::start();
    let session = session_with_calculate(&daemon);
    for call in [
        "",
        "1",
        "none.1",
        ".",
        "x.y",
        &format!("{}.99", session.id),
        &format!("{}.", session.id),
    ] {
        refused(
            session.answer(&json!({"call": call}), returns(1)),
            -31005,
            "tool_error",
        );
    }
    for params in [
        json!({}),
        json!({"call": 1, "value": 1}),
        json!({"call": "c", "error": "x"}),
    ] {
        refused(
            daemon.call("tools.result", params),
            -32602,
            "invalid_params",
        );
    }
}

#[test]
fn an_answer_without_a_value_is_none() {
    let daemon = Daemon::start();
    let session = session_with_calculate(&daemon);
    let result = session.exec_with("calculate(1, 2) is None", |_| json!({}));
    assert_eq!(result["value"], "True", "{result}");
}

#[test]
fn any_client_that_sees_a_call_may_answer_it() {
    let daemon = Options::default().socket().start();
    let session = session_with_calculate(&daemon);
    let other = daemon.connect();
    other
        .call("session.attach", json!({"session": session.id}))
        .unwrap();
    let request = session.start_exec("calculate(1, 2)");
    let call = other.event("the call", |event| event["type"] == "tool.call");
    other
        .call("tools.result", json!({"call": call["call"], "value": 3}))
        .unwrap();
    assert_eq!(daemon.wait(request).unwrap()["value"], "3");
}

#[test]
fn a_client_that_goes_away_fails_its_calls_and_others_see_it() {
    let daemon = Options::default().socket().start();
    let gone = daemon.connect();
    let theirs = gone.session(json!({"tools": [calculate()]}));
    let session = Session {
        client: &daemon,
        id: theirs.id,
    };
    session.call("session.attach", json!({"since": 0})).unwrap();
    let request = session.start_exec(CATCHING);
    let call = session.tool_call("calculate");
    gone.close();
    let result = daemon.wait(request).unwrap();
    let says = "caught the client that runs the tool 'calculate' has gone\n";
    assert_eq!(
        (&result["output"], &result["error"]),
        (&json!(says), &Value::Null)
    );
    assert_given_up(&session, &call);

    let error = session.exec("calculate(1, 2)")["error"].clone();
    assert_eq!(error["type"], "ToolError", "{error}");
    assert_eq!(
        error["message"],
        "the client that runs the tool 'calculate' has gone"
    );
    session.register(json!([calculate()])); // the name is free for another
    assert_callable(&session);
}

#[test]
fn client_tools_outlive_a_reset_and_a_crash() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"tools": [calculate()], "extra_imports": ["os"]}));
    session.call("session.reset", json!({})).unwrap();
    assert_callable(&session);
    assert_eq!(session.exec("import os\nos._exit(3)")["state"], "restored");
    assert_callable(&session);
}

#[test]
fn tools_outlive_a_python_that_cannot_be_brought_back() {
    let daemon = Daemon::start();
    let source = "def twice(x):\n    return 2 * x";
    let session = daemon.session(json!({
        "tools": [calculate(), python_tool("twice", source)], "extra_imports": ["os"],
        "checkpoints": false,
    }));
    assert_eq!(session.exec("import os\nos._exit(3)")["state"], "lost");
    assert_callable(&session);
    session.check("twice(4)", json!({"value": "8"}));
}

#[test]
fn a_crash_in_a_call_gives_it_up() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"tools": [calculate()], "extra_imports": ["os"]}));
    let python = session.processes(&daemon, "import os\nprint(os.getpid())")[0];
    let request = session.start_exec("calculate(1, 2)");
    let call = session.tool_call("calculate");
    kill(python, Signal::KILL);
    let result = daemon.wait(request).unwrap();
    assert_eq!(result["state"], "restored", "{result}");
    assert_given_up(&session, &call);
    assert_callable(&session);
}

#[test]
fn a_thread_that_still_waits_when_its_step_ends_takes_nothing_from_the_next() {
    let daemon = Daemon::start();
    let limits = json!({"timeout_seconds": 5.0});
    let session = daemon
        .session(json!({"tools": [calculate()], "extra_imports": ["threading"], "limits": limits}));
    let code = "import threading\nsaid = []\ndef work():\n    try:\n        calculate(1, 2)\n    except Exception as e:\n        said.append(str(e))\nthreads = [threading.Thread(target=work) for _ in range(3)]\nfor thread in threads:\n    thread.start()\ncalculate(0, 0)";
    let request = session.start_exec(code);
    let first = session.event("tool.call", |event| event["args"] == json!([0, 0]));
    session.answer(&first, returns(0)).unwrap();
    assert_eq!(daemon.wait(request).unwrap()["error"], Value::Null);
    let waited = session.event("tool.call", |event| event["args"] == json!([1, 2]));
    assert_given_up(&session, &waited);
    let result = session.exec("for thread in threads:\n    thread.join()\nlen(said)");
    assert_eq!(result["value"], "3", "{result}");
    assert_callable(&session);
}
