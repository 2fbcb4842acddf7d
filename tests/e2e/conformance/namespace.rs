//! What can be asked about the names of a session between its steps.

use serde_json::{Value, json};

use crate::support::{Daemon, Session, calculate, refused};

pub fn variables_are_what_the_code_made(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({"tools": [calculate()]}));
    assert_eq!(variables(&session), json!([]));
    session.exec(
        "import math\nfrom math import sqrt\nfrom collections import Counter\nn = 42\ns = 'é'\n\
         rows = [[1, 2], {'a': (1,)}]\nnothing = None\n__hidden__ = 1\nglobals()[3] = 4\n\
         class C:\n    def __repr__(self): return 'C!'\nc = C()",
    );
    let wanted = json!([
        {"name": "C", "type": "type", "repr": "<class '__main__.C'>"},
        {"name": "c", "type": "C", "repr": "C!"},
        {"name": "n", "type": "int", "repr": "42"},
        {"name": "nothing", "type": "NoneType", "repr": "None"},
        {"name": "rows", "type": "list", "repr": "[[1, 2], {'a': (1,)}]", "size": 2},
        {"name": "s", "type": "str", "repr": "'é'", "size": 1},
    ]);
    assert_eq!(variables(&session), wanted);
    session.call("session.reset", json!({})).unwrap();
    assert_eq!(variables(&session), json!([]));
}

pub fn functions_of_the_codes_own_are_variables(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.exec("def double(n): return 2 * n\nhalf = lambda n: n / 2");
    let found = variables(&session);
    assert_eq!(names(&found), ["double", "half"]);
    let shown = found[0]["repr"].as_str().unwrap();
    assert!(shown.starts_with("<function double at 0x"), "{shown}");
}

pub fn long_values_are_shown_by_their_beginning(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.exec("numbers = list(range(10 ** 6))\ntext = 'é' * 10 ** 6\nhuge = 1 << 10 ** 6");
    for found in variables(&session).as_array().unwrap() {
        let shown = found["repr"].as_str().unwrap();
        assert!(shown.chars().count() <= 300, "{found}");
    }
    let numbers = get(&session, "numbers", json!({"max_length": 12}));
    assert_eq!(numbers, json!({"type": "list", "repr": "[0, 1, 2,..."}));
    let text = get(&session, "text", json!({"max_length": 6}));
    assert_eq!(text, json!({"type": "str", "repr": "'éé..."}));
    let all = get(&session, "text", json!({"max_length": 1_000_000}));
    assert_eq!(all["repr"].as_str().unwrap().chars().count(), 1_000_000);
    let crowd = "for i in range(1500): globals()['v%04d' % i] = i";
    session.exec(crowd);
    assert_eq!(variables(&session).as_array().unwrap().len(), 1_000);
}

pub fn short_json_is_given_as_it_is(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    for (code, value) in [
        ("None", json!(null)),
        ("[1, 2.5, 'é', True]", json!([1, 2.5, "é", true])),
        ("{'a': {'b': ()}}", json!({"a": {"b": []}})),
    ] {
        session.exec(&format!("x = {code}"));
        let wanted = get(&session, "x", json!({}));
        assert_eq!(wanted["value"], value, "{code}");
        assert!(wanted.get("value").is_some(), "{wanted}");
    }
    for code in [
        "{1: 2}",
        "float('nan')",
        "10 ** 30",
        "{1}",
        "object()",
        "'x' * 10 ** 6",
        "[0] * 10 ** 6",
    ] {
        session.exec(&format!("x = {code}"));
        assert!(get(&session, "x", json!({})).get("value").is_none());
    }
}

pub fn what_cannot_be_asked_is_refused(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let get = |params| session.call("variables.get", params);
    let unknown = get(json!({"name": "x"}));
    says(
        unknown,
        -32602,
        "invalid_params",
        "there is no variable 'x'",
    );
    for length in [0, 1_000_001] {
        let asked = get(json!({"name": "x", "max_length": length}));
        says(asked, -32602, "invalid_params", "max_length");
    }
    for method in ["complete", "inspect"] {
        let beyond = session.call(method, json!({"code": "é", "cursor": 2}));
        says(
            beyond,
            -32602,
            "invalid_params",
            "cursor: 2 is beyond the end",
        );
        let code = "x".repeat((1 << 20) + 1);
        let long = session.call(method, json!({"code": code, "cursor": 0}));
        says(long, -32602, "invalid_params", "code: longer than");
    }
}

pub fn completions_come_from_the_live_objects(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({"extra_imports": ["tokenize"]}));
    session.exec(
        "import math\nvalues = [1, 2]\nété = 'x'\ntable = {'alpha': 1, 'be\"ta': {'x': [1]}, 'a\\nb': 2}\n\
         class Point:\n    def __init__(self): self.left = 1\n    def move(self, by): 'Moves it.'\n\
         point = Point()",
    );
    for (code, start, wanted) in [
        ("valu", 0, json!(["values"])),
        ("print(ét", 6, json!(["été"])),
        ("x = 'é' + été.uppe", 14, json!(["upper"])),
        ("values.ap", 7, json!(["append"])),
        ("values[0].bit_l", 10, json!(["bit_length"])),
        ("point.", 6, json!(["left", "move"])),
        ("for i in (values\n  .ins", 20, json!(["insert"])),
        ("def broken(:\n    math.sqr", 22, json!(["sqrt"])),
        ("table['al", 7, json!(["alpha'"])),
        ("table[\"be", 7, json!(["be\\\"ta\""])),
        ("table[\"be\\\"ta\"]['x'].rev", 21, json!(["reverse"])),
        ("import math, tok", 13, json!(["tokenize"])),
        ("import urllib.", 14, json!(["parse"])),
        ("from math import flo", 17, json!(["floor"])),
        ("whil", 0, json!(["while"])),
        ("final_an", 0, json!(["final_answer"])),
        ("# valu", 6, json!([])),
        ("'valu", 1, json!([])),
        ("values.missing.", 15, json!([])),
        ("values[0]", 9, json!([])),
        ("1.", 2, json!([])),
    ] {
        let done = complete(&session, code);
        assert_eq!(done["matches"], wanted, "{code}");
        assert_eq!(done["cursor_start"], start, "{code}");
        assert_eq!(done["cursor_end"], code.chars().count(), "{code}");
        let kinds = done["kinds"].as_array().unwrap();
        assert_eq!(kinds.len(), wanted.as_array().unwrap().len(), "{code}");
    }
    let within = session.call("complete", json!({"code": "table['al']", "cursor": 9}));
    assert_eq!(within.unwrap()["matches"], json!(["alpha"]));
    assert_eq!(
        complete(&session, "point.")["kinds"],
        json!(["variable", "function"])
    );
}

pub fn a_name_is_described_where_it_stands_and_within_its_call(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.exec(
        "def add(a, b=1):\n    '''Adds.\n\n    Two numbers.'''\n    return a + b\nx = [1, 2]",
    );
    for (code, cursor) in [("add", 1), ("é = add(1, (2), ", 16), ("add(x.y", 7)] {
        let text = inspect(&session, code, cursor);
        assert!(
            text.starts_with("Signature: add(a, b=1)\nType: function\n"),
            "{text}"
        );
        assert!(text.ends_with("\n\nAdds.\n\nTwo numbers."), "{text}");
    }
    assert_eq!(
        inspect(&session, "add(x", 5),
        "Type: list\nValue: [1, 2]\nLength: 2"
    );
    let method = inspect(&session, "x.append", 4);
    assert!(method.contains("append(object, /)"), "{method}");
    for code in ["unknown", "'add'", "# add", "", "1 + 2"] {
        let nothing = session.call("inspect", json!({"code": code, "cursor": code.len()}));
        assert_eq!(
            nothing.unwrap(),
            json!({"found": false, "text": ""}),
            "{code}"
        );
    }
}

/// Objects that run code when they are looked at.
const HOSTILE: &str = "
class Loop:
    def __repr__(self):
        while True: pass
class Prints:
    def __repr__(self):
        print('printed')
        return 'prints'
class Raises:
    def __repr__(self): raise SystemExit(3)
    def __len__(self): raise KeyboardInterrupt
class Wrong:
    def __repr__(self): return 3
    def __len__(self): return -1
class Tells:
    def __repr__(self):
        for tell in (lambda: store('told', 1), lambda: uncertain('told'), lambda: calculate(1, 2)):
            try:
                tell()
            except RuntimeError:
                pass
        final_answer('told')
        return 'tells'
class Trap:
    def __getattr__(self, name): raise SystemExit
    def __dir__(self): raise SystemExit
    @property
    def __class__(self): raise SystemExit
    @property
    def held(self): print('run'); raise SystemExit
class Meta(type):
    def __getattribute__(cls, name): raise SystemExit
class Odd(metaclass=Meta): pass
";

pub fn hostile_objects_are_looked_at_without_harm(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({"tools": [calculate()]}));
    session.exec(HOSTILE);
    session.exec("prints, raises, wrong, tells, trap, odd = Prints(), Raises(), Wrong(), Tells(), Trap(), Odd()");
    let all = variables(&session);
    let shown = |name: &str| {
        let all = all.as_array().unwrap();
        all.iter().find(|it| it["name"] == name).unwrap()["repr"].clone()
    };
    assert_eq!(shown("prints"), "prints");
    assert_eq!(shown("raises"), "<Raises that does not show itself>");
    assert_eq!(shown("wrong"), "<Wrong that does not show itself>");
    assert_eq!(shown("tells"), "tells");
    assert_eq!(complete(&session, "trap.")["matches"], json!(["held"]));
    assert_eq!(complete(&session, "trap.held.")["matches"], json!([]));
    assert!(inspect(&session, "trap.held", 9).starts_with("Type: property"));
    assert!(inspect(&session, "odd", 3).contains("Type: Odd"));
    let listed = session.call("memory.list", json!({})).unwrap();
    assert_eq!(listed["variables"], json!({}));
    session.check("recall('told')", json!({"step": 3}));
    let kinds = session.event_types();
    assert!(
        !kinds
            .iter()
            .any(|kind| kind == "signal" || kind == "tool.call")
    );
}

pub fn a_repr_that_does_not_end_is_given_up_and_the_variables_stay(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.exec(HOSTILE);
    session.exec("a, loop, other, z = [1], Loop(), Prints(), {'b': 2}");
    let all = variables(&session);
    let own = all.as_array().unwrap().iter().rev().take(4).rev();
    let shown: Vec<&Value> = own.map(|it| &it["repr"]).collect();
    let gone = "<Loop that does not show itself>";
    // No more of the code's own runs in the same answer.
    let other = "<Prints that does not show itself>";
    assert_eq!(json!(shown), json!(["[1]", gone, other, "{'b': 2}"]));
    session.check("a", json!({"value": "[1]", "step": 3}));
    assert_eq!(get(&session, "loop", json!({}))["repr"], gone);
    assert_eq!(get(&session, "other", json!({}))["repr"], "prints");
}

pub fn a_repr_that_cannot_be_stopped_costs_nothing_but_its_answer(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.exec("store('kept', 1); x = 1");
    session.exec(
        "import collections, itertools\nclass Stubborn:\n    def __repr__(self):\n        \
         collections.deque(itertools.repeat(0), 0)  # in C, where nothing is noticed\n\
         stubborn = Stubborn()",
    );
    let asked = session.call("variables.get", json!({"name": "stubborn"}));
    says(
        asked,
        -31004,
        "limit_exceeded",
        "The session is as it was before",
    );
    session.check("x, recall('kept')", json!({"value": "(1, 1)", "step": 3}));
}

pub fn questions_are_no_steps_and_leave_no_events(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.exec("x = [1]\nprint('out')");
    session.checkpoints(); // which waits until the one of this step has been made
    let before = session.call("session.get", json!({})).unwrap();
    variables(&session);
    get(&session, "x", json!({}));
    complete(&session, "x.");
    inspect(&session, "x", 1);
    assert_eq!(session.call("session.get", json!({})).unwrap(), before);
    session.check("x", json!({"value": "[1]", "step": 2}));
}

pub fn questions_wait_for_what_was_asked_before(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({"tools": [calculate()]}));
    let running = session.start_exec("x = calculate(1, 2)");
    let call = session.tool_call("calculate");
    let question = session.start("variables.list", json!({}));
    let given_up = session.start("complete", json!({"code": "x", "cursor": 1}));
    daemon.cancel(given_up);
    refused(daemon.wait(given_up), -32800, "cancelled");
    assert!(!daemon.has_answer(question));
    session.answer(&call, crate::support::returns(3)).unwrap();
    assert_eq!(daemon.wait(running).unwrap()["error"], Value::Null);
    let wanted = json!([{"name": "x", "type": "int", "repr": "3"}]);
    assert_eq!(daemon.wait(question).unwrap()["variables"], wanted);
}

/// Asserts that a question was refused, and that the error says so.
#[track_caller]
fn says(answer: Result<Value, Value>, code: i64, kind: &str, message: &str) {
    let (said, _) = refused(answer, code, kind);
    assert!(said.contains(message), "{said}");
}

fn variables(session: &Session<'_>) -> Value {
    let answer = session.call("variables.list", json!({})).unwrap();
    answer["variables"].clone()
}

fn names(variables: &Value) -> Vec<&str> {
    let all = variables.as_array().unwrap().iter();
    all.map(|it| it["name"].as_str().unwrap()).collect()
}

fn get(session: &Session<'_>, name: &str, mut params: Value) -> Value {
    params["name"] = json!(name);
    session.call("variables.get", params).unwrap()
}

/// Asks for completions at the end of the code.
fn complete(session: &Session<'_>, code: &str) -> Value {
    let cursor = code.chars().count();
    let asked = session.call("complete", json!({"code": code, "cursor": cursor}));
    asked.unwrap()
}

fn inspect(session: &Session<'_>, code: &str, cursor: usize) -> String {
    let asked = session.call("inspect", json!({"code": code, "cursor": cursor}));
    let found = asked.unwrap();
    assert_eq!(found["found"], true, "{code}");
    found["text"].as_str().unwrap().to_owned()
}
