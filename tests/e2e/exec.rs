//! `exec`: what comes of running code.

use serde_json::{Value, json};

use crate::support::Daemon;

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

#[test]
fn leaving_by_exit_is_no_error_unless_it_says_so() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    session.check(
        "print(1)\nraise SystemExit\nprint(2)",
        json!({"output": "1\n"}),
    );
    session.check("exit()", json!({}));
    let error = session.error_of("raise SystemExit('bad')");
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
    let error = session.error_of("def fail(e):\n    raise e\n\nerrors = []\nfor e in (ValueError('one'), TypeError('two')):\n    try:\n        fail(e)\n    except Exception as caught:\n        errors.append(caught)\nraise ExceptionGroup('both', errors)",
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
    let error = session.error_of("\nawait double(None + 1)");
    assert_eq!(
        (&error["type"], &error["line"]),
        (&json!("TypeError"), &json!(2))
    );
}

#[test]
fn builtins_and_modules_that_a_step_breaks_do_not_break_the_sessions_own_names() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let breaking = [
        "print = None",
        "import json\njson.dumps = json.loads = json.JSONEncoder = json.JSONDecoder = None",
        "import builtins",
        "__builtins__ = {}",
        "import io\nio.TextIOWrapper = io.FileIO = None",
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
        // The session may have to end its Python; it must say so, and serve.
        let result = session.exec("6 * 7");
        let ended = result["state"] != "kept" && result["error"]["type"] == "ProcessDied";
        assert!(ended || result["value"] == "42", "after {code}: {result}");
        session.call("session.reset", json!({})).unwrap();
        session.assert_usable();
    }
}
