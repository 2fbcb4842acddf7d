//! `run`: a task goes in, the model's code runs, an answer comes out.

use serde_json::{Value, json};

use crate::support::{Daemon, Gate, Model, Reply, Session, refused, without_times};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
/// The mean of the column `value` of `examples/data.csv`.
const MEAN: f64 = 22.0;

const READ: &str = "I read the column first.\n```python\nimport csv\nwith open('data.csv') as file:\n    values = [float(row['value']) for row in csv.DictReader(file)]\nprint(len(values), 'values')\n```";
const ANSWER: &str = "```python\nfinal_answer(sum(values) / len(values))\n```";

/// The parameters of a run of its own session with this model.
fn params(model: &Model, task: &str) -> Value {
    let mut params = model.options();
    params["task"] = json!(task);
    params["trust_level"] = json!("isolated");
    params["return_result"] = json!(true);
    params
}

fn session<'a>(daemon: &'a Daemon, model: &Model) -> Session<'a> {
    daemon.session(model.options())
}

/// The types of events, deltas of one message taken together.
fn types(events: &[Value]) -> Vec<String> {
    let types = events
        .iter()
        .map(|event| event["type"].as_str().unwrap().to_owned());
    let mut types: Vec<String> = types.collect();
    types.dedup_by(|a, b| a == b && a == "model.delta");
    types
}

#[test]
fn the_mean_of_a_column_is_answered_and_told_in_events_while_it_runs() {
    let gate = Gate::default();
    let model = Model::new([Reply::from(READ), gate.hold(ANSWER)]);
    let daemon = Daemon::start();
    let task = "Read data.csv, calculate the mean of column 'value', and return the result";
    let mut params = params(&model, task);
    params["cwd"] = json!(EXAMPLES);
    let request = daemon.start("run", params);
    gate.wait_for_call();
    daemon.event("the end of the first step", |event| {
        event["type"] == "step.finished"
    });
    assert!(!daemon.has_answer(request), "the events come while it runs");
    gate.open();

    let result = daemon.wait(request).unwrap();
    let session = result["metadata"]["session"].as_str().unwrap();
    let run = result["metadata"]["run"].as_str().unwrap();
    let wanted = json!({
        "output": "22.0",
        "final_answer": {"value": MEAN, "source": "normal", "metadata": {"step": 2}},
        "state": "completed",
        "steps_taken": 2,
        "error": null,
        "metadata": {"run": run, "session": session, "usage": {
            "prompt_tokens": 100, "completion_tokens": 42, "total_tokens": 142, "requests": 2,
        }},
    });
    assert_eq!(without_times(&result), wanted);

    let events = daemon.events(session);
    let wanted = [
        "run.started",
        "step.started",
        "model.delta",
        "model.message",
        "code",
        "stdout",
        "step.finished",
        "checkpoint",
        "step.started",
        "model.delta",
        "model.message",
        "code",
        "step.finished",
        "checkpoint",
        "run.finished",
    ];
    assert_eq!(types(&events), wanted);
    check_events(&events, run, task);
    assert_eq!(events.last().unwrap()["result"], result);
    let times = events.iter().map(|event| event["time"].as_f64().unwrap());
    assert!(times.is_sorted());
}

/// Checks what the events of the run above say.
fn check_events(events: &[Value], run: &str, task: &str) {
    let of = |kind: &str| -> Vec<&Value> {
        events
            .iter()
            .filter(|event| event["type"] == kind)
            .collect()
    };
    let started = of("run.started")[0];
    assert_eq!(
        (&started["run"], &started["task"], &started["max_steps"]),
        (&json!(run), &json!(task), &json!(10))
    );
    for (step, event) in of("step.started").into_iter().enumerate() {
        assert_eq!(
            (&event["run"], &event["step"]),
            (&json!(run), &json!(step + 1))
        );
    }
    for (step, reply) in [(1, READ), (2, ANSWER)] {
        let deltas = of("model.delta")
            .into_iter()
            .filter(|event| event["step"] == step);
        let pieces: Vec<&str> = deltas
            .map(|event| event["text"].as_str().unwrap())
            .collect();
        assert!(pieces.len() > 1, "it is streamed");
        assert_eq!(pieces.concat(), reply);
    }
    let message = of("model.message")[0];
    assert_eq!(message["text"], READ);
    assert_eq!(
        message["usage"],
        json!({"prompt_tokens": 50, "completion_tokens": 21, "total_tokens": 71, "requests": 1})
    );
    assert_eq!(
        of("code")[1]["code"],
        "final_answer(sum(values) / len(values))"
    );
    assert_eq!(of("stdout")[0]["text"], "5 values\n");
    assert_eq!(of("step.finished")[0]["result"]["output"], "5 values\n");
    let last = &of("step.finished")[1]["result"];
    assert_eq!(
        (&last["is_final"], &last["final_value"]),
        (&json!(true), &json!(MEAN))
    );
}

#[test]
fn without_return_result_the_answer_is_a_string() {
    let daemon = Daemon::start();
    for (code, text) in [
        ("final_answer(42)", "42"),
        ("final_answer('é')", "é"),
        ("final_answer([1, 'a'])", "[1, 'a']"),
        ("final_answer(None)", "None"),
        ("print('not this')\nfinal_answer(True)", "True"),
    ] {
        let model = Model::new([format!("```python\n{code}\n```").as_str()]);
        let mut params = params(&model, "t");
        params["return_result"] = json!(false);
        assert_eq!(daemon.call("run", params), Ok(json!(text)), "{code}");
    }
}

#[test]
fn the_model_is_shown_what_its_code_did() {
    let model = Model::new([
        "```python\nprint('a line')\n1 / 0\n```",
        "```python\nfinal_answer = 7\n```",
        "```py\nimport os\n```",
        "<code>final_answer('ok')</code>",
    ]);
    let daemon = Daemon::start();
    let result = daemon
        .call("run", params(&model, "the task itself"))
        .unwrap();
    assert_eq!(result["output"], "ok");
    let requests = model.requests();
    let seen = requests[0].messages();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].0, "system");
    assert!(seen[1].1.contains("the task itself"), "{seen:?}");
    for (request, needles) in [
        (
            1,
            vec![
                "a line",
                "line 2",
                "1 / 0",
                "ZeroDivisionError: division by zero",
            ],
        ),
        (2, vec!["`final_answer`"]),
        (3, vec!["ImportError: import of 'os' is not allowed"]),
    ] {
        let shown = requests[request].last();
        for needle in needles {
            assert!(shown.contains(needle), "{needle} in {shown}");
        }
        assert!(
            !shown.contains("add it to extra_imports") || shown.contains("cannot change"),
            "{shown}"
        );
    }
}

#[test]
fn the_messages_of_a_turn_begin_with_those_of_the_turn_before() {
    let replies = [
        "```python\nx = 1\nprint(x)\nstore('a', 1)\n```",
        "no code at all",
        "```python\nobserve('b')\n1 / 0\n```",
        "```python\nfinal_answer(x)\n```",
        "```python\nx += 1\nprint(x)\n```",
        "```python\nfinal_answer(x)\n```",
    ];
    let model = Model::new(replies);
    let daemon = Daemon::start();
    let session = session(&daemon, &model);
    for (task, answer) in [("first", "1"), ("second", "2")] {
        assert_eq!(
            session.call("run", json!({"task": task})),
            Ok(json!(answer))
        );
    }
    let requests = model.requests();
    for (turn, pair) in requests.windows(2).enumerate() {
        let (before, after) = (pair[0].messages(), pair[1].messages());
        assert_eq!(before[..], after[..before.len()], "turn {turn}");
        assert_eq!(after.len(), before.len() + 2, "turn {turn}");
        let reply = &after[before.len()];
        assert_eq!(
            (reply.0.as_str(), reply.1.as_str()),
            ("assistant", replies[turn])
        );
        assert_eq!(after.last().unwrap().0, "user");
    }
    let last = requests.last().unwrap().messages();
    let tasks = last
        .iter()
        .filter(|(_, text)| text.contains("Task: "))
        .count();
    assert!(tasks >= 2, "both tasks are in the conversation: {last:?}");
}

#[test]
fn a_reply_without_code_is_corrected() {
    let model = Model::new([
        "The answer is 42.",
        "```json\n{\"final_answer\": 42}\n```",
        "",
        "```python\nfinal_answer(42)\n```",
    ]);
    let daemon = Daemon::start();
    let result = daemon.call("run", params(&model, "t")).unwrap();
    assert_eq!(
        (&result["output"], &result["steps_taken"]),
        (&json!("42"), &json!(4))
    );
    let correction = include_str!("../../prompts/no_code.md").trim_end();
    for request in &model.requests()[1..] {
        assert!(request.last().starts_with(correction), "{}", request.last());
    }
    let session = result["metadata"]["session"].as_str().unwrap();
    let events = daemon.events(session);
    let finished = events
        .iter()
        .filter(|event| event["type"] == "step.finished");
    let results: Vec<bool> = finished.map(|event| event["result"].is_null()).collect();
    assert_eq!(results, [true, true, true, false]);
}

#[test]
fn all_blocks_of_a_reply_run_as_one() {
    let model = Model::new([
        "First:\n```python\na = '''\n```\n'''\n```\nthen\n```python\nfinal_answer(a.strip())\n```\nDone.",
    ]);
    let daemon = Daemon::start();
    let result = daemon.call("run", params(&model, "t")).unwrap();
    assert_eq!(result["output"], "```");
}

#[test]
fn a_run_that_uses_its_steps_up_is_a_step_limit() {
    let model = Model::new([
        "```python\nprint('one')\n```",
        "```python\nprint('two')\n```",
    ]);
    let daemon = Daemon::start();
    let mut params = params(&model, "t");
    params["max_steps"] = json!(2);
    let result = daemon.call("run", params).unwrap();
    let wanted = json!({
        "output": "two\n",
        "final_answer": null,
        "state": "step_limit_reached",
        "steps_taken": 2,
        "error": {"type": "step_limit_reached", "message": "no answer was found in 2 steps",
                  "hint": "raise max_steps, or run again in the same session: its variables are kept"},
        "metadata": result["metadata"],
    });
    assert_eq!(without_times(&result), wanted);
    let told = model.requests()[1].last();
    assert!(told.contains("last step"), "{told}");
}

#[test]
fn without_return_result_a_step_limit_is_an_error() {
    let model = Model::new(["nothing"]);
    let daemon = Daemon::start();
    let session = session(&daemon, &model);
    let answer = session.call("run", json!({"task": "t", "max_steps": 1}));
    let (message, hint) = refused(answer, -31008, "step_limit_reached");
    assert!(message.contains("1 step"), "{message}");
    assert!(hint.contains("max_steps"), "{hint}");
    session.assert_usable();
}

#[test]
fn an_answer_of_the_last_step_is_a_final_attempt() {
    let model = Model::new(["nothing", "```python\nfinal_answer(1)\n```"]);
    let daemon = Daemon::start();
    let mut params = params(&model, "t");
    params["max_steps"] = json!(2);
    let result = daemon.call("run", params).unwrap();
    assert_eq!(result["final_answer"]["source"], "final_attempt");
}

#[test]
fn the_sessions_limit_caps_the_steps_of_a_run() {
    let model = Model::new(["nothing", "nothing"]);
    let daemon = Daemon::start();
    let mut params = params(&model, "t");
    params["limits"] = json!({"max_steps": 2});
    params["max_steps"] = json!(50);
    let result = daemon.call("run", params).unwrap();
    assert_eq!(
        (&result["state"], &result["steps_taken"]),
        (&json!("step_limit_reached"), &json!(2))
    );
    let started = daemon.event("run.started", |event| event["type"] == "run.started");
    assert_eq!(started["max_steps"], 2);
}

#[test]
fn two_runs_of_one_session_go_on_with_its_variables_and_steps() {
    let model = Model::new([
        "```python\nx = 20\nfinal_answer(x)\n```",
        "```python\nfinal_answer(x + 1)\n```",
    ]);
    let daemon = Daemon::start();
    let session = session(&daemon, &model);
    session.exec("y = 1");
    let first = session
        .call("run", json!({"task": "a", "return_result": true}))
        .unwrap();
    let second = session
        .call("run", json!({"task": "b", "return_result": true}))
        .unwrap();
    assert_eq!(
        (&first["output"], &second["output"]),
        (&json!("20"), &json!("21"))
    );
    assert_ne!(first["metadata"]["run"], second["metadata"]["run"]);
    assert_eq!(second["metadata"]["session"], session.id.as_str());
    assert_eq!(second["final_answer"]["metadata"], json!({"step": 3}));
    assert_eq!(second["metadata"]["usage"]["requests"], 1);
    session.check("x + y", json!({"value": "21"}));
}

#[test]
fn a_detached_run_answers_at_once_and_goes_on() {
    let gate = Gate::default();
    let model = Model::new([gate.hold("```python\nfinal_answer('late')\n```")]);
    let daemon = Daemon::start();
    let mut params = params(&model, "t");
    params["detach"] = json!(true);
    let started = daemon.call("run", params).unwrap();
    let fields: Vec<&String> = started.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["run", "session"]);
    gate.wait_for_call();
    let info = daemon
        .call("session.get", json!({"session": started["session"]}))
        .unwrap();
    assert_eq!(info["state"], "busy");
    gate.open();
    let finished = daemon.event("run.finished", |event| event["type"] == "run.finished");
    assert_eq!(finished["run"], started["run"]);
    assert_eq!(finished["result"]["output"], "late");
}

#[test]
fn an_answer_counts_only_if_its_block_ends_well() {
    let model = Model::new([
        "```python\nfinal_answer(1)\n1 / 0\n```",
        "```python\nprint('on')\n```",
        "```python\nfinal_answer(2)\nfinal_answer(3)\n```",
    ]);
    let daemon = Daemon::start();
    let result = daemon.call("run", params(&model, "t")).unwrap();
    assert_eq!(
        (&result["output"], &result["steps_taken"]),
        (&json!("3"), &json!(3))
    );
}

#[test]
fn a_python_that_dies_in_a_run_is_told_to_the_model() {
    let (restored, lost) = (
        include_str!("../../prompts/restored.md").trim_end(),
        include_str!("../../prompts/lost.md").trim_end(),
    );
    let daemon = Daemon::start();
    for (checkpoints, still_there, says, not) in [
        (true, "True", restored, lost),
        (false, "False", lost, restored),
    ] {
        let model = Model::new([
            "```python\nx = 1\n```",
            "```python\nimport os\nx = 2\nos._exit(3)\n```",
            "```python\nfinal_answer(globals().get('x') == 1)\n```",
        ]);
        let mut params = params(&model, "t");
        params["extra_imports"] = json!(["*"]);
        params["checkpoints"] = json!(checkpoints);
        let result = daemon.call("run", params).unwrap();
        assert_eq!(result["output"], still_there);
        let told = model.requests()[2].last();
        assert!(told.contains("exited with code 3"), "{told}");
        assert!(told.contains(says), "{told}");
        assert!(!told.contains(not), "{told}");
    }
}

#[test]
fn a_step_that_takes_too_long_in_a_run_is_told_to_the_model() {
    let model = Model::new([
        "```python\nwhile True: pass\n```",
        "```python\nfinal_answer(1)\n```",
    ]);
    let daemon = Daemon::start();
    let mut params = params(&model, "t");
    params["limits"] = json!({"timeout_seconds": 0.2});
    let result = daemon.call("run", params).unwrap();
    assert_eq!(result["state"], "completed");
    let told = model.requests()[1].last();
    assert!(told.contains("stopped after 0.2 seconds"), "{told}");
}
