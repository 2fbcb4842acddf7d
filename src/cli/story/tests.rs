//! What people are shown of each event.

use serde_json::{Value, json};

use super::*;

/// What is shown of events given as `(time, event)`.
fn told(look: Look, events: &[(f64, Value)]) -> String {
    let mut story = Story::new(look);
    let mut shown = String::new();
    for (time, event) in events {
        let mut event = event.clone();
        event["session"] = json!("s");
        event["seq"] = json!(1);
        event["time"] = json!(time);
        let told = story.tell(&serde_json::from_value(event).unwrap());
        match told.text {
            Text::None => {}
            Text::Stream(text) => shown.push_str(&text),
            Text::Lines(text) => shown.push_str(&text),
        }
        if let Some(now) = told.now {
            shown.push_str(&format!("[{now}]\n"));
        }
    }
    shown
}

fn result(fields: &Value) -> Value {
    let mut result = json!({
        "step": 1, "output": "", "stderr": "", "output_truncated": false, "value": null,
        "is_final": false, "final_value": null, "error": null, "timeout": false,
        "interrupted": false, "duration_ms": 1.0, "signals": [], "display": [], "state": "kept",
    });
    for (name, value) in fields.as_object().unwrap() {
        result[name] = value.clone();
    }
    json!({"type": "step.finished", "step": 1, "result": result})
}

#[test]
fn a_step_is_told_as_it_goes() {
    let events = [
        (10.0, json!({"type": "step.started", "step": 1})),
        (11.0, json!({"type": "model.delta", "step": 1, "text": "x"})),
        (
            12.1,
            json!({"type": "code", "step": 1, "code": "x = 1\n\nprint(x)\n"}),
        ),
        (12.2, json!({"type": "stdout", "step": 1, "text": "1\n"})),
        (
            12.2,
            json!({"type": "signal", "step": 1, "kind": "commit", "message": "it is 1"}),
        ),
        (12.3, result(&json!({"value": "1"}))),
    ];
    let expected = "[step 1: thinking]\n[step 1: writing]\n\
        step 1, thought for 2.1 s\n| x = 1\n| \n| print(x)\n[step 1: running]\n\
        1\n! it is 1\n=> 1\n";
    assert_eq!(told(Look::PLAIN, &events), expected);
}

#[test]
fn each_kind_of_event_has_its_line() {
    let error = |line: Value, message: &str| {
        let error =
            json!({"type": "ValueError", "message": message, "traceback": "", "line": line});
        result(&json!({"error": error}))
    };
    let signal = |kind: &str, message: &str| json!({"type": "signal", "step": 1, "kind": kind, "message": message});
    let table = [
        (signal("uncertain", "a\nb"), "? a\n  b\n"),
        (signal("explore", ""), "~ explore\n"),
        (error(json!(3), "bad"), "ValueError: bad (line 3)\n"),
        (error(json!(null), ""), "ValueError\n"),
        (result(&json!({})), ""),
        (json!({"type": "stderr", "step": 1, "text": "oh"}), "oh"),
        (
            json!({"type": "display", "step": 1, "data": {"text/html": ""}}),
            "[text/html]\n",
        ),
        (
            json!({"type": "step.finished", "step": 1, "result": null}),
            "",
        ),
        (json!({"type": "memory", "name": "x", "op": "store"}), ""),
    ];
    for (event, shown) in table {
        assert_eq!(told(Look::PLAIN, &[(0.0, event.clone())]), shown, "{event}");
    }
}

#[test]
fn a_reply_without_code_is_told_in_a_few_words() {
    let usage =
        json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "requests": 1});
    let reply = |text: &str| {
        [
            (
                0.0,
                json!({"type": "model.message", "step": 2, "text": text, "usage": usage}),
            ),
            (
                1.0,
                json!({"type": "step.finished", "step": 2, "result": null}),
            ),
        ]
    };
    let table = [
        (
            "I  think\nso",
            "the model wrote no code: I think so".to_owned(),
        ),
        ("", "the model said nothing".to_owned()),
        (
            &"é".repeat(400),
            format!("the model wrote no code: {}...", "é".repeat(300)),
        ),
    ];
    for (text, shown) in table {
        let expected = format!("\nstep 2, thought for 1.0 s\n{shown}\n");
        assert_eq!(told(Look::PLAIN, &reply(text)), expected);
    }
}

#[test]
fn terminals_get_colours_and_no_commands() {
    let look = Look {
        live: true,
        colours: true,
    };
    let code = json!({"type": "code", "step": 1, "code": "print('\x1b[2J')"});
    let expected = "\x1b[1mstep 1\x1b[0m\x1b[2m · thought for 0 ms\x1b[0m\n\
        \x1b[2m│ \x1b[0m\x1b[36mprint('␛[2J')\x1b[0m\n[step 1: running]\n";
    assert_eq!(told(look, &[(0.0, code)]), expected);
}
