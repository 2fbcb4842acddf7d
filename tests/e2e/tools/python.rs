//! Tools that run beside the code.

use serde_json::{Value, json};

use crate::support::{Daemon, client_tool, python_tool, returns};

#[test]
fn a_python_tool_is_a_function_of_its_own_source() {
    let daemon = Daemon::start();
    let source = "SCALE = 10\n\ndef helper(x):\n    return x * SCALE\n\ndef scaled(x, *, plus=0):\n    return helper(x) + plus\n";
    let session = daemon.session(json!({"tools": [python_tool("scaled", source)]}));
    session.check("scaled(2), scaled(2, plus=1)", json!({"value": "(20, 21)"}));
    session.check(
        "'helper' in globals(), 'SCALE' in globals()",
        json!({"value": "(False, False)"}),
    );
    let types = session.event_types();
    assert!(!types.contains(&"tool.call".to_owned()), "{types:?}");
}

#[test]
fn a_python_tool_may_import_what_the_code_may_not() {
    let daemon = Daemon::start();
    let source =
        "import os\n\ndef separator():\n    import sys\n    return os.sep, sys.version_info[0]";
    let session = daemon.session(json!({"tools": [python_tool("separator", source)]}));
    session.check("separator()", json!({"value": "('/', 3)"}));
    assert_eq!(session.exec("import os")["error"]["type"], "ImportError");
    session.check("'os' in globals()", json!({"value": "False"}));
}

#[test]
fn a_python_tool_takes_and_gives_objects_and_not_only_json() {
    let daemon = Daemon::start();
    let source = "def both(a, b):\n    a.append(b)\n    return {a is a, len(a)}";
    let session = daemon.session(json!({"tools": [python_tool("both", source)]}));
    session.check("a = []\nboth(a, {1})\na", json!({"value": "[{1}]"}));
}

const COUNT: &str =
    "count = 0\n\ndef counted():\n    global count\n    count += 1\n    return count";

#[test]
fn a_python_tool_keeps_a_state_of_its_own() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"tools": [python_tool("counted", COUNT)]}));
    session.check("counted(), counted()", json!({"value": "(1, 2)"}));
    session.check("count = 100\ncounted()", json!({"value": "3"}));
    session.register(json!([client_tool("f", json!({"type": "object"}))]));
    let result = session.exec_with("f(), counted()", |_| returns(0));
    assert_eq!(
        result["value"], "(0, 4)",
        "other tools take nothing away: {result}"
    );
}

#[test]
fn exceptions_of_a_python_tool_show_its_own_lines() {
    let daemon = Daemon::start();
    let source = "def fragile(x):\n    return 1 / x";
    let session = daemon.session(json!({"tools": [python_tool("fragile", source)]}));
    let error = session.exec("\n\nfragile(0)")["error"].clone();
    assert_eq!(
        (&error["type"], &error["message"], &error["line"]),
        (
            &json!("ZeroDivisionError"),
            &json!("division by zero"),
            &json!(3)
        ),
    );
    let traceback = error["traceback"].as_str().unwrap();
    for line in [
        "line 3, in <module>",
        "fragile(0)",
        "line 2, in fragile",
        "return 1 / x",
    ] {
        assert!(traceback.contains(line), "{line}: {traceback}");
    }
    assert!(!traceback.contains("worker"), "{traceback}");
    let code = "try:\n    fragile(0)\nexcept ZeroDivisionError as e:\n    print('caught', e)";
    session.check(code, json!({"output": "caught division by zero\n"}));
    let error = session.exec("fragile()")["error"].clone();
    assert_eq!(error["type"], "TypeError");
}

#[test]
fn a_python_tool_whose_source_fails_says_so_when_it_is_called() {
    let daemon = Daemon::start();
    for (source, says) in [
        (
            "import no_such_module\n\ndef f():\n    return 1",
            "no_such_module",
        ),
        ("1 / 0\n\ndef f():\n    return 1", "division by zero"),
        (
            "raise SystemExit(3)\n\ndef f():\n    return 1",
            "SystemExit",
        ),
        ("def f():\n    return 1\n\ndel f", "f"),
    ] {
        let session = daemon.session(json!({"tools": [python_tool("f", source)]}));
        session.check("1 + 1", json!({"value": "2"}));
        let error = session.exec("f()")["error"].clone();
        assert_eq!(error["type"], "RuntimeError", "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("the tool f could not be loaded"),
            "{message}"
        );
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn what_a_python_tool_prints_is_output() {
    let daemon = Daemon::start();
    let source = "def speak():\n    print('spoken')";
    let session = daemon.session(json!({"tools": [python_tool("speak", source)]}));
    session.check("speak()", json!({"output": "spoken\n"}));
}

#[test]
fn python_tools_outlive_a_reset_without_their_state_and_a_crash_with_it() {
    let daemon = Daemon::start();
    let session =
        daemon.session(json!({"tools": [python_tool("counted", COUNT)], "extra_imports": ["os"]}));
    session.check("counted()", json!({"value": "1"}));
    session.call("session.reset", json!({})).unwrap();
    session.check("counted()", json!({"value": "1"}));
    let result = session.exec("import os\nos._exit(3)");
    assert_eq!(
        (&result["state"], &result["value"]),
        (&json!("restored"), &Value::Null)
    );
    session.check("counted()", json!({"value": "2"}));
}
