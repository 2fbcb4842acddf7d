//! `memory.*`: one scratchpad and one conversation, for clients, for code and for the model.

use serde_json::{Value, json};

use crate::support::{Daemon, Model, Session, refused};

fn recall(session: &Session<'_>, name: &str) -> Value {
    session
        .call("memory.recall", json!({"name": name}))
        .unwrap()
}

#[test]
fn what_a_client_stores_code_recalls() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
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

#[test]
fn what_code_stores_a_client_recalls() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
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

#[test]
fn notes_of_clients_and_of_code_are_in_one_list() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
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

#[test]
fn clearing_forgets_all_for_code_too() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
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

#[test]
fn changes_are_events() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
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

#[test]
fn memory_answers_while_code_runs() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
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

#[test]
fn wrong_uses_of_memory_in_code_are_exceptions() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
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

#[test]
fn a_scratchpad_has_room_for_a_thousand_names() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    for number in 0..1_000 {
        let params = json!({"name": format!("n{number}"), "value": number});
        session.call("memory.store", params).unwrap();
    }
    let answer = session.call("memory.store", json!({"name": "one more", "value": 1}));
    let (_, hint) = refused(answer, -31004, "limit_exceeded");
    assert!(!hint.is_empty());
    session
        .call("memory.store", json!({"name": "n7", "value": "again"}))
        .unwrap();
    session.check(
        "recall('n7'), recall('n999')",
        json!({"value": "('again', 999)"}),
    );
}

/// A session after three turns: a failure, a note and an answer.
fn after_a_run<'a>(daemon: &'a Daemon, model: &Model) -> Session<'a> {
    let session = daemon.session(model.options());
    session.call("run", json!({"task": "the task"})).unwrap();
    session
}

const TURNS: [&str; 3] = [
    "```python\n1 / 0\n```",
    "```python\nobserve('noted')\nprint('y' * 2000)\n```",
    "```python\nfinal_answer('done')\n```",
];

#[test]
fn steps_tell_the_whole_conversation() {
    let model = Model::new(TURNS);
    let daemon = Daemon::start();
    let session = after_a_run(&daemon, &model);
    let steps = session.call("memory.steps", json!({})).unwrap();
    let steps = steps["steps"].as_array().unwrap();
    let kinds: Vec<&str> = steps
        .iter()
        .map(|step| step["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds[..3], ["system_prompt", "task", "action"]);
    assert!(kinds.contains(&"scratchpad"), "{kinds:?}");
    assert_eq!(steps[1]["text"], "the task");
    let actions: Vec<&Value> = steps
        .iter()
        .filter(|step| step["kind"] == "action")
        .collect();
    assert_eq!(actions.len(), 3);
    for (action, reply) in actions.iter().zip(TURNS) {
        assert_eq!(action["reply"], reply);
        assert!(action["duration_seconds"].as_f64().unwrap() > 0.0);
        assert_eq!(action["usage"]["total_tokens"], 71);
    }
    assert_eq!(
        (&actions[0]["step"], &actions[0]["code"]),
        (&json!(1), &json!("1 / 0"))
    );
    assert_eq!(actions[0]["error"], "ZeroDivisionError: division by zero");
    assert!(
        actions[0]["observation"]
            .as_str()
            .unwrap()
            .contains("division by zero")
    );
    assert_eq!(actions[1]["error"], Value::Null);
    let failed = session.call("memory.list", json!({})).unwrap()["failed_approaches"].clone();
    assert!(
        failed[0].as_str().unwrap().contains("division by zero"),
        "{failed}"
    );
    let shown = model.requests()[2].last();
    assert!(
        shown.contains("noted"),
        "the model is shown its memory: {shown}"
    );
}

#[test]
fn pruning_makes_the_conversation_shorter() {
    let model = Model::new(TURNS);
    let daemon = Daemon::start();
    let session = after_a_run(&daemon, &model);
    let steps = || {
        session.call("memory.steps", json!({})).unwrap()["steps"]
            .as_array()
            .unwrap()
            .clone()
    };
    let before = steps().len();
    let prune = |params: Value| session.call("memory.prune", params).unwrap();
    assert_eq!(
        prune(json!({"strategy": "none"})),
        json!({"steps_before": before, "steps_after": before})
    );

    let answer = prune(json!({"strategy": "truncate_observations", "max_length": 50}));
    assert_eq!(
        answer,
        json!({"steps_before": before, "steps_after": before})
    );
    for step in steps().iter().filter(|step| step["kind"] == "action") {
        assert!(
            step["observation"].as_str().unwrap().chars().count() < 80,
            "{step}"
        );
    }

    let answer = prune(json!({"strategy": "keep_last", "keep_last": 1}));
    assert_eq!(answer["steps_after"], steps().len());
    let kinds: Vec<Value> = steps().iter().map(|step| step["kind"].clone()).collect();
    assert_eq!(kinds[..2], ["system_prompt", "task"]);
    let actions: Vec<Value> = steps()
        .into_iter()
        .filter(|step| step["kind"] == "action")
        .collect();
    assert_eq!(actions.len(), 1);
    assert_eq!(actions[0]["reply"], TURNS[2]);
}

#[test]
fn a_session_can_prune_by_itself() {
    let model = Model::new([
        "```python\n1\n```",
        "```python\n2\n```",
        "```python\n3\n```",
        "```python\nfinal_answer(4)\n```",
    ]);
    let daemon = Daemon::start();
    let mut options = model.options();
    options["enable_pruning"] = json!(true);
    options["prune_keep_last"] = json!(2);
    let session = daemon.session(options);
    session.call("run", json!({"task": "the task"})).unwrap();
    let lengths: Vec<usize> = model
        .requests()
        .iter()
        .map(|request| request.messages().len())
        .collect();
    assert_eq!(lengths, [2, 4, 6, 6]);
    let last = model.requests()[3].messages();
    assert!(last[1].1.contains("the task"), "{last:?}");
}
