//! Sessions: made, listed, reset and closed.

use serde_json::{Value, json};

use crate::support::{Daemon, Model, Reply, numbers, outside, refused, until_gone, without_times};

#[test]
fn a_session_is_described_by_its_options() {
    let daemon = Daemon::start();
    let options = json!({
        "trust_level": "isolated", "name": "mine é", "model": "some-model", "api_key": "sk-1",
        "extra_imports": ["os"], "limits": {"timeout_seconds": 5, "max_memory_bytes": 1_u64 << 30},
    });
    let info = daemon.call("session.create", options).unwrap();
    let wanted = json!({
        "session": info["session"], "name": "mine é", "trust_level": "isolated", "state": "idle",
        "step": 0, "model": "some-model", "key": "session", "extra_imports": ["os"], "network": "host", "sandbox": "workspace", "tools": [], "seq": 0,
        "limits": {"timeout_seconds": 5.0, "max_output_bytes": 10_000, "max_steps": 100,
                   "max_memory_bytes": 1_u64 << 30},
    });
    assert_eq!(without_times(&info), wanted);
    let session = json!({"session": info["session"]});
    assert_eq!(
        daemon.call("session.get", session.clone()),
        Ok(info.clone())
    );
    assert_eq!(
        daemon.call("session.list", json!({})),
        Ok(json!({"sessions": [info]}))
    );
    daemon.call("session.close", session).unwrap();
}

#[test]
fn the_list_holds_the_open_sessions_oldest_first() {
    let daemon = Daemon::start();
    assert_eq!(
        daemon.call("session.list", json!({})),
        Ok(json!({"sessions": []}))
    );
    let sessions = [0; 3].map(|_| daemon.session(json!({})));
    let listed = || -> Vec<String> {
        let list = daemon.call("session.list", json!({})).unwrap();
        let list = list["sessions"].as_array().unwrap().clone();
        list.iter()
            .map(|info| info["session"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        listed(),
        sessions.each_ref().map(|session| session.id.clone())
    );
    sessions[1].call("session.close", json!({})).unwrap();
    assert_eq!(
        listed(),
        [&sessions[0].id, &sessions[2].id].map(Clone::clone)
    );
    let status = daemon.call("status", json!({})).unwrap();
    assert_eq!(status["sessions"], 2);
}

#[test]
fn sessions_share_nothing() {
    let daemon = Daemon::start();
    let (one, other) = (daemon.session(json!({})), daemon.session(json!({})));
    one.exec("import math\nmath.pi = 3\nx = 1\nstore('n', 1)");
    other.check(
        "import math\n'x' in globals(), recall('n'), math.pi > 3",
        json!({"value": "(False, None, True)"}),
    );
}

#[test]
fn a_reset_makes_the_namespace_fresh_and_keeps_the_memory() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["os", "sys"]}));
    session.exec("import math, sys\nmath.broken = 1\nx = 1\nstore('n', [1, 2])\nobserve('o')");
    let info = session.call("session.reset", json!({})).unwrap();
    assert_eq!(
        (&info["session"], &info["state"]),
        (&json!(session.id), &json!("idle"))
    );
    assert_eq!(info["step"], 1);
    session.check("'x' in globals()", json!({"value": "False"}));
    session.check(
        "import math\nhasattr(math, 'broken')",
        json!({"value": "False"}),
    );
    session.check("recall('n')", json!({"value": "[1, 2]"}));
    assert_eq!(session.exec("1")["step"], 5);
    let list = session.call("memory.list", json!({})).unwrap();
    assert_eq!(list["observations"], json!(["o"]));
}

#[test]
fn a_reset_waits_its_turn() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let before = session.start_exec("import time\nx = 1\ntime.sleep(0.1)\nx");
    let reset = session.start("session.reset", json!({}));
    let after = session.start_exec("'x' in globals()");
    assert_eq!(daemon.wait(before).unwrap()["value"], "1");
    daemon.wait(reset).unwrap();
    assert_eq!(daemon.wait(after).unwrap()["value"], "False");
}

#[test]
fn a_closed_session_is_not_found() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    session.exec("1");
    assert_eq!(session.call("session.close", json!({})), Ok(json!({})));
    for (method, params) in [
        ("exec", json!({"code": "1"})),
        ("run", json!({"task": "t"})),
        ("session.get", json!({})),
        ("session.close", json!({})),
        ("session.attach", json!({"since": 0})),
        ("memory.list", json!({})),
    ] {
        refused(session.call(method, params), -31001, "session_not_found");
    }
    let last = session.events().pop().unwrap();
    assert_eq!(last["type"], "session.closed");
    assert_eq!(last["reason"], "a client closed it");
}

#[test]
fn closing_stops_what_runs_and_turns_away_what_waits() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["os"]}));
    let running = session.start_exec("import os\nprint(os.getpid())\nwhile True: pass");
    let event = session.event("stdout", |_| true);
    let pids = numbers(event["text"].as_str().unwrap());
    let pids = outside(daemon.pid(), &pids, &[]);
    let waiting = [
        session.start_exec("1"),
        session.start("run", json!({"task": "t"})),
    ];
    assert_eq!(session.call("session.close", json!({})), Ok(json!({})));
    until_gone(&pids);
    let result = daemon.wait(running).unwrap();
    assert_eq!(result["interrupted"], true);
    for request in waiting {
        refused(daemon.wait(request), -31001, "session_not_found");
    }
    assert_eq!(session.event_types().last().unwrap(), "session.closed");
}

#[test]
fn closing_gives_up_a_call_of_the_model() {
    let gate = crate::support::Gate::default();
    let model = Model::new([gate.hold("never said")]);
    let daemon = Daemon::start();
    let session = daemon.session(model.options());
    let run = session.start("run", json!({"task": "t", "return_result": true}));
    gate.wait_for_call();
    session.call("session.close", json!({})).unwrap();
    gate.wait_until_given_up();
    let result = daemon.wait(run).unwrap();
    assert_eq!(result["state"], "cancelled");
}

#[test]
fn a_level_that_is_not_there_says_what_to_do() {
    let daemon = Daemon::start();
    let status = daemon.call("status", json!({})).unwrap();
    for level in ["local", "sandboxed"] {
        let described = &status["trust_levels"][level];
        if described["available"] == true {
            continue;
        }
        let answer = daemon.call("session.create", json!({"trust_level": level}));
        let (message, hint) = refused(answer, -31007, "trust_level_unavailable");
        assert_eq!(described["reason"], message);
        assert!(!hint.is_empty());
    }
}

#[test]
fn status_says_what_isolated_is() {
    let daemon = Daemon::start();
    let status = daemon.call("status", json!({})).unwrap();
    assert!(status["uptime_seconds"].as_f64().unwrap() >= 0.0);
    let isolated = &status["trust_levels"]["isolated"];
    assert_eq!(
        (&isolated["available"], &isolated["reason"]),
        (&json!(true), &Value::Null)
    );
    let session = daemon.session(json!({"extra_imports": ["platform"]}));
    let version = session.printed("import platform\nprint(platform.python_version())");
    assert_eq!(isolated["python_version"], version.trim());
}

#[test]
fn the_methods_are_described_as_openrpc() {
    let daemon = Daemon::start();
    let document = daemon.call("rpc.discover", json!({})).unwrap();
    assert!(document["openrpc"].as_str().unwrap().starts_with("1."));
    let methods = document["methods"].as_array().unwrap();
    let names: Vec<&str> = methods
        .iter()
        .map(|method| method["name"].as_str().unwrap())
        .collect();
    for name in [
        "ping",
        "session.create",
        "exec",
        "run",
        "step",
        "memory.prune",
        "rpc.discover",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let calls = names
        .iter()
        .map(|name| daemon.call(name, json!({"colour": 1})));
    for (name, answer) in names.iter().zip(calls) {
        assert_eq!(answer.unwrap_err()["code"], -32602, "{name} is served");
    }
}

#[test]
fn a_run_makes_a_session_that_stays() {
    let model = Model::new(["```python\nx = 5\nfinal_answer(x)\n```"]);
    let daemon = Daemon::start();
    let mut params = model.options();
    params["task"] = json!("t");
    params["trust_level"] = json!("isolated");
    params["name"] = json!("by run");
    assert_eq!(daemon.call("run", params), Ok(json!("5")));
    let list = daemon.call("session.list", json!({})).unwrap();
    let info = &list["sessions"][0];
    assert_eq!(
        (&info["name"], &info["state"]),
        (&json!("by run"), &json!("idle"))
    );
    let params = json!({"session": info["session"], "code": "x"});
    assert_eq!(daemon.call("exec", params).unwrap()["value"], "5");
}

#[test]
fn tools_that_cannot_run_are_refused_by_name() {
    let daemon = Daemon::start();
    let tool = json!({"name": "add", "description": "", "parameters": {}, "kind": "client"});
    let answer = daemon.call(
        "session.create",
        json!({"trust_level": "isolated", "tools": [tool]}),
    );
    if let Err(error) = answer {
        refused(Err(error.clone()), -32602, "invalid_params");
        assert!(
            error["message"].as_str().unwrap().contains("tools"),
            "{error}"
        );
    }
    let model = Model::new([] as [Reply; 0]);
    daemon.session(model.options()).assert_usable();
}
