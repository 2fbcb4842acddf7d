//! `memory.*`: one scratchpad and one conversation, for clients, for code and for the model.

use serde_json::{Value, json};

use crate::support::{Daemon, Model, Session, refused};

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
