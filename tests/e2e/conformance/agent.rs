//! Runs and single steps of the agent.

use serde_json::{Value, json};

use crate::support::{Daemon, Model, calculate, returns, without_times};

pub fn a_run_goes_on_until_there_is_an_answer(level: &str) {
    let model = Model::new([
        "I look.\n```python\nvalues = [12.5, 7.25, 30]\nprint(len(values), 'values')\n```",
        "```python\nmean = sum(values) / count\n```",
        "```python\nfinal_answer(sum(values) / len(values))\n```",
    ]);
    let daemon = Daemon::start();
    let session = daemon.session_at(level, model.options());
    let result = session
        .call("run", json!({"task": "the mean", "return_result": true}))
        .unwrap();
    let wanted = json!({
        "output": "16.583333333333332",
        "final_answer": {
            "value": 16.583_333_333_333_332, "source": "normal", "metadata": {"step": 3},
        },
        "state": "completed", "steps_taken": 3, "error": null, "metadata": result["metadata"],
    });
    assert_eq!(without_times(&result), wanted);
    let requests = model.requests();
    assert!(requests[0].last().contains("the mean"));
    assert!(
        requests[1].last().contains("3 values"),
        "{}",
        requests[1].last()
    );
    let told = requests[2].last();
    for needle in [
        "line 1: mean = sum(values) / count",
        "NameError: name 'count' is not defined",
    ] {
        assert!(told.contains(needle), "{needle} in {told}");
    }
    session.check("len(values)", json!({"value": "3"}));
}

pub fn an_answer_ends_its_own_run_alone(level: &str) {
    let model = Model::new([
        "```python\nfinal_answer(1)\nfinal_answer(2)\n```",
        "```python\nprint('no answer yet')\n```",
        "```python\nfinal_answer('late')\n1 / 0\n```",
        "```python\nfinal_answer(3)\n```",
    ]);
    let daemon = Daemon::start();
    let session = daemon.session_at(level, model.options());
    session.exec("final_answer('before any run')");
    let run = || {
        session
            .call("run", json!({"task": "t", "return_result": true}))
            .unwrap()
    };
    let first = run();
    assert_eq!(
        (&first["output"], &first["steps_taken"]),
        (&json!("2"), &json!(1))
    );
    let second = run();
    assert_eq!(
        (&second["output"], &second["steps_taken"]),
        (&json!("3"), &json!(3))
    );
    let told = model.requests()[3].last();
    assert!(told.contains("ZeroDivisionError"), "{told}");
}

pub fn a_run_goes_on_after_a_step_that_took_too_long(level: &str) {
    let model = Model::new([
        "```python\nx = 1\nprint('on')\nwhile True: pass\n```",
        "```python\nfinal_answer(x)\n```",
    ]);
    let daemon = Daemon::start();
    let mut options = model.options();
    options["limits"] = json!({"timeout_seconds": 0.5});
    let session = daemon.session_at(level, options);
    assert_eq!(session.call("run", json!({"task": "t"})), Ok(json!("1")));
    let told = model.requests()[1].last();
    assert!(told.contains("stopped after 0.5 seconds"), "{told}");
}

pub fn what_is_done_between_steps_is_seen_by_the_next(level: &str) {
    let model = Model::new([
        "```python\nx = 1\n```",
        "```python\nprint(x, y, recall('hint'))\n```",
        "```python\nfinal_answer([calculate(x, y), recall('hint')])\n```",
    ]);
    let daemon = Daemon::start();
    let session = daemon.session_at(level, model.options());
    let first = session.call("step", json!({"task": "t"})).unwrap();
    assert_eq!((&first["step"], &first["done"]), (&json!(1), &json!(false)));
    session.check("x += 1\ny = 20", json!({}));
    let hint = json!({"name": "hint", "value": "look closer"});
    session.call("memory.store", hint).unwrap();
    session
        .call("memory.observe", json!({"text": "the data is in order"}))
        .unwrap();
    let second = session.call("step", json!({})).unwrap();
    assert_eq!(second["result"]["output"], "2 20 look closer\n");
    let told = model.requests()[1].last();
    for needle in ["look closer", "the data is in order"] {
        assert!(told.contains(needle), "{needle} in {told}");
    }
    session.register(json!([calculate()]));
    let request = session.start("step", json!({}));
    let last = session.serve_tools(request, |call| {
        assert_eq!(call["args"], json!([2, 20]));
        returns(22)
    });
    assert_eq!(
        last["final_answer"]["value"],
        json!([22, "look closer"]),
        "{last}"
    );
    let told = model.requests()[2].last();
    assert!(told.contains("calculate(x: int, y: int) -> int"), "{told}");
}

/// The kinds of the steps of a conversation.
fn kinds(steps: &Value) -> Vec<&str> {
    let steps = steps["steps"].as_array().unwrap().iter();
    steps.map(|step| step["kind"].as_str().unwrap()).collect()
}

pub fn pruning_keeps_the_system_prompt_the_task_and_the_latest_steps(level: &str) {
    let model = Model::new([
        "```python\nprint('one')\n```",
        "```python\nprint('two')\n```",
        "```python\nprint('three')\n```",
        "```python\nfinal_answer('four')\n```",
    ]);
    let daemon = Daemon::start();
    let mut options = model.options();
    options["enable_pruning"] = json!(true);
    options["prune_keep_last"] = json!(2);
    let session = daemon.session_at(level, options);
    session.call("run", json!({"task": "the task"})).unwrap();
    let last = model.requests()[3].messages();
    let all: String = last.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(last[0].0, "system");
    assert!(last[1].1.contains("the task"), "{last:?}");
    assert!(
        !all.contains("print('one')") && all.contains("print('two')"),
        "{all}"
    );

    let before = session.call("memory.steps", json!({})).unwrap();
    let prune = json!({"strategy": "keep_last", "keep_last": 1});
    let answer = session.call("memory.prune", prune).unwrap();
    let after = session.call("memory.steps", json!({})).unwrap();
    assert_eq!(
        answer,
        json!({"steps_before": kinds(&before).len(), "steps_after": kinds(&after).len()})
    );
    assert_eq!(kinds(&after)[..2], ["system_prompt", "task"]);
    let actions = kinds(&after)
        .iter()
        .filter(|kind| **kind == "action")
        .count();
    assert_eq!(actions, 1);
    session.assert_usable();
}
