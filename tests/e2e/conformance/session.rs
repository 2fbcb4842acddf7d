//! What steps leave to later ones: variables, answers, signals.

use serde_json::{Value, json};

use crate::support::{Daemon, calculate, returns};

pub fn names_functions_and_imports_last_from_step_to_step(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.exec("import math\nx = [1]\ndef grow():\n    x.append(len(x))\n    return x");
    session.check("grow()", json!({"value": "[1, 1]"}));
    session.check("grow()\nmath.floor(2.5) + len(x)", json!({"value": "5"}));
    session.exec("y = 1\n1 / 0");
    session.check("y", json!({"value": "1"}));
    session.exec("del x");
    assert_eq!(session.exec("x")["error"]["type"], "NameError");
}

pub fn a_final_answer_counts_once_the_step_ends_without_an_exception(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
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

pub fn signals_are_in_the_result_and_in_the_list(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
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

pub fn rich_values_are_displayed(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let code = "class Table:\n    def _repr_html_(self):\n        return '<b>1</b>'\n    def __repr__(self):\n        return 'T'\nTable()";
    let display = json!([{"text/html": "<b>1</b>"}]);
    session.check(code, json!({"value": "T", "display": display}));
    let event = session.event("display", |_| true);
    assert_eq!(event["data"], display[0]);
}

pub fn a_signal_is_an_event_at_once(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({"tools": [calculate()]}));
    let request = session.start_exec("print('a')\nexplore('on my way')\ncalculate(1, 2)");
    let event = session.event("signal", |_| true);
    assert_eq!(
        (&event["kind"], &event["message"], &event["step"]),
        (&json!("explore"), &json!("on my way"), &json!(1))
    );
    let listed = session.call("signals", json!({})).unwrap();
    assert_eq!(listed["signals"][0]["message"], "on my way");
    let call = session.tool_call("calculate"); // until it is answered, the code runs
    assert!(!daemon.has_answer(request));
    session.answer(&call, returns(3)).unwrap();
    let result = daemon.wait(request).unwrap();
    assert_eq!(result["signals"], listed["signals"]);
    let kinds = session.event_types();
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    let end = kinds.iter().position(|kind| *kind == "step.finished");
    let end = end.unwrap() + 1; // a checkpoint may have followed it
    assert_eq!(
        kinds[end - 5..end],
        [
            "stdout",
            "signal",
            "tool.call",
            "tool.done",
            "step.finished"
        ]
    );
}

pub fn an_error_after_an_answer_is_an_error(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let result = session.exec("final_answer(1)\n1 / 0");
    assert_eq!(result["error"]["type"], "ZeroDivisionError", "{result}");
    assert_eq!(
        (&result["is_final"], &result["final_value"]),
        (&json!(false), &Value::Null)
    );
    let result =
        session.exec("try:\n    final_answer(1)\n    1 / 0\nexcept ZeroDivisionError:\n    pass");
    assert_eq!(
        (&result["is_final"], &result["final_value"]),
        (&json!(true), &json!(1))
    );
}

pub fn names_that_a_step_rebinds_or_deletes_are_back_at_the_next(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    for breaking in [
        "final_answer = memory = store = recall = observe = uncertain = 7",
        "def final_answer(x):\n    print('mine', x)\nfinal_answer(1)",
        "del final_answer, memory, store, recall, observe, uncertain, explore, commit",
        "class memory: pass\nclass store: pass",
        "globals().clear()",
    ] {
        session.exec(breaking);
        let code =
            "store('a', [1])\nmemory.observe('o')\nuncertain('u')\nfinal_answer(recall('a'))";
        let result = session.exec(code);
        assert_eq!(
            (&result["error"], &result["final_value"]),
            (&Value::Null, &json!([1])),
            "after {breaking}"
        );
    }
}

pub fn output_is_sent_while_the_code_runs(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({"tools": [calculate()]}));
    let request = session.start_exec("print('first')\ncalculate(1, 2)\nprint('second')");
    session.until_printed("first\n");
    let call = session.tool_call("calculate");
    assert!(!daemon.has_answer(request));
    assert!(
        !session
            .events()
            .iter()
            .any(|event| event["text"] == "second\n")
    );
    session.answer(&call, returns(3)).unwrap();
    assert_eq!(daemon.wait(request).unwrap()["output"], "first\nsecond\n");
    session.until_printed("second\n");
}

pub fn a_reset_gives_fresh_variables(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    session.exec("x = 1");
    let info = session.call("session.reset", json!({})).unwrap();
    assert_eq!(
        (&info["trust_level"], &info["state"]),
        (&json!(level), &json!("idle"))
    );
    assert_eq!(session.exec("x")["error"]["type"], "NameError");
    session.assert_usable();
}

pub fn sessions_share_nothing(level: &str) {
    let daemon = Daemon::start();
    let one = daemon.session_at(level, json!({}));
    let other = daemon.session_at(level, json!({}));
    one.exec("import math\nx = 1\nmath.tau = 0\nstore('a', 1)");
    other.check(
        "'x' in globals(), recall('a')",
        json!({"value": "(False, None)"}),
    );
    other.check("import math\nmath.tau > 6", json!({"value": "True"}));
}

pub fn names_stay_what_they_are_while_nothing_runs(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let other = daemon.session_at(level, json!({}));
    session.exec("f, n, x, y = 1, 2, 3, 4\nstore = 5");
    other.exec("import time\ntime.sleep(0.1)"); // a level may get ready for the next step meanwhile
    session.check(
        "(f, n, x, y), [name for name in globals() if len(name) == 1]",
        json!({"value": "((1, 2, 3, 4), ['f', 'n', 'x', 'y'])"}),
    );
}
