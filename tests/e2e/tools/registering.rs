//! When tools are there, and who is told of them.

use serde_json::{Value, json};

use super::session_with_calculate;
use crate::support::{Daemon, Model, calculate, client_tool, fails, python_tool, returns};

fn now() -> Value {
    client_tool("now", json!({"type": "object"}))
}

#[test]
fn tools_come_with_the_session_or_later_and_are_listed() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"tools": [calculate()]}));
    let source = "def twice(x):\n    return 2 * x";
    session.register(json!([now(), python_tool("twice", source)]));
    let mut all = json!([calculate(), now(), python_tool("twice", source)]);
    for tool in all.as_array_mut().unwrap() {
        for field in ["returns", "source"] {
            tool[field] = tool[field].take(); // said even where it is null
        }
    }
    assert_eq!(
        session.call("tools.list", json!({})),
        Ok(json!({"tools": all}))
    );
    let info = session.call("session.get", json!({})).unwrap();
    assert_eq!(info["tools"], json!(["calculate", "now", "twice"]));
    session.register(json!([]));
    let result = session.exec_with("calculate(1, 2), now(), twice(4)", |call| {
        returns(call["name"].clone())
    });
    assert_eq!(result["value"], "('calculate', 'now', 8)");
}

#[test]
fn the_next_step_has_what_was_registered_while_one_runs() {
    let daemon = Daemon::start();
    let session = session_with_calculate(&daemon);
    let request = session.start_exec("calculate(1, 2), 'now' in globals()");
    let call = session.tool_call("calculate");
    session.register(json!([now()]));
    session.answer(&call, returns(3)).unwrap();
    assert_eq!(daemon.wait(request).unwrap()["value"], "(3, False)");
    let result = session.exec_with("now()", |_| returns("noon"));
    assert_eq!(result["value"], "'noon'");
}

#[test]
fn tools_are_those_of_one_session() {
    let daemon = Daemon::start();
    session_with_calculate(&daemon);
    let other = daemon.session(json!({}));
    other.check("'calculate' in globals()", json!({"value": "False"}));
    assert_eq!(
        other.call("tools.list", json!({})),
        Ok(json!({"tools": []}))
    );
}

#[test]
fn the_model_is_told_in_the_system_prompt_or_once_it_has_acted_by_a_message() {
    let model = Model::new([
        "```python\nx = calculate(1, 2)\n```",
        "```python\nfinal_answer(now() + x)\n```",
    ]);
    let daemon = Daemon::start();
    let session = daemon.session(model.options());
    session.register(json!([calculate()]));
    let answers = |call: &Value| match call["name"].as_str() {
        Some("calculate") => returns(3),
        _ => returns(4),
    };
    let request = session.start("step", json!({"task": "t"}));
    session.serve_tools(request, answers);
    session.register(json!([now()]));
    let request = session.start("step", json!({}));
    let last = session.serve_tools(request, answers);
    assert_eq!(last["final_answer"]["value"], 7, "{last}");

    let requests = model.requests();
    let first = requests[0].messages();
    assert_eq!(first[0].0, "system");
    for needle in ["calculate(x: int, y: int) -> int", "Does calculate."] {
        assert!(first[0].1.contains(needle), "{needle} in {}", first[0].1);
    }
    assert!(!first[0].1.contains("now()"), "{}", first[0].1);
    let second = requests[1].messages();
    assert_eq!(
        first[..],
        second[..first.len()],
        "what was said is not changed"
    );
    let told = requests[1].last();
    for needle in ["now()", "calculate(x: int, y: int) -> int"] {
        assert!(told.contains(needle), "{needle} in {told}");
    }
}

#[test]
fn a_tool_registered_in_mid_conversation_is_told_with_what_it_does() {
    let model = Model::new(["nothing yet", "```python\nfinal_answer(1)\n```"]);
    let daemon = Daemon::start();
    let session = daemon.session(model.options());
    session.call("step", json!({"task": "t"})).unwrap();
    session.register(json!([now()]));
    session.call("step", json!({})).unwrap();
    let told = model.requests()[1].last();
    assert!(told.contains("Does now."), "{told}");
}

#[test]
fn after_a_failed_call_the_model_sees_the_line_the_error_and_what_the_tool_takes() {
    let model = Model::new([
        "```python\nx = 1\ncalculate('one', x)\n```",
        "```python\ncalculate(x, 2)\n```",
        "```python\nfinal_answer(x)\n```",
    ]);
    let daemon = Daemon::start();
    let mut options = model.options();
    options["tools"] = json!([calculate()]);
    let session = daemon.session(options);
    let request = session.start("run", json!({"task": "t"}));
    let answer = session.serve_tools(request, |_| fails("OutOfStock", "none is left"));
    assert_eq!(answer, "1");
    let requests = model.requests();
    for (request, needles) in [
        (
            1,
            ["line 2: calculate('one', x)", "TypeError: calculate(): x: "],
        ),
        (2, ["line 1: calculate(x, 2)", "OutOfStock: none is left"]),
    ] {
        let told = requests[request].last();
        let about = [
            "About this tool: calculate(x: int, y: int) -> int",
            "Does calculate.",
        ];
        for needle in needles.into_iter().chain(about) {
            assert!(told.contains(needle), "{needle} in {told}");
        }
    }
}

#[test]
fn pruning_forgets_neither_tools_of_mid_conversation_nor_the_memory() {
    let model = Model::new([
        "```python\n1\n```",
        "```python\nstore('key', 'kept')\n```",
        "```python\n3\n```",
        "```python\nfinal_answer(4)\n```",
    ]);
    let daemon = Daemon::start();
    let mut options = model.options();
    options["enable_pruning"] = json!(true);
    options["prune_keep_last"] = json!(1);
    let session = daemon.session(options);
    session.call("step", json!({"task": "t"})).unwrap();
    session.register(json!([now()]));
    for _ in 0..3 {
        session.call("step", json!({})).unwrap();
    }
    let last = model.requests()[3].messages();
    let all: String = last.iter().map(|(_, text)| text.as_str()).collect();
    for needle in ["Does now.", "kept", "Task: t"] {
        assert!(all.contains(needle), "{needle} in {last:?}");
    }
}
