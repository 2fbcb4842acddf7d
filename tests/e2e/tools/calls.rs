//! Calls of tools that clients run: arguments, values, exceptions, many at once.

use serde_json::{Value, json};

use super::session_with_calculate;
use crate::support::{
    Daemon, Session, calculate, client_tool, fails, integers, returns, runs, without_times,
};

/// A session with a tool that takes anything.
fn session_with_echo(daemon: &Daemon) -> Session<'_> {
    let session = daemon.session(json!({"limits": {"max_output_bytes": 100_000}}));
    let anything = json!({"type": "object", "properties": {"value": {}}, "required": ["value"]});
    session.register(json!([client_tool("echo", anything)]));
    session
}

fn echo(call: &Value) -> Value {
    returns(call["args"][0].clone())
}

fn never(call: &Value) -> Value {
    panic!("the client was called: {call:.500}")
}

#[test]
fn a_call_is_an_event_and_its_answer_the_value() {
    let daemon = Daemon::start();
    let session = session_with_calculate(&daemon);
    let result = session.exec_with("print('before')\ncalculate(5, 3) + 1", |call| {
        let id = call["call"].clone();
        let wanted = json!({
            "session": session.id, "seq": call["seq"], "type": "tool.call", "call": id, "step": 1,
            "name": "calculate", "args": [5, 3], "kwargs": {},
        });
        assert_eq!(without_times(call), wanted);
        returns(8)
    });
    assert_eq!(result["value"], "9", "{result}");
    let wanted = [
        "step.started",
        "code",
        "stdout",
        "tool.call",
        "tool.done",
        "step.finished",
    ];
    let types = session.event_types();
    let types: Vec<&str> = types.iter().map(String::as_str).collect();
    // A checkpoint comes about when the answer does.
    let types = types
        .into_iter()
        .filter(|kind| !["code", "checkpoint"].contains(kind));
    let wanted = wanted.into_iter().filter(|kind| *kind != "code");
    assert!(types.eq(wanted), "{:?}", session.event_types());
    let done = session.event("tool.done", |_| true);
    let wanted = json!({
        "session": session.id, "seq": done["seq"], "type": "tool.done",
        "call": session.tool_call("calculate")["call"], "ok": true,
    });
    assert_eq!(without_times(&done), wanted);
}

#[test]
fn arguments_go_by_place_and_by_name() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let mut parameters = integers(&["x", "y"]);
    parameters["properties"]["z"] = json!({"type": "integer", "default": 7});
    session.register(json!([client_tool("f", parameters)]));
    for (code, args, kwargs) in [
        ("f(1, 2)", json!([1, 2]), json!({})),
        ("f(1, y=2)", json!([1]), json!({"y": 2})),
        ("f(y=2, x=1)", json!([]), json!({"y": 2, "x": 1})),
        ("f(1, 2, 3)", json!([1, 2, 3]), json!({})),
        (
            "f(*[1], **{'y': 2, 'z': 3})",
            json!([1]),
            json!({"y": 2, "z": 3}),
        ),
    ] {
        let result = session.exec_with(code, |call| {
            assert_eq!((&call["args"], &call["kwargs"]), (&args, &kwargs), "{code}");
            returns(7)
        });
        assert_eq!(result["value"], "7", "{code}");
    }
}

#[test]
fn values_of_every_kind_go_there_and_back() {
    let daemon = Daemon::start();
    let session = session_with_echo(&daemon);
    for (code, value) in [
        ("None", Value::Null),
        ("True", json!(true)),
        ("-7", json!(-7)),
        ("2 ** 63", json!(1_u64 << 63)),
        ("-2 ** 63", json!(i64::MIN)),
        ("0.1", json!(0.1)),
        ("1e300", json!(1e300)),
        ("''", json!("")),
        ("'é€😀\\x00\\n\\u2028\"\\\\'", json!("é€😀\0\n\u{2028}\"\\")),
        ("[]", json!([])),
        ("[1, [2, [3, {}]]]", json!([1, [2, [3, {}]]])),
        (
            "{'a': {'é': [None, {'': False}]}}",
            json!({"a": {"é": [null, {"": false}]}}),
        ),
    ] {
        let code = format!("sent = {code}\ngot = echo(sent)\ngot == sent, type(got) is type(sent)");
        let result = session.exec_with(&code, |call| {
            assert_eq!(call["args"], json!([value]), "{code}");
            echo(call)
        });
        assert_eq!(result["value"], "(True, True)", "{code}: {result}");
    }
    let result = session.exec_with("echo((1, (2,)))", echo);
    assert_eq!(result["value"], "[1, [2]]", "tuples are lists: {result}");
}

#[test]
fn ten_megabytes_go_there_and_back() {
    let daemon = Daemon::start();
    let session = session_with_echo(&daemon);
    let code = "long = 'é' * 5_000_000\necho(long) == long";
    let result = session.exec_with(code, |call| {
        assert_eq!(call["args"][0].as_str().map(str::len), Some(10_000_000));
        echo(call)
    });
    assert_eq!(result["value"], "True", "{:.500}", result["error"]);
}

#[test]
fn an_argument_that_is_too_long_is_an_error_and_the_session_goes_on() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let any = json!({"type": "object", "properties": {"a": {}, "b": {}}});
    session.register(json!([client_tool("f", any)]));
    session.exec("long = 'x' * 20_000_000");
    for code in [
        "f(long + long)",
        "f(long, long)",
        "f(long, b=long)",
        "f(a=long, b=long)",
    ] {
        let result = session.exec_with(code, never);
        let error = &result["error"];
        assert_eq!(
            (&error["type"], &error["line"]),
            (&json!("ValueError"), &json!(1)),
            "{error}"
        );
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("f()") && message.contains("too many"),
            "{code}: {message}"
        );
        assert_eq!(result["state"], "kept", "{code}");
    }
    session.check("len(long)", json!({"value": "20000000"}));
}

#[test]
fn what_json_cannot_say_is_a_type_error_that_names_the_argument() {
    let daemon = Daemon::start();
    let session = session_with_echo(&daemon);
    for (code, place, kind) in [
        ("echo({1, 2})", "1", "set"),
        ("echo(float('nan'))", "1", "float"),
        ("echo(value=float('inf'))", "value", "float"),
        ("echo([1, b'bytes'])", "1", "list"),
        ("echo(value=object())", "value", "object"),
        ("echo(echo)", "1", "function"),
    ] {
        let error = session.exec_with(code, never)["error"].clone();
        let wanted = format!("echo(): argument {place} is a {kind}, which JSON cannot say");
        assert_eq!(
            (&error["type"], &error["message"], &error["line"]),
            (&json!("TypeError"), &json!(wanted), &json!(1)),
        );
    }
    let result = session.exec_with("a = []\na.append(a)\necho(a)", never);
    assert_eq!(result["error"]["type"], "TypeError", "{result}");
    session.assert_usable();
}

#[test]
fn arguments_against_the_schema_are_a_type_error_with_the_signature() {
    let daemon = Daemon::start();
    let session = session_with_calculate(&daemon);
    for (code, names) in [
        ("calculate(1)", "\"y\" is a required property"),
        ("calculate()", "required property"),
        ("calculate('a', 2)", "x: "),
        ("calculate(1, y=2.5)", "y: "),
        ("calculate(1, None)", "y: "),
        ("calculate(1, 2, 3)", "takes 2 arguments, and 3 were given"),
        ("calculate(1, 2, x=3)", "two values for x"),
        ("calculate(1, 2, z=3)", "no parameter z"),
    ] {
        let error = session.exec_with(code, never)["error"].clone();
        assert_eq!(
            (&error["type"], &error["line"]),
            (&json!("TypeError"), &json!(1)),
            "{error}"
        );
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(names), "{code}: {message}");
        assert!(
            message.contains("calculate(x: int, y: int) -> int"),
            "{code}: {message}"
        );
    }
    assert!(!session.event_types().contains(&"tool.call".to_owned()));
}

#[test]
fn exceptions_of_the_client_are_raised_in_python() {
    let daemon = Daemon::start();
    let session = session_with_calculate(&daemon);
    for (kind, message) in [
        ("ValueError", "no such thing: é"),
        ("ZeroDivisionError", ""),
        ("OutOfStock", "a type that Python has not"),
        ("FileNotFoundError", "x.csv"),
        ("UnicodeDecodeError", "wants more than a message"),
        ("KeyboardInterrupt", "is none of Python's own"),
        ("print", "is no exception"),
    ] {
        let result = session.exec_with("\ncalculate(1, 2)", |_| fails(kind, message));
        let error = &result["error"];
        let odd = kind == "UnicodeDecodeError";
        let (kind, message) = match odd {
            true => ("RuntimeError", format!("{kind}: {message}")),
            false => (kind, message.to_owned()),
        };
        assert_eq!(
            (&error["type"], &error["message"], &error["line"]),
            (&json!(kind), &json!(message), &json!(2)),
        );
        assert!(
            !error["traceback"].to_string().contains("worker"),
            "{error}"
        );
    }
    assert_eq!(session.calls_ok(), [false; 7]);
    session.assert_usable();
}

#[test]
fn exceptions_of_the_client_can_be_caught() {
    let daemon = Daemon::start();
    let session = session_with_calculate(&daemon);
    for (kind, caught) in [
        ("ValueError", "ValueError"),
        ("FileNotFoundError", "OSError"),
        ("OutOfStock", "Exception"),
        ("KeyError", "LookupError"),
    ] {
        let code = format!(
            "try:\n    calculate(1, 2)\nexcept {caught} as e:\n    print(type(e).__name__, e.args)"
        );
        let result = session.exec_with(&code, |_| fails(kind, "why"));
        assert_eq!(result["output"], format!("{kind} ('why',)\n"), "{result}");
        assert_eq!(result["error"], Value::Null);
    }
}

#[test]
fn a_tool_tells_what_it_is() {
    let daemon = Daemon::start();
    let session = session_with_calculate(&daemon);
    session.check(
        "calculate.__name__, calculate.__doc__, callable(calculate)",
        json!({"value": "('calculate', 'calculate(x: int, y: int) -> int\\n\\nDoes calculate.', True)"}),
    );
}

#[test]
fn ten_thousand_calls_in_a_loop() {
    let daemon = Daemon::start();
    let session = session_with_calculate(&daemon);
    let code = "total = 0\nfor n in range(10_000):\n    total = calculate(total, n)\ntotal";
    let mut calls = 0;
    let result = session.exec_with(code, |call| {
        calls += 1;
        let number = |at: usize| call["args"][at].as_u64().unwrap();
        returns(number(0) + number(1))
    });
    assert_eq!(result["value"], "49995000", "{result}");
    assert_eq!(calls, 10_000);
    assert_eq!(session.calls_ok(), [true; 10_000]);
}

const THREADS: &str = "\
import threading
results = {}
def work(n):
    results[n] = calculate(n, n)
threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
results == {n: 2 * n for n in range(20)}";

#[test]
fn calls_of_many_threads_may_be_answered_in_any_order() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["threading"], "tools": [calculate()]}));
    let request = session.start_exec(THREADS);
    let mut calls: Vec<Value> = Vec::new();
    let mut seen = 0;
    while calls.len() < 20 {
        let call =
            daemon.event_before_answer(request, &mut seen, |event| event["type"] == "tool.call");
        calls.push(call.unwrap());
    }
    for call in calls.iter().rev() {
        let n = call["args"][0].as_u64().unwrap();
        assert_eq!(session.answer(call, returns(2 * n)), Ok(json!({})));
    }
    let result = daemon.wait(request).unwrap();
    assert_eq!(result["value"], "True", "{result}");
}

#[test]
fn a_tool_that_a_step_rebinds_is_back_at_the_next() {
    let daemon = Daemon::start();
    let session = session_with_calculate(&daemon);
    for breaking in [
        "calculate = 5",
        "del calculate",
        "def calculate(x, y): return 'mine'",
    ] {
        session.exec(breaking);
        let result = session.exec_with("calculate(1, 2)", |_| returns(3));
        assert_eq!(result["value"], "3", "after {breaking}: {result}");
    }
}

#[test]
fn a_call_is_not_held_up_by_one_of_another_thread_that_nobody_answers() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["threading"], "tools": [calculate()]}));
    let code = "import threading\nthread = threading.Thread(target=calculate, args=(0, 0))\nthread.start()\nanswers = [calculate(1, n) for n in range(3)]\nprint(answers)\nthread.join()";
    let request = session.start_exec(code);
    let mut seen = 0;
    let mut next = || {
        let call =
            daemon.event_before_answer(request, &mut seen, |event| event["type"] == "tool.call");
        call.unwrap()
    };
    let calls = [next(), next()];
    let [mut held, mut call] = calls;
    if held["args"] != json!([0, 0]) {
        std::mem::swap(&mut held, &mut call);
    }
    for n in 0..3 {
        session.answer(&call, returns(n)).unwrap();
        if n < 2 {
            call = next();
        }
    }
    session.until_printed("[0, 1, 2]");
    session.answer(&held, returns(0)).unwrap();
    assert_eq!(daemon.wait(request).unwrap()["error"], Value::Null);
}

/// Bytes of memory that a process has.
fn memory(pid: u64) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse::<u64>().unwrap() << 10
}

/// The code does not wait for the answers to its calls, and reads none.
#[test]
fn a_flood_of_calls_whose_answers_nobody_reads_does_not_grow_the_daemon() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"limits": {"timeout_seconds": 3.0}}));
    session.exec("send = final_answer.__self__.channel.send\nname = 'x' * 10_000");
    let before = memory(daemon.pid());
    let code = "for n in range(30_000):\n    send({'event': 'call', 'call': n, 'name': name, 'args': [], 'kwargs': {}})\n";
    let request = session.start_exec(code);
    let result = daemon.wait(request).unwrap();
    let grown = memory(daemon.pid()).saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more after {result:.300}");
    session.call("session.reset", json!({})).unwrap();
    session.assert_usable();
    assert!(runs(daemon.pid()));
}
