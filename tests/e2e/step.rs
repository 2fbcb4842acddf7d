//! `step`: a task, one turn at a time.

use serde_json::{Value, json};

use crate::support::{Daemon, Gate, Model, Reply, exec_result, refused, without_times};

#[test]
fn a_task_goes_turn_by_turn() {
    let first = "I look.\n```python\nx = 20\nprint(x)\n```";
    let model = Model::new([first, "no code", "```python\nfinal_answer(x + 1)\n```"]);
    let daemon = Daemon::start();
    let session = daemon.session(model.options());
    let step = |params: Value| session.call("step", params).unwrap();

    let result = step(json!({"task": "add"}));
    let wanted = json!({
        "step": 1, "reply": first, "code": "x = 20\nprint(x)", "done": false, "final_answer": null,
        "state": "running", "result": exec_result(json!({"output": "20\n"})),
    });
    assert_eq!(without_times(&result), wanted);

    let wanted = json!({
        "step": 2, "reply": "no code", "code": null, "result": null, "done": false,
        "final_answer": null, "state": "running",
    });
    assert_eq!(step(json!({})), wanted);

    let result = step(json!({"task": null}));
    assert_eq!(
        (&result["done"], &result["state"]),
        (&json!(true), &json!("completed"))
    );
    let answer = json!({"value": 21, "source": "normal", "metadata": {"step": 3}});
    assert_eq!(without_times(&result["final_answer"]), answer);

    let answer = session.call("step", json!({}));
    let (_, hint) = refused(answer, -32600, "invalid_request");
    assert!(hint.contains("task"), "{hint}");
}

#[test]
fn without_a_task_there_is_nothing_to_go_on_with() {
    let model = Model::new([] as [Reply; 0]);
    let daemon = Daemon::start();
    let session = daemon.session(model.options());
    refused(session.call("step", json!({})), -32600, "invalid_request");
    session.assert_usable();
}

#[test]
fn steps_are_limited_as_those_of_a_run() {
    let model = Model::new(["nothing", "nothing", "```python\nfinal_answer(3)\n```"]);
    let daemon = Daemon::start();
    let mut options = model.options();
    options["limits"] = json!({"max_steps": 2});
    let session = daemon.session(options);
    let first = session.call("step", json!({"task": "t"})).unwrap();
    assert_eq!(
        (&first["done"], &first["state"]),
        (&json!(false), &json!("running"))
    );
    let second = session.call("step", json!({})).unwrap();
    assert_eq!(
        (&second["done"], &second["state"]),
        (&json!(true), &json!("step_limit_reached"))
    );
    refused(session.call("step", json!({})), -32600, "invalid_request");
    let again = session.call("step", json!({"task": "anew"})).unwrap();
    assert_eq!(
        (&again["done"], &again["state"]),
        (&json!(true), &json!("completed"))
    );
}

#[test]
fn a_step_whose_model_fails_can_be_taken_again() {
    let model = Model::new([
        Reply::from("```python\nx = 1\n```"),
        Reply::Status(404, "", String::new()),
        Reply::from("```python\nfinal_answer(x)\n```"),
    ]);
    let daemon = Daemon::start();
    let session = daemon.session(model.options());
    session.call("step", json!({"task": "t"})).unwrap();
    let (_, hint) = refused(session.call("step", json!({})), -31006, "model_error");
    assert!(hint.contains("base_url"), "{hint}");
    let last = session.call("step", json!({})).unwrap();
    assert_eq!(last["final_answer"]["value"], 1);
    let requests = model.requests();
    assert_eq!(requests[1].messages(), requests[2].messages());
}

#[test]
fn a_cancelled_step_can_be_taken_again() {
    let gate = Gate::default();
    let model = Model::new([
        gate.hold("never said"),
        Reply::from("```python\nfinal_answer(2)\n```"),
    ]);
    let daemon = Daemon::start();
    let session = daemon.session(model.options());
    let request = session.start("step", json!({"task": "t"}));
    gate.wait_for_call();
    daemon.cancel(request);
    refused(daemon.wait(request), -32800, "cancelled");
    gate.wait_until_given_up();
    let result = session.call("step", json!({})).unwrap();
    assert_eq!(result["final_answer"]["value"], 2);
}

#[test]
fn an_interrupted_step_says_so_and_the_task_goes_on() {
    let model = Model::new([
        "```python\nprint('on', flush=True)\nwhile True: pass\n```",
        "```python\nfinal_answer(2)\n```",
    ]);
    let daemon = Daemon::start();
    let session = daemon.session(model.options());
    let request = session.start("step", json!({"task": "t"}));
    session.until_printed("on");
    assert_eq!(
        session.call("interrupt", json!({})),
        Ok(json!({"interrupted": true}))
    );
    let result = daemon.wait(request).unwrap();
    assert_eq!(
        (&result["done"], &result["state"]),
        (&json!(false), &json!("cancelled"))
    );
    assert_eq!(result["result"]["interrupted"], true);
    let result = session.call("step", json!({})).unwrap();
    assert_eq!(result["final_answer"]["value"], 2);
}
