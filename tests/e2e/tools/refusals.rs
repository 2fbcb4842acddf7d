//! Tools that cannot be.

use serde_json::{Value, json};

use crate::support::{Daemon, calculate, client_tool, integers, python_tool, refused};

fn any() -> Value {
    json!({"type": "object"})
}

/// Tools that are refused, and what the error says.
fn impossible() -> Vec<(Value, &'static str)> {
    let with = |field: &str, value: Value| {
        let mut tool = calculate();
        tool[field] = value;
        tool
    };
    let mut without_source = python_tool("f", "");
    without_source.as_object_mut().unwrap().remove("source");
    vec![
        (client_tool("two words", any()), "identifier"),
        (client_tool("1st", any()), "identifier"),
        (client_tool("", any()), "identifier"),
        (client_tool("a.b", any()), "identifier"),
        (client_tool("class", any()), "keyword"),
        (client_tool("None", any()), "keyword"),
        (client_tool("await", any()), "keyword"),
        (client_tool("__builtins__", any()), "reserved"),
        (client_tool("there", any()), "there already"),
        (with("parameters", json!([])), "JSON Schema"),
        (with("parameters", json!("x")), "JSON Schema"),
        (with("parameters", json!({"type": "array"})), "type object"),
        (
            with(
                "parameters",
                json!({"properties": {"x": {"type": "whole"}}}),
            ),
            "JSON Schema",
        ),
        (with("parameters", json!({"properties": []})), "JSON Schema"),
        (with("kind", json!("server")), "kind"),
        (with("name", json!(5)), "name"),
        (with("colour", json!("red")), "colour"),
        (with("source", json!("def calculate(): pass")), "source"),
        (without_source, "source"),
        (python_tool("f", "async def f():\n    pass"), "async"),
        (python_tool("f", "def g():\n    pass"), "f"),
        (python_tool("f", "f = 5"), "f"),
        (python_tool("f", "class f:\n    pass"), "not a function"),
        (python_tool("f", "def f(:\n    pass"), "line 1"),
        (python_tool("f", "x = 1\nif x:\ny"), "line 3"),
        (python_tool("f", ""), "f"),
    ]
}

#[test]
fn a_tool_that_cannot_be_is_refused_and_none_of_its_list_is_registered() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"tools": [client_tool("there", any())]}));
    for (tool, says) in impossible() {
        let good = client_tool("good", any());
        let answer = session.call("tools.register", json!({"tools": [good, tool]}));
        let (message, _) = refused(answer, -32602, "invalid_params");
        assert!(message.contains(says), "{tool}: {message}");
        assert!(message.contains("tool"), "{tool}: {message}");
    }
    let info = session.call("session.get", json!({})).unwrap();
    assert_eq!(info["tools"], json!(["there"]));
    session.check("'good' in globals()", json!({"value": "False"}));
}

#[test]
fn names_that_mean_something_else_are_reserved() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let reserved = "final_answer uncertain explore commit memory store recall observe";
    for name in reserved.split_whitespace() {
        let tools = json!([client_tool(name, any())]);
        let answer = session.call("tools.register", json!({"tools": tools}));
        let (message, _) = refused(answer, -32602, "invalid_params");
        assert!(
            message.contains(&format!("'{name}' is reserved")),
            "{message}"
        );
    }
}

#[test]
fn a_name_may_be_there_only_once() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let twice = json!({"tools": [client_tool("f", any()), client_tool("f", integers(&["x"]))]});
    let answer = session.call("tools.register", twice);
    let (message, _) = refused(answer, -32602, "invalid_params");
    assert!(message.contains("'f' is there already"), "{message}");
    assert_eq!(
        session.call("tools.list", json!({})),
        Ok(json!({"tools": []}))
    );
}

#[test]
fn a_session_with_an_impossible_tool_is_not_created() {
    let daemon = Daemon::start();
    for (tool, says) in impossible() {
        if says == "there already" {
            continue;
        }
        let options = json!({"trust_level": "isolated", "tools": [tool]});
        let (message, _) = refused(
            daemon.call("session.create", options),
            -32602,
            "invalid_params",
        );
        assert!(message.contains(says), "{tool}: {message}");
    }
    assert_eq!(
        daemon.call("session.list", json!({})),
        Ok(json!({"sessions": []}))
    );
}

#[test]
fn a_session_that_is_not_there_takes_no_tools() {
    let daemon = Daemon::start();
    for method in ["tools.register", "tools.list"] {
        let mut params = json!({"session": "none"});
        if method == "tools.register" {
            params["tools"] = json!([calculate()]);
        }
        refused(daemon.call(method, params), -31001, "session_not_found");
    }
}
