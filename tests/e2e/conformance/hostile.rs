//! Classes of the code's own whose methods raise what ends an interpreter: what they do to a result, and to the
//! steps after it.

use serde_json::{Value, json};

use crate::support::{Daemon, Session};

/// Classes that misbehave wherever Python asks them something.
const CLASSES: &str = r"
def bad(*args): raise SystemExit(3)
class Exits:
    __repr__ = __str__ = bad
class Interrupts:
    def __repr__(self): raise KeyboardInterrupt
class Closes:
    def __repr__(self): raise GeneratorExit
class Own(BaseException): pass
class RaisesOwn:
    def __repr__(self): raise Own
class Hides:
    __class__ = property(bad)
    def __getattr__(self, name): raise SystemExit
class Meta(type):
    __name__ = __module__ = property(bad)
    __repr__ = __eq__ = __hash__ = __instancecheck__ = bad
class Odd(metaclass=Meta):
    __repr__ = bad
class Text(str):
    __getitem__ = __len__ = bad
class Subtle:
    def __repr__(self): return Text('subtle')
class Truth:
    __bool__ = bad
class Mute(Exception):
    __str__ = __repr__ = bad
class Evasive(Exception):
    __cause__ = __context__ = __traceback__ = __class__ = __notes__ = __dict__ = property(bad)
class Endless(Exception):
    __cause__ = property(lambda self: Endless())
class Closed(Exception):
    __getattribute__ = bad
kept = 1
";

/// The value of a step, or the type and the message of its error.
type Said<'a> = Result<&'a str, (&'a str, &'a str)>;

/// What runs, and what comes of it.
const CASES: &[(&str, Said<'_>)] = &[
    ("Exits()", Ok("<Exits whose repr failed: SystemExit>")),
    (
        "Interrupts()",
        Ok("<Interrupts whose repr failed: KeyboardInterrupt>"),
    ),
    ("Closes()", Ok("<Closes whose repr failed: GeneratorExit>")),
    ("RaisesOwn()", Ok("<RaisesOwn whose repr failed: Own>")),
    ("[Exits()]", Ok("<list whose repr failed: SystemExit>")),
    ("Odd()", Ok("<Odd whose repr failed: SystemExit>")),
    ("Odd", Ok("<Meta whose repr failed: SystemExit>")),
    ("Subtle()", Ok("subtle")),
    (
        "raise Mute",
        Err(("Mute", "<Mute whose repr failed: SystemExit>")),
    ),
    (
        "raise Exception(Exits())",
        Err(("Exception", "<Exception whose repr failed: SystemExit>")),
    ),
    ("raise Evasive('x')", Err(("Evasive", "x"))),
    ("raise Endless('x')", Err(("Endless", "x"))),
    ("raise Closed('x')", Err(("Closed", "x"))),
    ("raise Own('x')", Err(("Own", "x"))),
    ("raise KeyboardInterrupt", Err(("KeyboardInterrupt", ""))),
    ("raise GeneratorExit", Err(("GeneratorExit", ""))),
    (
        "raise SystemExit(Exits())",
        Err(("SystemExit", "<SystemExit whose repr failed: SystemExit>")),
    ),
    (
        "e = SyntaxError('m')\ne.msg, e.lineno, e.filename, e.text = [1], 10**30, Exits(), Exits()\nraise e",
        Err(("SyntaxError", "[1]")),
    ),
    (
        "e = ValueError('x')\ne._tinycode_tool = Exits()\nraise e",
        Err(("ValueError", "x")),
    ),
    (
        "a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a",
        Err(("ValueError", "a")),
    ),
    (
        "e = ValueError(0)\nfor i in range(100_000):\n    n = ValueError(i)\n    n.__cause__ = e\n    e = n\nraise e",
        Err(("ValueError", "99999")),
    ),
];

fn outcome(result: &Value) -> Said<'_> {
    match &result["error"] {
        Value::Null => Ok(result["value"].as_str().unwrap_or_default()),
        error => Err((
            error["type"].as_str().unwrap(),
            error["message"].as_str().unwrap(),
        )),
    }
}

/// A session that has the classes.
fn with_classes<'a>(daemon: &'a Daemon, level: &str) -> Session<'a> {
    let session = daemon.session_at(level, json!({"extra_imports": ["sys"]}));
    assert_eq!(session.exec(CLASSES)["error"], Value::Null);
    session
}

pub fn what_the_codes_own_methods_raise_is_in_the_result(level: &str) {
    let daemon = Daemon::start();
    let session = with_classes(&daemon, level);
    for (code, wanted) in CASES {
        let result = session.exec(code);
        assert_eq!(outcome(&result), *wanted, "{code}: {result}");
        assert_eq!(result["state"], "kept", "{code}: {result}");
        session.check("kept", json!({"value": "1"}));
    }
}

pub fn a_clean_exit_is_no_error_and_one_that_cannot_be_asked_is(level: &str) {
    let daemon = Daemon::start();
    let session = with_classes(&daemon, level);
    let result = session.exec("final_answer(5)\nraise SystemExit");
    assert_eq!(result["final_value"], 5, "{result}");
    let result = session.exec("raise SystemExit(Truth())");
    assert_eq!(result["error"]["type"], "SystemExit", "{result}");
    session.check("kept", json!({"value": "1"}));
}

pub fn a_tracer_that_exits_ends_its_step_alone(level: &str) {
    let daemon = Daemon::start();
    let session = with_classes(&daemon, level);
    for set in ["settrace", "setprofile"] {
        let result = session.exec(&format!(
            "import sys\nsys.{set}(lambda *args: bad())\n1 / 0"
        ));
        assert_eq!(result["state"], "kept", "{result}");
        assert_ne!(result["error"], Value::Null, "{result}");
        session.check("kept", json!({"value": "1"}));
    }
}

pub fn answers_that_cannot_show_themselves_are_answers_all_the_same(level: &str) {
    let daemon = Daemon::start();
    let session = with_classes(&daemon, level);
    for (answer, wanted) in [
        ("Exits()", "<Exits whose repr failed: SystemExit>"),
        ("Odd()", "<Odd whose repr failed: SystemExit>"),
    ] {
        let result = session.exec(&format!("final_answer({answer})"));
        assert_eq!(result["final_value"], wanted, "{result}");
        assert_eq!(result["state"], "kept", "{result}");
    }
    session.check("kept", json!({"value": "1"}));
}

pub fn names_that_are_no_strings_go_and_those_of_the_session_stay(level: &str) {
    let daemon = Daemon::start();
    let session = with_classes(&daemon, level);
    let code = "class Name:\n    def __hash__(self): return hash('store')\n    __eq__ = bad\ndel store\nglobals()[Name()] = 1";
    assert_eq!(session.exec(code)["state"], "kept");
    session.check("store('a', 1), kept", json!({"value": "(None, 1)"}));
}

pub fn variables_whose_classes_misbehave_are_listed_beside_the_others(level: &str) {
    let daemon = Daemon::start();
    let session = with_classes(&daemon, level);
    session.exec("odd, kind, hidden, mute = Odd(), Odd, Hides(), Mute()\nclass Named:\n    __module__ = Exits()\nnamed = Named");
    let list = session.call("variables.list", json!({})).unwrap();
    let names: Vec<&str> = list["variables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    for name in ["hidden", "kept", "mute", "odd"] {
        assert!(names.contains(&name), "{name}: {list}");
    }
    for (method, params) in [
        ("variables.get", json!({"name": "odd"})),
        ("inspect", json!({"code": "kind", "cursor": 4})),
        ("complete", json!({"code": "odd.", "cursor": 4})),
    ] {
        let answer = session.call(method, params);
        assert!(answer.is_ok(), "{method}: {answer:?}");
    }
    session.check("kept", json!({"value": "1"}));
}
