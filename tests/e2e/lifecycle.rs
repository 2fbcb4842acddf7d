//! The life of a daemon and of a connection: `initialize`, `shutdown`, `exit`.

use serde_json::{Value, json};

use crate::support::{Options, framed, refused};

#[test]
fn initialize_says_what_the_daemon_is() {
    let daemon = Options::default().uninitialized().start();
    let answer = daemon.initialize();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        answer["serverInfo"],
        json!({"name": "tinycode", "version": version})
    );
    let status = &answer["capabilities"]["experimental"]["tinycode"];
    assert_eq!(status["version"], version);
    assert_eq!(status["sessions"], 0);
    let isolated = &status["trust_levels"]["isolated"];
    assert_eq!(isolated["available"], true, "{isolated}");
    for level in ["local", "isolated", "sandboxed"] {
        let level = status["trust_levels"][level].as_object().unwrap();
        let mut fields: Vec<&str> = level.keys().map(String::as_str).collect();
        fields.sort_unstable();
        let wanted = [
            "available",
            "enforced",
            "engine",
            "python_version",
            "reason",
        ];
        assert_eq!(fields, wanted);
    }
}

#[test]
fn before_initialize_nothing_is_served() {
    let daemon = Options::default().uninitialized().start();
    for method in ["ping", "session.list", "no.such.method", "shutdown"] {
        let answer = daemon.call(method, json!({}));
        refused(answer, -32002, "not_initialized");
    }
    daemon.notify("ping", json!({})); // a notification is not answered, not even by an error
    daemon.initialize();
    assert_eq!(daemon.call("ping", json!({})), Ok(json!({"pong": true})));
}

#[test]
fn a_second_initialize_is_refused_and_the_next_request_served() {
    let daemon = Options::default().start();
    let answer = daemon.call("initialize", json!({"capabilities": {}}));
    refused(answer, -32600, "invalid_request");
    assert_eq!(daemon.call("ping", json!({})), Ok(json!({"pong": true})));
}

#[test]
fn a_script_may_leave_out_what_only_editors_have() {
    for params in [json!({}), json!({"processId": null})] {
        let daemon = Options::default().uninitialized().start();
        let result = daemon.call("initialize", params).unwrap();
        assert_eq!(result["serverInfo"]["name"], "tinycode");
    }
}

#[test]
fn an_initialize_of_wrong_params_can_be_repeated() {
    let daemon = Options::default().uninitialized().start();
    let answer = daemon.call("initialize", json!({"capabilities": 7}));
    refused(answer, -32602, "invalid_params");
    refused(daemon.call("ping", json!({})), -32002, "not_initialized");
    daemon.initialize();
    assert_eq!(daemon.call("ping", json!({})), Ok(json!({"pong": true})));
}

#[test]
fn after_shutdown_only_exit_may_follow() {
    let mut daemon = Options::default().start();
    assert_eq!(daemon.call("shutdown", Value::Null), Ok(Value::Null));
    for method in ["ping", "no.such.method", "initialize", "shutdown"] {
        let answer = daemon.call(method, json!({"capabilities": {}}));
        refused(answer, -32600, "invalid_request");
    }
    daemon.notify("exit", Value::Null);
    assert_eq!(daemon.exit_code(), Some(0));
}

#[test]
fn exit_without_shutdown_is_code_1() {
    for initialized in [true, false] {
        let options = Options::default();
        let mut daemon = match initialized {
            true => options.start(),
            false => options.uninitialized().start(),
        };
        daemon.notify("exit", Value::Null);
        assert_eq!(daemon.exit_code(), Some(1));
    }
}

#[test]
fn a_closed_stdin_ends_the_daemon_as_exit_does() {
    let mut daemon = Options::default().start();
    daemon.close();
    assert_eq!(daemon.exit_code(), Some(1));

    let mut daemon = Options::default().start();
    assert_eq!(daemon.call("shutdown", json!({})), Ok(Value::Null));
    daemon.close();
    assert_eq!(daemon.exit_code(), Some(0));
}

#[test]
fn the_end_of_the_daemon_ends_what_runs_in_it() {
    let mut daemon = Options::default().start();
    let session = daemon.session(json!({"extra_imports": ["*"]}));
    let code = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(1000)";
    session.start_exec(code);
    let event = session.event("stdout", |_| true);
    let pids = crate::support::numbers(event["text"].as_str().unwrap());
    let pids = crate::support::outside(daemon.pid(), &pids, &[]);
    daemon.close();
    assert_eq!(daemon.exit_code(), Some(1));
    crate::support::until_gone(&pids);
}

#[test]
fn requests_that_come_before_a_closed_stdin_are_served() {
    let mut daemon = Options::default().start();
    let ids = [0; 50].map(|_| daemon.start("ping", json!({})));
    daemon.close();
    for id in ids {
        assert_eq!(daemon.wait(id), Ok(json!({"pong": true})));
    }
    assert_eq!(daemon.exit_code(), Some(1));
}

#[test]
fn many_requests_in_one_write_are_all_served() {
    let daemon = Options::default().start();
    let ping =
        |id: &str| framed(&json!({"jsonrpc": "2.0", "id": id, "method": "ping"}).to_string());
    let bytes: Vec<u8> = ["a", "b", "c"].iter().flat_map(|id| ping(id)).collect();
    daemon.send_bytes(&bytes);
    for id in ["a", "b", "c"] {
        assert_eq!(daemon.wait_for_id(&json!(id)), Ok(json!({"pong": true})));
    }
}

#[test]
fn a_request_that_comes_byte_by_byte_is_served() {
    let daemon = Options::default().start();
    let request = json!({"jsonrpc": "2.0", "id": "é", "method": "ping", "params": {}});
    for byte in framed(&request.to_string()) {
        daemon.send_bytes(&[byte]);
    }
    assert_eq!(daemon.wait_for_id(&json!("é")), Ok(json!({"pong": true})));
}
