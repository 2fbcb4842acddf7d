//! Values, errors and the language itself.

use serde_json::json;

use crate::support::Daemon;

pub fn a_last_bare_expression_is_the_value(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.check("1 + 1", json!({"value": "2"}));
    session.check("x = 'a\\n'\nx", json!({"value": "'a\\n'"}));
    session.check("1\n2\n", json!({"value": "2"}));
    session.check("x", json!({"value": "'a\\n'"}));
    session.check("x; 7", json!({"value": "7"}));
    session.check("x = 3", json!({}));
    session.check("None", json!({}));
    session.check("print(5)", json!({"output": "5\n"}));
    session.check("5\nx = 6", json!({}));
    session.check("if True:\n    5", json!({}));
    session.check("'é' * 2  # a comment", json!({"value": "'éé'"}));
    session.check("(x := 8)", json!({"value": "8"}));
    session.check("", json!({}));
    session.check("# only a comment", json!({}));
    session.check("\n\n  \n", json!({}));
    session.check("lambda: 0\n0", json!({"value": "0"}));
}

pub fn an_exception_has_a_type_a_message_a_line_and_a_traceback_of_the_users_lines(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let code = "def divide(a, b):\n    return a / b\n\nprint('before')\ndivide(1, 0)";
    let result = session.exec(code);
    assert_eq!(result["output"], "before\n");
    let error = &result["error"];
    assert_eq!(error["type"], "ZeroDivisionError");
    assert_eq!(error["message"], "division by zero");
    assert_eq!(error["line"], 2);
    let traceback = error["traceback"].as_str().unwrap();
    assert!(traceback.starts_with("Traceback (most recent call last):\n"));
    assert!(traceback.ends_with("\nZeroDivisionError: division by zero\n"));
    for line in [
        "line 5, in <module>",
        "divide(1, 0)",
        "line 2, in divide",
        "return a / b",
    ] {
        assert!(traceback.contains(line), "{line}: {traceback}");
    }
    assert_eq!(traceback.matches("  File ").count(), 2, "{traceback}");
    assert!(!traceback.contains("worker"), "{traceback}");
}

pub fn the_line_of_an_error_is_in_the_steps_own_code(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.exec("# 1\n# 2\n# 3\ndef late():\n    raise ValueError('late')");
    let error = session.error_of("\nlate()");
    assert_eq!(
        (&error["type"], &error["line"]),
        (&json!("ValueError"), &json!(2))
    );
    let traceback = error["traceback"].as_str().unwrap();
    assert!(
        traceback.contains("raise ValueError('late')"),
        "{traceback}"
    );
    let error = session.error_of("import json\n\njson.loads('{')");
    assert_eq!(
        (&error["type"], &error["line"]),
        (&json!("JSONDecodeError"), &json!(3))
    );
}

pub fn a_chained_exception_shows_all_of_its_chain(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let code = "try:\n    {}['key']\nexcept KeyError as e:\n    raise RuntimeError('outer') from e";
    let error = session.error_of(code);
    assert_eq!(
        (&error["type"], &error["line"]),
        (&json!("RuntimeError"), &json!(4))
    );
    let traceback = error["traceback"].as_str().unwrap();
    assert!(traceback.contains("KeyError: 'key'"), "{traceback}");
    assert!(traceback.contains("direct cause"), "{traceback}");
}

pub fn a_syntax_error_names_its_line_and_runs_nothing(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let error = session.error_of("print('no')\nx = = 2");
    assert_eq!(error["type"], "SyntaxError");
    assert_eq!(error["line"], 2);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("invalid syntax")
    );
    assert!(error["traceback"].as_str().unwrap().contains("x = = 2"));
    for (code, kind) in [
        ("if True:\nx = 1", "IndentationError"),
        ("return 1", "SyntaxError"),
        ("print('a", "SyntaxError"),
        ("a\0b", "SyntaxError"),
    ] {
        let result = session.exec(code);
        // Older Pythons call source with null bytes a ValueError.
        let right = result["error"]["type"] == kind || code.contains('\0');
        assert!(right, "{code:?}: {result}");
        assert_eq!(result["output"], "");
    }
    session.assert_usable();
}

pub fn exceptions_that_defend_themselves_are_reported_all_the_same(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let error = session.error_of("class Odd(Exception):\n    def __str__(self):\n        raise ValueError\n    __repr__ = __str__\nraise Odd()",
    );
    assert_eq!((&error["type"], &error["line"]), (&json!("Odd"), &json!(5)));
    let result =
        session.exec("class Bad:\n    def __repr__(self):\n        raise ValueError\nBad()");
    assert_eq!(result["state"], "kept", "{result}");
    let error = session.error_of("def f():\n    return f()\nf()");
    assert_eq!(error["type"], "RecursionError");
    let error = session.error_of("raise ValueError('x' * 10_000_000)");
    assert!(error["message"].as_str().unwrap().len() <= 10_000);
    session.assert_usable();
}

pub fn code_is_whole_python(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let cases = [
        (
            "class A:\n    x = 2\n    def y(self):\n        return [self.x * i for i in range(3)]\nA().y()",
            "[0, 2, 4]",
        ),
        (
            "n = 3\n[[a * b * n for a in range(2)] for b in range(2)]",
            "[[0, 0], [0, 3]]",
        ),
        (
            "def fact(n):\n    return 1 if n < 2 else n * fact(n - 1)\nfact(20)",
            "2432902008176640000",
        ),
        ("k = 5\nadd = lambda x: x + k\nlist(map(add, [1]))", "[6]"),
        ("{c: i for i, c in enumerate('ab')}", "{'a': 0, 'b': 1}"),
        ("sum(i * n for i in range(4))", "18"),
        ("def gen():\n    yield from (1, 2)\n*gen(), 3", "(1, 2, 3)"),
        (
            "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\nP(1)",
            "P(x=1)",
        ),
        (
            "from collections import namedtuple\nT = namedtuple('T', 'a')\nT(1)",
            "T(a=1)",
        ),
        (
            "import enum\nclass C(enum.Enum):\n    R = 1\nC.R.name",
            "'R'",
        ),
        ("__name__", "'__main__'"),
        (
            "def f(a, /, b, *, c):\n    return a + b + c\nf(1, b=2, c=3)",
            "6",
        ),
        (
            "total = 0\ndef bump():\n    global total\n    total += 1\nbump(); bump()\ntotal",
            "2",
        ),
    ];
    for (code, value) in cases {
        session.check(code, json!({"value": value}));
    }
}

pub fn what_is_defined_in_a_step_works_in_later_ones(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.check(
        "import dataclasses, enum, functools\n\nclass Empty(ValueError):\n    def __init__(self, what):\n        super().__init__(f'{what} is empty')\n        self.what = what\n\n@dataclasses.dataclass\nclass Stack:\n    items: list = dataclasses.field(default_factory=list)\n    def pop(self):\n        if not self.items:\n            raise Empty('stack')\n        return self.items.pop()\n\nclass Deep(Stack):\n    def pop(self):\n        return [super().pop()]\n\ndef counter():\n    count = 0\n    def up():\n        nonlocal count\n        count += 1\n        return count\n    return up\n\ndef naturals():\n    n = 0\n    while True:\n        n += 1\n        yield n\n\nup, numbers = counter(), naturals()",
        json!({}),
    );
    for (code, value) in [
        ("Deep([1, 2]).pop()", "[2]"),
        (
            "try:\n    Stack().pop()\nexcept Empty as e:\n    caught = (e.what, str(e))\ncaught",
            "('stack', 'stack is empty')",
        ),
        ("up(), up()", "(1, 2)"),
        ("up()", "3"),
        ("[next(numbers) for _ in range(3)]", "[1, 2, 3]"),
        ("next(numbers)", "4"),
        (
            "Stack([1]) == Stack([1]), Stack()",
            "(True, Stack(items=[]))",
        ),
        (
            "functools.reduce(lambda a, b: a + [b(a)], [len, sum], [])",
            "[0, 0]",
        ),
        ("f'{up() + 1:>3}|{numbers.__name__}'", "'  5|naturals'"),
        (
            "{k: [v for v in range(k)] for k in range(3) if k}",
            "{1: [0], 2: [0, 1]}",
        ),
    ] {
        session.check(code, json!({"value": value}));
    }
    let error = session.error_of("# a comment\nStack().pop()");
    assert_eq!(
        (&error["type"], &error["message"], &error["line"]),
        (&json!("Empty"), &json!("stack is empty"), &json!(2))
    );
}

pub fn match_statements_work_where_python_has_them(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let code = "def kind(x):\n    match x:\n        case [first, *rest]:\n            return first, rest\n        case {'a': a}:\n            return a\n        case int() | float():\n            return 'number'\n        case _:\n            return None\n[kind(x) for x in ([1, 2], {'a': 3}, 4.5, 'x')]";
    let result = session.exec(code);
    if result["error"]["type"] != "SyntaxError" {
        assert_eq!(result["value"], "[(1, [2]), 3, 'number', None]", "{result}");
    }
}

pub fn an_error_leaves_what_came_before_it(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let result = session.exec("a = 1\nprint('one')\na = 2\nraise LookupError('gone')\na = 3");
    assert_eq!(
        (&result["output"], &result["error"]["line"]),
        (&json!("one\n"), &json!(4))
    );
    session.check("a", json!({"value": "2"}));
}
