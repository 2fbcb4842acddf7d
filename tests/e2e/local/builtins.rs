//! Builtins that make no sense or are not safe in the daemon.

use serde_json::json;

use super::local;
use crate::support::Daemon;

#[test]
fn some_builtins_are_missing_by_name_and_say_so() {
    let daemon = Daemon::start();
    let session = local(&daemon, json!({}));
    let missing = [
        "input",
        "breakpoint",
        "eval",
        "exec",
        "compile",
        "exit",
        "quit",
        "open",
    ];
    for name in missing {
        let error = session.error_of(&format!("{name}('1')"));
        assert_eq!(error["type"], "NameError", "{name}");
        let message = error["message"].as_str().unwrap();
        let wanted =
            format!("name '{name}' is not defined: it is not available at the trust level local");
        assert!(message.starts_with(&wanted), "{message}");
        assert!(
            error["traceback"].as_str().unwrap().contains(message),
            "{error}"
        );
    }
    let all = local(&daemon, json!({"extra_imports": ["*"]}));
    assert_eq!(all.error_of("eval('1')")["type"], "NameError");
}

#[test]
fn the_library_uses_them_all_the_same() {
    let daemon = Daemon::start();
    let session = local(&daemon, json!({}));
    for (code, value) in [
        (
            "from collections import namedtuple\nnamedtuple('P', 'x y')(1, 2)",
            "P(x=1, y=2)",
        ),
        (
            "import dataclasses\n@dataclasses.dataclass(order=True)\nclass D:\n    x: int = 1\nD() < D(2)",
            "True",
        ),
        ("import enum\nenum.Enum('E', 'A B').B.value", "2"),
        (
            "import typing\nclass N(typing.NamedTuple):\n    x: int\nN(3).x",
            "3",
        ),
        ("import timeit", ""),
    ] {
        if !value.is_empty() {
            session.check(code, json!({"value": value}));
        }
    }
}
