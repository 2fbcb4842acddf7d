//! `exec`: what comes of running code.

use serde_json::{Value, json};

use crate::support::{Daemon, Session};

#[test]
fn a_last_bare_expression_is_the_value() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
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

#[test]
fn what_is_printed_is_the_output() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["sys"]}));
    session.check("print('a', 1, end='')", json!({"output": "a 1"}));
    session.check(
        "import sys\nprint('out')\nprint('err', file=sys.stderr)\n42",
        json!({"output": "out\n", "stderr": "err\n", "value": "42"}),
    );
    session.check("print('é€😀')", json!({"output": "é€😀\n"}));
    session.check(
        "print('a\\0b\\x1b[1m')",
        json!({"output": "a\u{0}b\u{1b}[1m\n"}),
    );
    session.check("print('\\ud800')", json!({"output": "\\ud800\n"}));
}

#[test]
fn steps_are_numbered_and_take_time() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let steps: Vec<Value> = (0..3).map(|_| session.exec("1")["step"].clone()).collect();
    assert_eq!(steps, [1, 2, 3]);
    let result = session.exec("import time\ntime.sleep(0.2)");
    let duration = result["duration_ms"].as_f64().unwrap();
    assert!((200.0..30_000.0).contains(&duration), "{duration}");
}

/// The error of running code, without the rest of the result, which is as ever.
#[track_caller]
fn error_of(session: &Session<'_>, code: &str) -> Value {
    let result = session.exec(code);
    assert_eq!(result["state"], "kept", "{result}");
    assert_eq!(result["value"], Value::Null, "{result}");
    assert_eq!(result["is_final"], false, "{result}");
    result["error"].clone()
}

#[test]
fn an_exception_has_a_type_a_message_a_line_and_a_traceback_of_the_users_lines() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
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

#[test]
fn the_line_of_an_error_is_in_the_steps_own_code() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    session.exec("# 1\n# 2\n# 3\ndef late():\n    raise ValueError('late')");
    let error = error_of(&session, "\nlate()");
    assert_eq!(
        (&error["type"], &error["line"]),
        (&json!("ValueError"), &json!(2))
    );
    let traceback = error["traceback"].as_str().unwrap();
    assert!(
        traceback.contains("raise ValueError('late')"),
        "{traceback}"
    );
    let error = error_of(&session, "import json\n\njson.loads('{')");
    assert_eq!(
        (&error["type"], &error["line"]),
        (&json!("JSONDecodeError"), &json!(3))
    );
}

#[test]
fn a_chained_exception_shows_all_of_its_chain() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let code = "try:\n    {}['key']\nexcept KeyError as e:\n    raise RuntimeError('outer') from e";
    let error = error_of(&session, code);
    assert_eq!(
        (&error["type"], &error["line"]),
        (&json!("RuntimeError"), &json!(4))
    );
    let traceback = error["traceback"].as_str().unwrap();
    assert!(traceback.contains("KeyError: 'key'"), "{traceback}");
    assert!(traceback.contains("direct cause"), "{traceback}");
}

#[test]
fn a_syntax_error_names_its_line_and_runs_nothing() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let error = error_of(&session, "print('no')\nx = = 2");
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

#[test]
fn leaving_by_exit_is_no_error_unless_it_says_so() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    session.check(
        "print(1)\nraise SystemExit\nprint(2)",
        json!({"output": "1\n"}),
    );
    session.check("exit()", json!({}));
    let error = error_of(&session, "raise SystemExit('bad')");
    assert_eq!(
        (&error["type"], &error["message"]),
        (&json!("SystemExit"), &json!("bad"))
    );
    session.assert_usable();
}

#[test]
fn an_exception_group_shows_its_members() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["sys"]}));
    if session.exec("import sys\nsys.version_info >= (3, 11)")["value"] == "False" {
        return;
    }
    let error = error_of(
        &session,
        "def fail(e):\n    raise e\n\nerrors = []\nfor e in (ValueError('one'), TypeError('two')):\n    try:\n        fail(e)\n    except Exception as caught:\n        errors.append(caught)\nraise ExceptionGroup('both', errors)",
    );
    assert_eq!(error["type"], "ExceptionGroup");
    assert_eq!(error["message"], "both (2 sub-exceptions)");
    assert_eq!(error["line"], 10);
    let traceback = error["traceback"].as_str().unwrap();
    for member in ["ValueError: one", "TypeError: two", "raise e"] {
        assert!(traceback.contains(member), "{traceback}");
    }
    assert!(!traceback.contains("worker"), "{traceback}");
}

#[test]
fn exceptions_that_defend_themselves_are_reported_all_the_same() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let error = error_of(
        &session,
        "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\n    __repr__ = __str__\nraise Odd()",
    );
    assert_eq!((&error["type"], &error["line"]), (&json!("Odd"), &json!(5)));
    let result =
        session.exec("class Bad:\n    def __repr__(self):\n        raise ValueError\nBad()");
    assert_eq!(result["state"], "kept", "{result}");
    let error = error_of(&session, "def f():\n    return f()\nf()");
    assert_eq!(error["type"], "RecursionError");
    let error = error_of(&session, "raise ValueError('x' * 10_000_000)");
    assert!(error["message"].as_str().unwrap().len() <= 10_000);
    session.assert_usable();
}

#[test]
fn code_is_whole_python() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
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

#[test]
fn await_works_at_the_top_level() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let code = "import asyncio\nasync def double(x):\n    await asyncio.sleep(0)\n    return 2 * x\n\nawait double(21)";
    session.check(code, json!({"value": "42"}));
    let code = "a, b = await asyncio.gather(double(1), double(2))\nprint(a, b)";
    session.check(code, json!({"output": "2 4\n"}));
    session.check("[x async for x in agen()]\n", {
        session.exec("async def agen():\n    yield 1\n    yield 2");
        json!({"value": "[1, 2]"})
    });
    let code = "async with asyncio.Lock():\n    print('held')\nasyncio.run(double(4))";
    session.check(code, json!({"output": "held\n", "value": "8"}));
    let error = error_of(&session, "\nawait double(None + 1)");
    assert_eq!(
        (&error["type"], &error["line"]),
        (&json!("TypeError"), &json!(2))
    );
}

#[test]
fn names_functions_and_imports_last_from_step_to_step() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    session.exec("import math\nx = [1]\ndef grow():\n    x.append(len(x))\n    return x");
    session.check("grow()", json!({"value": "[1, 1]"}));
    session.check("grow()\nmath.floor(2.5) + len(x)", json!({"value": "5"}));
    session.exec("y = 1\n1 / 0");
    session.check("y", json!({"value": "1"}));
    session.exec("del x");
    assert_eq!(session.exec("x")["error"]["type"], "NameError");
}

#[test]
fn a_final_answer_counts_once_the_step_ends_without_an_exception() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let finals = [
        ("final_answer(42)", json!(42)),
        ("final_answer('a')\nprint('goes on')", json!("a")),
        (
            "final_answer(1)\nfinal_answer([2, {'x': None}])",
            json!([2, {"x": null}]),
        ),
        ("final_answer(None)", Value::Null),
        ("final_answer({1, })", json!("{1}")),
        ("final_answer(float('nan'))", json!("nan")),
        ("final_answer((1, 2))", json!([1, 2])),
        ("final_answer(1 + 2j)", json!("(1+2j)")),
        ("final_answer(2 ** 64 - 1)", json!(u64::MAX)),
        (
            "final_answer(10 ** 30)",
            json!("1000000000000000000000000000000"),
        ),
        ("def f():\n    final_answer('deep')\nf()", json!("deep")),
    ];
    for (code, value) in finals {
        let result = session.exec(code);
        assert_eq!(result["is_final"], true, "{code}: {result}");
        assert_eq!(result["final_value"], value, "{code}");
        session.check("1", json!({"value": "1"})); // it says nothing about later steps
    }
    let result = session.exec("final_answer(1)\n1 / 0");
    assert_eq!(
        (&result["is_final"], &result["final_value"]),
        (&json!(false), &Value::Null)
    );
    session.check("'no answer'", json!({"value": "'no answer'"}));
}

#[test]
fn signals_are_in_the_result_and_in_the_list() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let result = session.exec("uncertain('u')\nexplore('e')\ncommit('c é')\ncommit(3)");
    let shown: Vec<String> = result["signals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|signal| {
            format!(
                "{} {} {}",
                signal["kind"], signal["message"], signal["step"]
            )
        })
        .collect();
    let wanted = [
        r#""uncertain" "u" 1"#,
        r#""explore" "e" 1"#,
        r#""commit" "c é" 1"#,
        r#""commit" "3" 1"#,
    ];
    assert_eq!(shown, wanted);
    session.exec("uncertain('later')");
    let all = session.call("signals", json!({})).unwrap();
    let all = all["signals"].as_array().unwrap();
    assert_eq!(all.len(), 5);
    assert_eq!(json!(all[..4]), result["signals"]);
    assert_eq!(
        (&all[4]["message"], &all[4]["step"]),
        (&json!("later"), &json!(2))
    );
    let since = all[1]["seq"].clone();
    let later = session.call("signals", json!({"since": since})).unwrap();
    assert_eq!(later["signals"].as_array().unwrap()[..], all[2..]);
    let event = session.event("signal", |event| event["message"] == "later");
    assert_eq!(
        (&event["seq"], &event["time"]),
        (&all[4]["seq"], &all[4]["time"])
    );
    let none = session
        .call("signals", json!({"since": all[4]["seq"]}))
        .unwrap();
    assert_eq!(none, json!({"signals": []}));
}

#[test]
fn a_name_of_the_sessions_own_that_a_step_breaks_is_back_at_the_next() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let breaking = [
        "final_answer = 7",
        "def final_answer(x):\n    print('mine', x)\nfinal_answer(1)",
        "del final_answer, memory, store, recall, observe, uncertain, explore, commit",
        "memory = store = recall = observe = None",
        "print = None",
        "import json\njson.dumps = json.loads = json.JSONEncoder = json.JSONDecoder = None",
        "import builtins",
        "globals().clear()",
        "__builtins__ = {}",
        "import io\nio.TextIOWrapper = io.FileIO = None",
        "class print: pass\nclass memory: pass",
        "import time\ntime.time = None",
    ];
    for code in breaking {
        session.exec(code);
        let result = session.exec(
            "store('a', [1])\nmemory.observe('o')\nuncertain('u')\nfinal_answer(recall('a'))",
        );
        assert_eq!(result["error"], Value::Null, "after {code}: {result}");
        assert_eq!(result["final_value"], json!([1]), "after {code}: {result}");
    }
}

#[test]
fn a_rebound_print_is_the_users_own_until_deleted() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    session.exec("print = 5");
    session.check("del print\nprint('back')", json!({"output": "back\n"}));
}

#[test]
fn breaking_modules_that_the_worker_needs_breaks_nothing_else() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["*"]}));
    let breaking = [
        "import os\nos.read = os.write = os.dup2 = os.getpid = None",
        "import builtins\nbuiltins.print = builtins.repr = builtins.eval = builtins.compile = None",
        "import sys\nsys.modules.clear()",
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nsignal.signal = None",
        "import ast, traceback, linecache\nast.parse = traceback.TracebackException = None\nlinecache.cache = None",
        "import threading\nthreading.Lock = None\nimport struct\nstruct.pack = None",
    ];
    for code in breaking {
        session.exec(code);
        // The session may have to take a fresh Python; it must say so, and serve.
        let result = session.exec("6 * 7");
        let fresh = result["state"] == "lost";
        assert!(fresh || result["value"] == "42", "after {code}: {result}");
        session.call("session.reset", json!({})).unwrap();
        session.assert_usable();
    }
}

#[test]
fn rich_values_are_displayed() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let code = "class Table:\n    def _repr_html_(self):\n        return '<b>1</b>'\n    def __repr__(self):\n        return 'T'\nTable()";
    let display = json!([{"text/html": "<b>1</b>"}]);
    session.check(code, json!({"value": "T", "display": display}));
    let event = session.event("display", |_| true);
    assert_eq!(event["data"], display[0]);
}
