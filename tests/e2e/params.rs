//! Parameters that are wrong: the error names the field.

use serde_json::{Value, json};

use crate::support::{Daemon, refused};

/// Calls the method and asserts that the error names the field, the session apart.
#[track_caller]
fn check(daemon: &Daemon, method: &str, params: Value, field: &str) {
    let shown = format!("{method} {params}");
    let answer = daemon.call(method, params);
    let (message, _) = refused(answer, -32602, "invalid_params");
    assert!(message.contains(field), "{shown}: {message}");
    assert!(!message.contains("line"), "{shown}: {message}");
}

#[test]
fn an_unknown_field_is_named() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({})).id;
    for method in [
        "ping",
        "status",
        "session.create",
        "session.list",
        "rpc.discover",
    ] {
        check(&daemon, method, json!({"colour": 1}), "colour");
    }
    for method in [
        "session.get",
        "session.reset",
        "session.close",
        "session.attach",
        "session.detach",
        "interrupt",
        "signals",
        "step",
        "memory.clear",
        "memory.list",
        "memory.context",
        "memory.steps",
    ] {
        let params = json!({"session": session, "colour": 1});
        check(&daemon, method, params, "colour");
    }
    let cases = [
        ("exec", json!({"code": "1"})),
        ("run", json!({"task": "t"})),
        ("memory.store", json!({"name": "n", "value": 1})),
        ("memory.recall", json!({"name": "n"})),
        ("memory.observe", json!({"text": "t"})),
        ("memory.fail", json!({"text": "t"})),
        ("memory.prune", json!({"strategy": "none"})),
    ];
    for (method, mut params) in cases {
        params["session"] = json!(session);
        params["colour"] = json!(1);
        check(&daemon, method, params, "colour");
    }
    let nested = json!({"trust_level": "isolated", "limits": {"colour": 1}});
    check(&daemon, "session.create", nested, "colour");
    let of_run = json!({"task": "t", "trust_level": "isolated", "colour": 1});
    check(&daemon, "run", of_run, "colour");
    assert_eq!(daemon.call("status", json!({})).unwrap()["sessions"], 1);
}

#[test]
fn a_field_of_the_wrong_type_is_named() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({})).id;
    let session = session.as_str();
    let cases = [
        ("exec", json!({"session": session, "code": 7}), "code"),
        ("exec", json!({"session": 7, "code": "1"}), "session"),
        ("exec", json!({"session": session}), "code"),
        ("exec", json!({"code": "1"}), "session"),
        ("run", json!({}), "task"),
        ("run", json!({"task": ["t"]}), "task"),
        ("run", json!({"task": "t", "max_steps": "10"}), "max_steps"),
        ("run", json!({"task": "t", "detach": 1}), "detach"),
        (
            "run",
            json!({"task": "t", "return_result": null}),
            "return_result",
        ),
        (
            "run",
            json!({"task": "t", "limits": {"max_steps": "x"}}),
            "limits.max_steps",
        ),
        ("step", json!({"session": session, "task": 7}), "task"),
        ("signals", json!({"session": session, "since": -1}), "since"),
        (
            "signals",
            json!({"session": session, "since": 1.5}),
            "since",
        ),
        (
            "session.attach",
            json!({"session": session, "since": "0"}),
            "since",
        ),
        ("session.get", json!({"session": null}), "session"),
    ];
    for (method, params, field) in cases {
        check(&daemon, method, params, field);
    }
}

#[test]
fn a_field_of_memory_that_has_the_wrong_type_is_named() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({})).id;
    let session = session.as_str();
    let cases = [
        (
            "memory.store",
            json!({"session": session, "name": "n"}),
            "value",
        ),
        (
            "memory.store",
            json!({"session": session, "name": 1, "value": 1}),
            "name",
        ),
        (
            "memory.prune",
            json!({"session": session, "strategy": "all"}),
            "strategy",
        ),
        ("memory.prune", json!({"session": session}), "strategy"),
        (
            "memory.prune",
            json!({"session": session, "strategy": "keep_last", "keep_last": -1}),
            "keep_last",
        ),
    ];
    for (method, params, field) in cases {
        check(&daemon, method, params, field);
    }
}

#[test]
fn a_session_option_of_the_wrong_type_is_named() {
    let daemon = Daemon::start();
    let cases = [
        (json!({"trust_level": "trusted"}), "trust_level"),
        (json!({"trust_level": 1}), "trust_level"),
        (json!({"limits": []}), "limits"),
        (
            json!({"limits": {"timeout_seconds": "30"}}),
            "limits.timeout_seconds",
        ),
        (
            json!({"limits": {"max_output_bytes": 1.5}}),
            "limits.max_output_bytes",
        ),
        (json!({"limits": {"max_steps": -1}}), "limits.max_steps"),
        (
            json!({"limits": {"max_memory_bytes": true}}),
            "limits.max_memory_bytes",
        ),
        (json!({"extra_imports": "os"}), "extra_imports"),
        (json!({"extra_imports": [1]}), "extra_imports[0]"),
        (json!({"model": 4}), "model"),
        (json!({"api_key": 4}), "api_key"),
        (json!({"base_url": []}), "base_url"),
        (json!({"tools": {}}), "tools"),
        (json!({"tools": [{"name": 1}]}), "tools[0].name"),
        (json!({"system_suffix": 1}), "system_suffix"),
        (json!({"prompt_file": 1}), "prompt_file"),
        (json!({"enable_pruning": "yes"}), "enable_pruning"),
        (json!({"prune_keep_last": -3}), "prune_keep_last"),
        (json!({"checkpoints": 1}), "checkpoints"),
        (json!({"name": 1}), "name"),
        (json!({"cwd": 1}), "cwd"),
        (json!({"cwd_mode": "move"}), "cwd_mode"),
        (json!({"cwd_mode": "mount", "cwd": "/tmp"}), "cwd_mode"),
        (json!({"cwd_mode": "copy", "cwd": "/tmp"}), "cwd_mode"),
        (
            json!({"cwd_mode": "mount", "trust_level": "sandboxed"}),
            "cwd_mode",
        ),
        (json!({"python": 3}), "python"),
        (json!({"network": "some"}), "network"),
        (json!({"image": 1}), "image"),
    ];
    for (mut options, field) in cases {
        if options.get("trust_level").is_none() {
            options["trust_level"] = json!("isolated");
        }
        check(&daemon, "session.create", options.clone(), field);
        options["task"] = json!("t");
        check(&daemon, "run", options, field);
    }
    assert_eq!(daemon.call("status", json!({})).unwrap()["sessions"], 0);
}

#[test]
fn a_value_out_of_range_is_named() {
    let daemon = Daemon::start();
    let cases = [
        (
            json!({"limits": {"timeout_seconds": 0}}),
            "limits.timeout_seconds",
        ),
        (
            json!({"limits": {"timeout_seconds": -1}}),
            "limits.timeout_seconds",
        ),
        (
            json!({"limits": {"timeout_seconds": 1e300}}),
            "limits.timeout_seconds",
        ),
        (
            json!({"limits": {"max_output_bytes": 0}}),
            "limits.max_output_bytes",
        ),
        (
            json!({"limits": {"max_output_bytes": 1_u64 << 40}}),
            "limits.max_output_bytes",
        ),
        (json!({"limits": {"max_steps": 0}}), "limits.max_steps"),
        (
            json!({"limits": {"max_memory_bytes": 1000}}),
            "limits.max_memory_bytes",
        ),
        (json!({"prune_keep_last": 0}), "prune_keep_last"),
        (json!({"model": " "}), "model"),
        (json!({"cwd": "/no/such/folder"}), "cwd"),
        (json!({"cwd": "/etc/passwd"}), "cwd"),
        (json!({"cwd": ""}), "cwd"),
        (json!({"cwd": "a\u{0}b"}), "cwd"),
        (json!({"prompt_file": "/no/such/file"}), "prompt_file"),
    ];
    for (mut options, field) in cases {
        options["trust_level"] = json!("isolated");
        check(&daemon, "session.create", options.clone(), field);
        options["task"] = json!("t");
        check(&daemon, "run", options, field);
    }
    let run = json!({"task": "t", "max_steps": 0, "trust_level": "isolated"});
    check(&daemon, "run", run, "max_steps");
    assert_eq!(daemon.call("status", json!({})).unwrap()["sessions"], 0);
}

#[test]
fn options_beside_a_session_are_refused_by_name() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({})).id;
    let params = json!({"task": "t", "session": session, "trust_level": "isolated"});
    check(&daemon, "run", params, "trust_level");
}

#[test]
fn a_name_in_memory_is_not_empty_and_a_value_not_huge() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({})).id;
    let empty = json!({"session": session, "name": "", "value": 1});
    check(&daemon, "memory.store", empty, "name");
    let huge = json!({"session": session, "name": "n", "value": "x".repeat(2 << 20)});
    check(&daemon, "memory.store", huge, "value");
}

#[test]
fn a_session_that_does_not_exist_is_not_found() {
    let daemon = Daemon::start();
    let cases = [
        ("session.get", json!({})),
        ("session.close", json!({})),
        ("session.reset", json!({})),
        ("session.attach", json!({})),
        ("session.detach", json!({})),
        ("exec", json!({"code": "1"})),
        ("run", json!({"task": "t"})),
        ("step", json!({"task": "t"})),
        ("interrupt", json!({})),
        ("signals", json!({})),
        ("memory.store", json!({"name": "n", "value": 1})),
        ("memory.recall", json!({"name": "n"})),
        ("memory.observe", json!({"text": "t"})),
        ("memory.fail", json!({"text": "t"})),
        ("memory.clear", json!({})),
        ("memory.list", json!({})),
        ("memory.context", json!({})),
        ("memory.steps", json!({})),
        ("memory.prune", json!({"strategy": "none"})),
    ];
    for (method, mut params) in cases {
        params["session"] = json!("s-0000");
        let answer = daemon.call(method, params);
        let (message, hint) = refused(answer, -31001, "session_not_found");
        assert!(message.contains("s-0000"), "{method}: {message}");
        assert!(!hint.is_empty(), "{method}");
    }
}

#[test]
fn a_file_that_an_option_names_is_a_regular_one_of_bounded_size() {
    let daemon = Daemon::start();
    let folder = daemon.folder();
    let pipe = folder.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let large = folder.join("large.md");
    std::fs::File::create(&large)
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    // As many as would wait on every thread of the daemon.
    let mut requests = Vec::new();
    for _ in 0..8 {
        for file in [
            pipe.as_path(),
            &large,
            std::path::Path::new("/dev/zero"),
            &folder,
        ] {
            let options = json!({"trust_level": "local", "prompt_file": file});
            requests.push((daemon.start("session.create", options), "prompt_file"));
        }
        let options = json!({"trust_level": "isolated", "cwd": pipe});
        requests.push((daemon.start("session.create", options), "cwd"));
        let options = json!({"trust_level": "local", "cwd": pipe});
        requests.push((daemon.start("session.create", options), "cwd"));
    }
    assert_eq!(daemon.call("ping", json!({})), Ok(json!({"pong": true})));
    for (request, field) in requests {
        let (message, _) = refused(daemon.wait(request), -32602, "invalid_params");
        assert!(message.starts_with(field), "{message}");
    }
    let model = format!("replay:{}", pipe.display());
    let session = daemon.session(json!({"model": model}));
    let answer = session.call("run", json!({"task": "t"}));
    let (message, _) = refused(answer, -31006, "model_error");
    assert!(message.contains("not a regular file"), "{message}");
}
