//! What code says is bounded in the daemon, whatever it sends and however often; and nobody waits for it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Daemon, Session, calculate, client_tool, peak, python_tool, returns};

/// Bytes by which the daemon may have grown for a moment.
const MOST: u64 = 256 << 20;

/// Time enough for the code on a machine that is busy.
fn patient() -> Value {
    json!({"timeout_seconds": 55.0})
}

/// Runs code, and asserts that the daemon answers others meanwhile and does not grow.
#[track_caller]
fn beside_pings(daemon: &Daemon, session: &Session<'_>, code: &str) -> Value {
    let before = peak(daemon.pid());
    let request = session.start_exec(code);
    let mut pings = Vec::new();
    while !daemon.has_answer(request) {
        let begun = Instant::now();
        assert_eq!(daemon.call("ping", json!({})), Ok(json!({"pong": true})));
        pings.push(begun.elapsed());
        std::thread::park_timeout(Duration::from_millis(5)); // leaves the processor to the code
    }
    let result = daemon.wait(request).unwrap();
    pings.sort();
    let middle = pings.get(pings.len() / 2).copied().unwrap_or_default();
    // Single ones may be late on a busy machine.
    assert!(
        middle < Duration::from_millis(50),
        "{code}: {middle:?} for a ping"
    );
    let grown = peak(daemon.pid()).saturating_sub(before);
    assert!(grown < MOST, "{grown} bytes more for {code}");
    result
}

/// Two kinds of nodes that hold nodes, as a generator of schemas writes it.
fn union() -> Value {
    let kind = |kind: &str| {
        json!({
            "type": "object", "required": ["left", "kind"],
            "properties": {"left": {"$ref": "#/$defs/e"}, "kind": {"const": kind}},
        })
    };
    json!({
        "type": "object", "properties": {"x": {"$ref": "#/$defs/e"}},
        "$defs": {"e": {"anyOf": [kind("a"), kind("b"), {"type": "null"}]}},
    })
}

const NESTED: &str = "x = None\nfor _ in range(50): x = {'left': x, 'kind': kind}\ncheck(x)";

pub fn arguments_are_checked_in_bounded_time(level: &str) {
    let daemon = Daemon::start();
    let one = |schema: Value| json!({"type": "object", "properties": {"x": schema}});
    let slow = "^(a?){200}a{200}$";
    for (schema, code, says) in [
        (union(), format!("kind = 'b'\n{NESTED}"), ""),
        (
            union(),
            format!("kind = 'c'\n{NESTED}"),
            "valid under any of the schemas",
        ),
        (
            one(json!({"pattern": slow})),
            "check('a' * 2_000_000)".to_owned(),
            "too long to check",
        ),
        (
            one(json!({"uniqueItems": true})),
            "check(list(range(500_000)))".to_owned(),
            "too long to check",
        ),
        (
            one(json!({"items": {"type": "integer"}})),
            "check([1] * 200_000)".to_owned(),
            "",
        ),
        (
            one(json!({"items": {"type": "integer"}})),
            "check([1] * 200_000 + ['a'])".to_owned(),
            "x.200000: \"a\" is not of type",
        ),
        (
            one(json!({})),
            "check([0] * 5_000_000)".to_owned(),
            "too many values",
        ),
        (
            one(json!({})),
            "x = 0\nfor _ in range(150): x = [x]\ncheck(x)".to_owned(),
            "nest deeper than 100",
        ),
        (
            one(json!({"type": "integer"})),
            "check('a' * 5_000_000)".to_owned(),
            "is not of type \"integer\"",
        ),
    ] {
        let tools = json!([client_tool("check", schema)]);
        let session = daemon.session_at(level, json!({"tools": tools, "limits": patient()}));
        if says.is_empty() {
            let result = session.exec_with(&code, |_| returns(1));
            assert_eq!(result["error"], Value::Null, "{code}: {result:.500}");
            assert_eq!(result["value"], "1", "{code}: {result:.500}");
        } else {
            let result = beside_pings(&daemon, &session, &code);
            let error = &result["error"];
            assert_eq!(error["type"], "TypeError", "{code}: {error:.500}");
            let message = error["message"].as_str().unwrap();
            assert!(
                message.contains(says) && message.len() < 2_000,
                "{code}: {message:.500}"
            );
            assert!(!session.event_types().contains(&"tool.call".to_owned()));
        }
        assert_eq!(session.exec("1 + 1")["value"], "2", "{code}");
        session.call("session.close", json!({})).unwrap();
    }
}

/// Sends frames of its own, as code can.
const FORGE: &str = "send, ask = memory._channel.send, memory._channel.ask\n";

pub fn forged_frames_are_held_to_the_bounds(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({"limits": patient()}));
    session.exec(FORGE);
    for code in [
        "send({'event': 'memory', 'op': 'store', 'name': 'k', 'value': 'x' * 20_000_000})",
        "send({'event': 'memory', 'op': 'store', 'name': 'k' * 20_000_000, 'value': 1})",
        "send({'event': 'memory', 'op': 'store', 'name': 'k', 'repr': 'x' * 20_000_000})",
        "send({'event': 'memory', 'op': 'store', 'name': 'k', 'value': [0] * 3_000_000})",
        "send({'event': 'memory', 'op': 'observe', 'text': 'x' * 20_000_000})",
        "send({'event': 'memory', 'op': 'fail', 'text': 'x' * 20_000_000})",
        "for n in range(150): send({'event': 'memory', 'op': 'store', 'name': 'n%d' % n, 'value': [0] * 20_000})",
        "_ = ask('{\"event\": \"signal\", \"kind\": \"commit\", \"message\": \"' + 'x' * 20_000_000 + '\"}')",
        "_ = ask('{\"event\": \"call\", \"name\": \"' + 'x' * 20_000_000 + '\", \"args\": [], \"kwargs\": {}}')",
        "_ = ask('{\"event\": \"call\", \"name\": \"x\", \"args\": [' + '[],' * 1_500_000 + '[]], \"kwargs\": {}}')",
        "_ = ask('{\"event\": \"call\", \"name\": \"x\", \"args\": [' + '[' * 1_000_000 + ']' * 1_000_000 + '], \"kwargs\": {}}')",
    ] {
        let result = beside_pings(&daemon, &session, code);
        assert_eq!(result["error"], Value::Null, "{code}: {result:.500}");
        assert!(result.to_string().len() < 10_000, "{code}: {result:.500}");
    }
    let list = session.call("memory.list", json!({})).unwrap();
    let variables = list["variables"].as_object().unwrap();
    assert!(variables.len() <= 1_000);
    for (name, value) in variables {
        assert!(
            name.len() <= 2_000 && value.to_string().len() <= 64 << 10,
            "{name:.100}"
        );
    }
    for notes in ["observations", "failed_approaches"] {
        assert!(
            list[notes].to_string().len() < 10_000,
            "{:.500}",
            list[notes]
        );
    }
    assert!(list.to_string().len() < 32 << 20);
    session.call("memory.clear", json!({})).unwrap();
    session.assert_usable();
}

pub fn a_flood_of_frames_neither_grows_the_daemon_nor_keeps_anybody_waiting(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({"limits": patient()}));
    session.exec(FORGE);
    for (code, kind, most) in [
        (
            "for n in range(60_000): memory.observe(n)",
            "memory",
            10_000,
        ),
        ("for n in range(20_000): uncertain(str(n))", "signal", 1_000),
        (
            "for n in range(20_000): ask('{\"event\": \"call\", \"name\": \"none\", \"args\": [], \"kwargs\": {}}')",
            "tool.call",
            0,
        ),
    ] {
        let result = beside_pings(&daemon, &session, code);
        assert_eq!(result["error"], Value::Null, "{code}: {result:.500}");
        let types = session.event_types();
        let told = types.iter().filter(|one| *one == kind).count();
        assert!(told <= most, "{code}: {told} events");
    }
    let left_out = session.event("stderr", |event| event["step"] == 2);
    assert!(
        left_out["text"]
            .as_str()
            .unwrap()
            .contains("further changes are not told")
    );
    session.assert_usable();
}

pub fn names_that_are_too_long_are_cut(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({"tools": [calculate()], "limits": patient()}));
    session.exec(FORGE);
    for code in [
        "raise type('A' * 20_000_000, (Exception,), {})('x')",
        "raise type('A' * 5_000_000, (SyntaxError,), {})('x')",
        "class B:\n    def __repr__(self): raise type('A' * 5_000_000, (Exception,), {})\nB.__name__ = 'B' * 5_000_000\nB()",
        "b = type('B' * 5_000_000, (), {})()\nb",
        "b = type('B' * 5_000_000, (), {})()\nfinal_answer(b)",
        "import b",
        "__import__('b' * 5_000_000)",
        "calculate(1, **{'b' * 5_000_000: 2})",
        "calculate(1, type('B' * 5_000_000, (), {})())",
        "calculate(**{'b' * 5_000_000: {1}})",
        "calculate('b' * 5_000_000, 1)",
        "store('b' * 5_000_000, 1)",
        "raise KeyError('b' * 5_000_000)",
        "exec_ = {}['b' * 5_000_000]",
        "e = ValueError()\ne._tinycode_tool = 'b' * 5_000_000\nraise e",
        "e = ValueError()\ne._tinycode_tool = 5\nraise e",
    ] {
        let result = beside_pings(&daemon, &session, code);
        let kind = result["error"]["type"].as_str().unwrap_or_default();
        assert!(kind.len() <= 200, "{code}: {kind:.300}");
        let least = if code.contains("final_answer") {
            6_000_000
        } else {
            0
        };
        assert!(
            result.to_string().len() < 50_000 + 2 * least,
            "{code}: {result:.500}"
        );
        assert_eq!(result["state"], "kept", "{code}");
    }
    let answer = session.call("variables.list", json!({})).unwrap();
    assert!(answer.to_string().len() < 20_000, "{answer:.500}");
    session.assert_usable();
}

pub fn a_tool_that_runs_beside_the_code_is_no_call_of_a_client(level: &str) {
    let daemon = Daemon::start();
    let tools = json!([
        calculate(),
        python_tool("twice", "def twice(x):\n    return 2 * x")
    ]);
    let session = daemon.session_at(level, json!({"tools": tools}));
    session.exec(FORGE);
    let code = "answer = ask('{\"event\": \"call\", \"name\": \"twice\", \"args\": [1], \"kwargs\": {}}')\n\
                print(answer['error']['type'], answer['error']['message'])\ntwice(2)";
    let result = session.exec_with(code, |call| panic!("the client was called: {call}"));
    let output = result["output"].as_str().unwrap();
    assert!(
        output.contains("ToolError the tool 'twice' runs beside the code"),
        "{result}"
    );
    assert_eq!(result["value"], "4", "{result}");
    assert!(!session.event_types().contains(&"tool.call".to_owned()));
}
