//! Tools: see `tests/e2e/tools` for all that is the same whatever runs the code.

use serde_json::{Value, json};

use crate::support::{Daemon, calculate, fails, python_tool, refused, returns};

pub fn tools_are_globals(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({"tools": [calculate()]}));
    let result = session.exec_with("[calculate(n, y=n) for n in range(3)]", |call| {
        let n = call["args"][0].as_u64().unwrap();
        assert_eq!(
            (&call["args"], &call["kwargs"]),
            (&json!([n]), &json!({"y": n}))
        );
        returns(2 * n)
    });
    assert_eq!(result["value"], "[0, 2, 4]", "{result}");
    assert_eq!(session.calls_ok(), [true; 3]);
    session.exec("calculate = 5");
    let result = session.exec_with("calculate(1, 2)", |_| returns(json!({"é": [null, 1.5]})));
    assert_eq!(result["value"], "{'é': [None, 1.5]}", "{result}");
}

pub fn a_wrong_call_is_a_type_error_with_the_signature(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({"tools": [calculate()]}));
    for code in [
        "calculate(1)",
        "calculate('a', 1)",
        "calculate(1, 2, 3)",
        "calculate(1, z=2)",
    ] {
        let error = session.error_of(code);
        assert_eq!(
            (&error["type"], &error["line"]),
            (&json!("TypeError"), &json!(1)),
            "{error}"
        );
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("calculate(x: int, y: int) -> int"),
            "{message}"
        );
    }
    assert_eq!(session.error_of("calculate({1}, 2)")["type"], "TypeError");
}

pub fn exceptions_of_a_tool_are_raised_and_can_be_caught(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({"tools": [calculate()]}));
    for kind in ["ValueError", "OutOfStock"] {
        let error = session.exec_with("\ncalculate(1, 2)", |_| fails(kind, "why"))["error"].clone();
        assert_eq!(
            (&error["type"], &error["message"], &error["line"]),
            (&json!(kind), &json!("why"), &json!(2))
        );
        let code =
            "try:\n    calculate(1, 2)\nexcept Exception as e:\n    print(type(e).__name__, e)";
        let result = session.exec_with(code, |_| fails(kind, "why"));
        assert_eq!(result["output"], format!("{kind} why\n"), "{result}");
    }
}

pub fn python_tools_run_beside_the_code(level: &str) {
    let source = "import math\ncount = 0\n\ndef area(radius):\n    global count\n    count += 1\n    if radius < 0:\n        raise ValueError('negative')\n    return round(math.pi * radius ** 2, 2), count";
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({"tools": [python_tool("area", source)]}));
    session.check(
        "area(1), 'count' in globals()",
        json!({"value": "((3.14, 1), False)"}),
    );
    session.check("count = 50\narea(2)", json!({"value": "(12.57, 2)"}));
    let error = session.error_of("\narea(-1)");
    assert_eq!(
        (&error["type"], &error["message"], &error["line"]),
        (&json!("ValueError"), &json!("negative"), &json!(2))
    );
    let traceback = error["traceback"].as_str().unwrap();
    assert!(
        traceback.contains("raise ValueError('negative')"),
        "{traceback}"
    );
}

pub fn a_call_that_nobody_answers_ends_with_its_step(level: &str) {
    let daemon = Daemon::start();
    let limits = json!({"timeout_seconds": 0.5});
    let session = daemon.session_at(level, json!({"tools": [calculate()], "limits": limits}));
    session.exec("kept = 1");
    let result =
        session.exec("try:\n    calculate(1, 2)\nexcept Exception:\n    print('swallowed')");
    assert_eq!(
        (&result["timeout"], &result["output"]),
        (&json!(true), &json!(""))
    );
    assert_eq!(result["state"], "kept", "{result}");
    let call = session.tool_call("calculate");
    refused(session.answer(&call, returns(3)), -31005, "tool_error");
    assert_eq!(session.calls_ok(), [false]);
    let result = session.exec_with("calculate(1, 2), kept", |_| returns(3));
    assert_eq!(
        (&result["value"], &result["error"]),
        (&json!("(3, 1)"), &Value::Null)
    );
}

pub fn tools_outlive_a_reset(level: &str) {
    let source = "def twice(x):\n    return 2 * x";
    let daemon = Daemon::start();
    let tools = json!([calculate(), python_tool("twice", source)]);
    let session = daemon.session_at(level, json!({"tools": tools}));
    session.call("session.reset", json!({})).unwrap();
    let result = session.exec_with("twice(calculate(1, 2))", |_| returns(3));
    assert_eq!(result["value"], "6", "{result}");
}
