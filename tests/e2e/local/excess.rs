//! Too much of everything ends the step, in time and with a clear error.

use std::time::{Duration, Instant};

use serde_json::json;

use super::local;
use crate::support::Daemon;

/// What a step may take on top of its timeout.
const LEEWAY: Duration = Duration::from_millis(500);

#[test]
fn computing_without_end_is_stopped_in_time() {
    let daemon = Daemon::start();
    let timeout = Duration::from_millis(400);
    let limits = json!({"timeout_seconds": timeout.as_secs_f64()});
    let session = local(&daemon, json!({"limits": limits}));
    for (code, state) in [
        ("while True: pass", "kept"),
        ("10**10**8", "kept"),
        ("import re\nre.match('(a+)+$', 'a' * 40 + 'b')", "kept"),
        ("import time\ntime.sleep(1000)", "kept"),
        ("import asyncio\nasyncio.run(asyncio.sleep(1000))", "kept"),
        (
            "class A:\n    def __del__(self):\n        while True: pass\na = A()\ndel a",
            "kept",
        ),
        ("sum(range(10**12))", "restored"),
        (
            "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
            "restored",
        ),
    ] {
        session.exec("kept = 1");
        let begun = Instant::now();
        let result = session.exec(code);
        let took = begun.elapsed();
        assert_eq!(result["error"]["type"], "TimeoutError", "{code}: {result}");
        assert_eq!(
            (&result["timeout"], &result["state"]),
            (&json!(true), &json!(state)),
            "{code}: {result}"
        );
        // A machine may be busy, and the clock of a test is no stopwatch: but never twice the leeway.
        assert!(took < timeout + 2 * LEEWAY, "{code} took {took:?}");
        assert_eq!(session.exec("kept")["value"], "1", "{code}");
    }
}

#[test]
fn nesting_and_sizes_beyond_all_bounds_are_errors() {
    let daemon = Daemon::start();
    let session = local(&daemon, json!({}));
    session.exec("kept = 1");
    for (code, kind) in [
        ("[0] * 10**9", "MemoryError"),
        ("'a' * 10**9", "MemoryError"),
        ("import itertools\nlist(itertools.repeat(0))", "MemoryError"),
        ("def f(n): return f(n + 1)\nf(0)", "RecursionError"),
        ("import json\njson.loads('[' * 100_000)", "RecursionError"),
        (
            "x = []\nfor _ in range(100_000): x = [x]\nrepr(x)",
            "RecursionError",
        ),
        ("x = 1", ""),
    ] {
        let result = session.exec(code);
        assert_eq!(
            result["error"]["type"].as_str().unwrap_or_default(),
            kind,
            "{code}: {result}"
        );
        session.check("kept", json!({"value": "1"}));
    }
    for nested in [
        "(".repeat(1_000),
        "[".repeat(100_000),
        format!("x = {}1", "-".repeat(100_000)),
    ] {
        let error = session.error_of(&nested);
        assert!(!error.is_null(), "{error}");
    }
    session.assert_usable();
}

#[test]
fn recursion_ends_in_an_error_within_the_memory_of_the_session_whatever_its_limit_is_set_to() {
    let daemon = Daemon::start();
    let options = json!({"extra_imports": ["sys"], "limits": {"max_memory_bytes": 96 << 20}});
    let session = local(&daemon, options);
    session.exec("kept = 1\nimport sys\nsys.setrecursionlimit(10**9)");
    for code in [
        "def f(): return f()\nf()",
        "def f(n):\n    try: return f(n + 1)\n    finally: n\nf(0)",
        "class A:\n    def __getattr__(self, name): return getattr(self, name)\nA().x",
        "class A:\n    def __repr__(self): return repr(self)\nrepr(A())",
        "def g():\n    yield from g()\nlist(g())",
        "import json\njson.loads('[' * 100_000)",
        "x = []\nx = [x]\nfor _ in range(50_000): x = [x]\nrepr(x)",
    ] {
        let result = session.exec(code);
        let kind = result["error"]["type"].as_str().unwrap_or_default();
        assert!(
            ["RecursionError", "MemoryError"].contains(&kind),
            "{code}: {result}"
        );
        session.check("kept", json!({"value": "1"}));
    }
    session.check("sys.getrecursionlimit()", json!({"value": "100000"}));
    session.exec("sys.setrecursionlimit(500)");
    session.check("sys.getrecursionlimit()", json!({"value": "1000"}));
}

#[test]
fn garbage_that_nests_too_deep_fails_no_later_step() {
    let daemon = Daemon::start();
    let session = local(&daemon, json!({}));
    session.exec("kept = 1\nx = ()\nfor _ in range(300_000): x = (x,)\nx = [x]\nx.append(x)");
    assert_eq!(session.exec("x = None")["state"], "kept"); // a cycle, for the collector
    let mut ended = 0;
    for _ in 0..20 {
        let result = session.exec("y = [[] for _ in range(10_000)]\ny = None");
        ended += i32::from(result["state"] != "kept");
        session.check("kept", json!({"value": "1"}));
    }
    assert!(ended <= 1, "{ended} steps failed");
}

#[test]
fn a_gigabyte_of_output_is_cut_and_costs_no_memory() {
    let daemon = Daemon::start();
    let session = local(&daemon, json!({}));
    let result = session.exec("for _ in range(10_000): print('x' * 100_000)");
    assert_eq!(
        (&result["output_truncated"], &result["error"]),
        (&json!(true), &json!(null)),
        "{result}"
    );
    assert!(result["output"].as_str().unwrap().len() < 11_000);
}

#[test]
fn the_memory_of_a_session_is_bounded_by_its_limit() {
    let daemon = Daemon::start();
    let session = local(&daemon, json!({"limits": {"max_memory_bytes": 64 << 20}}));
    assert_eq!(
        session.error_of("bytearray(100_000_000)")["type"],
        "MemoryError"
    );
    session.check("len(bytearray(10_000_000))", json!({"value": "10000000"}));
    let answer = daemon.call(
        "session.create",
        json!({"trust_level": "local", "limits": {"max_memory_bytes": 1 << 20}}),
    );
    let (message, _) = crate::support::refused(answer, -32602, "invalid_params");
    assert!(message.contains("max_memory_bytes"), "{message}");
}
