//! One scratchpad, for clients and for code.

use serde_json::{Value, json};

use crate::support::{Daemon, Model, Session};

fn recall(session: &Session<'_>, name: &str) -> Value {
    session
        .call("memory.recall", json!({"name": name}))
        .unwrap()
}

pub fn what_a_client_stores_code_recalls(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let value = json!({"a": [1, 2.5, null, true, "é"]});
    assert_eq!(
        session.call("memory.store", json!({"name": "n", "value": value})),
        Ok(json!({}))
    );
    session.check(
        "recall('n')",
        json!({"value": "{'a': [1, 2.5, None, True, 'é']}"}),
    );
    session.check("memory.recall('n')['a'][0]", json!({"value": "1"}));
    session.check(
        "recall('missing'), recall('missing', 7)",
        json!({"value": "(None, 7)"}),
    );
    session
        .call("memory.store", json!({"name": "n", "value": "new"}))
        .unwrap();
    session.check("recall('n')", json!({"value": "'new'"}));
}

pub fn what_code_stores_a_client_recalls(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.exec(
        "store('n', {'a': (1, 2)})\nmemory.store('m', 'é')\nstore('set', {1})\nstore('none', None)",
    );
    assert_eq!(
        recall(&session, "n"),
        json!({"value": {"a": [1, 2]}, "found": true})
    );
    assert_eq!(recall(&session, "m"), json!({"value": "é", "found": true}));
    assert_eq!(
        recall(&session, "set"),
        json!({"value": "{1}", "found": true})
    );
    assert_eq!(
        recall(&session, "none"),
        json!({"value": null, "found": true})
    );
    assert_eq!(
        recall(&session, "missing"),
        json!({"value": null, "found": false})
    );
    let params = json!({"name": "missing", "default": [1]});
    let answer = session.call("memory.recall", params).unwrap();
    assert_eq!(answer, json!({"value": [1], "found": false}));
    // The code itself gets the object that it stored.
    session.check(
        "recall('set') | {2}, recall('n')",
        json!({"value": "({1, 2}, {'a': (1, 2)})"}),
    );
}

pub fn notes_of_clients_and_of_code_are_in_one_list(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session
        .call("memory.observe", json!({"text": "by client"}))
        .unwrap();
    session
        .exec("observe('by code')\nmemory.observe(3)\nmemory.fail('tried by code')\nstore('n', 1)");
    session
        .call("memory.fail", json!({"text": "tried by client"}))
        .unwrap();
    let list = session.call("memory.list", json!({})).unwrap();
    let wanted = json!({
        "variables": {"n": 1},
        "observations": ["by client", "by code", "3"],
        "failed_approaches": ["tried by code", "tried by client"],
    });
    assert_eq!(list, wanted);
    let context = session.call("memory.context", json!({})).unwrap();
    let text = context["text"].as_str().unwrap();
    for needle in ["n", "by client", "by code", "tried by client"] {
        assert!(text.contains(needle), "{needle} in {text}");
    }
}

pub fn clearing_forgets_all_for_code_too(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.exec("store('a', 1)\nobserve('o')\nmemory.fail('f')");
    session.call("memory.clear", json!({})).unwrap();
    session
        .call("memory.store", json!({"name": "b", "value": 2}))
        .unwrap();
    session.check("recall('a'), recall('b')", json!({"value": "(None, 2)"}));
    let list = session.call("memory.list", json!({})).unwrap();
    assert_eq!(
        list,
        json!({"variables": {"b": 2}, "observations": [], "failed_approaches": []})
    );
    session.call("memory.clear", json!({})).unwrap();
    assert_eq!(
        session.call("memory.context", json!({})),
        Ok(json!({"text": ""}))
    );
}

pub fn changes_are_events(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session
        .call("memory.store", json!({"name": "a", "value": 1}))
        .unwrap();
    session
        .call("memory.observe", json!({"text": "o"}))
        .unwrap();
    session.call("memory.fail", json!({"text": "f"})).unwrap();
    session.call("memory.clear", json!({})).unwrap();
    session.exec("store('b', 1)");
    let events = session.events();
    let changes: Vec<String> = events
        .iter()
        .filter(|event| event["type"] == "memory")
        .map(|event| {
            format!(
                "{} {}",
                event["op"].as_str().unwrap(),
                event["name"].as_str().unwrap()
            )
        })
        .collect();
    let wanted = [
        "store a",
        "observe observations",
        "fail failed_approaches",
        "clear *",
        "store b",
    ];
    assert_eq!(changes, wanted);
}

pub fn memory_answers_while_code_runs(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let running = session.start_exec("store('a', 1)\nprint('on')\nwhile True: pass");
    session.until_printed("on");
    assert_eq!(recall(&session, "a"), json!({"value": 1, "found": true}));
    session
        .call("memory.store", json!({"name": "b", "value": 2}))
        .unwrap();
    session.call("interrupt", json!({})).unwrap();
    daemon.wait(running).unwrap();
    session.check("recall('a'), recall('b')", json!({"value": "(1, 2)"}));
}

pub fn wrong_uses_of_memory_in_code_are_exceptions(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    for code in ["store('', 1)", "store(1, 1)", "store('only a name')"] {
        assert_eq!(session.exec(code)["error"]["type"], "TypeError", "{code}");
    }
    let code = "a = []\na.append(a)\nstore('loop', a)\nrecall('loop') is a";
    session.check(code, json!({"value": "True"}));
    session.exec("store('long', 'x' * 10_000_000)");
    session.check("len(recall('long'))", json!({"value": "10000000"}));
    session.exec("class Bad:\n    def __repr__(self): raise ValueError\nstore('bad', Bad())");
    session.assert_usable();
}

pub fn memory_outlives_steps_runs_and_a_reset(level: &str) {
    let model = Model::new([
        "```python\nstore('by_run', 2)\nfinal_answer(recall('by_code'))\n```",
        "```python\nfinal_answer([recall('by_client'), recall('by_run')])\n```",
    ]);
    let daemon = Daemon::start();
    let session = daemon.session_at(level, model.options());
    let params = json!({"name": "by_client", "value": [1]});
    session.call("memory.store", params).unwrap();
    session.exec("store('by_code', {'a': 1})\nobserve('seen')\nmine = 1");
    let run = |task: &str| session.call("run", json!({"task": task}));
    assert_eq!(run("first"), Ok(json!("{'a': 1}")));
    session.call("session.reset", json!({})).unwrap();
    assert_eq!(session.exec("mine")["error"]["type"], "NameError");
    assert_eq!(run("second"), Ok(json!("[[1], 2]")));
    let list = session.call("memory.list", json!({})).unwrap();
    assert_eq!(
        list["variables"],
        json!({"by_client": [1], "by_code": {"a": 1}, "by_run": 2})
    );
    assert_eq!(list["observations"][0], "seen");
    session.check("recall('by_code')", json!({"value": "{'a': 1}"}));
}
