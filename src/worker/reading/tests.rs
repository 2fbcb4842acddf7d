use serde_json::json;

use super::*;

fn frame(frame: &Value) -> Frame {
    read(frame.to_string().as_bytes()).unwrap()
}

fn ended(changes: &Value) -> Done {
    let mut done = json!({
        "event": "done", "nonce": 1, "value": null, "display": [], "error": null, "final": null, "rebound": [],
    });
    for (name, value) in changes.as_object().unwrap() {
        done[name] = value.clone();
    }
    match frame(&done) {
        Frame::Done(done) => *done,
        other => panic!("{other:?}"),
    }
}

#[test]
fn texts_are_cut_to_their_bounds() {
    let long = "é".repeat(1_000_000);
    let count = |text: &str| text.chars().count();
    let Frame::Signal { message, .. } =
        frame(&json!({"event": "signal", "call": 1, "kind": "commit", "message": long}))
    else {
        panic!("no signal")
    };
    assert_eq!(
        (count(&message), message.capacity()),
        (MAX_TEXT, 2 * MAX_TEXT)
    );
    for op in ["observe", "fail"] {
        let Frame::Memory(Change::Observe { text } | Change::Fail { text }) =
            frame(&json!({"event": "memory", "op": op, "text": long}))
        else {
            panic!("no note")
        };
        assert_eq!(count(&text), MAX_TEXT);
    }
    let fault = json!({"type": long, "message": long, "traceback": long, "line": 3, "tool": long});
    let fault = ended(&json!({"error": fault})).error.unwrap();
    let tool = fault.tool.unwrap();
    for (text, most) in [
        (fault.kind, MAX_NAME),
        (fault.message, MAX_MESSAGE),
        (fault.traceback, MAX_TRACEBACK),
        (tool, MAX_NAME),
    ] {
        assert_eq!(count(&text), most);
    }
    let Frame::Call(call) =
        frame(&json!({"event": "call", "call": 1, "name": long, "args": [], "kwargs": {}}))
    else {
        panic!("no call")
    };
    assert_eq!(count(&call.name), MAX_NAME);
}

#[test]
fn stored_values_that_are_too_large_are_their_text() {
    let stored = |value: &str| {
        let text =
            format!(r#"{{"event": "memory", "op": "store", "name": "n", "value": {value}}}"#);
        match read(text.as_bytes()).unwrap() {
            Frame::Memory(Change::Store { value, repr, .. }) => (value, repr),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(stored("[1]"), (Some(json!([1])), None));
    assert_eq!(stored("null"), (None, None));
    let deep = "[".repeat(101) + &"]".repeat(101);
    for large in [format!("\"{}\"", "x".repeat(MAX_STORED)), deep] {
        let (value, repr) = stored(&large);
        assert_eq!(
            (value, repr.unwrap().len()),
            (None, large.len().min(MAX_TEXT))
        );
    }
}

#[test]
fn arguments_that_are_too_large_are_refused_and_the_call_can_be_answered() {
    let called = |args: &str, kwargs: &str| {
        let text = format!(
            r#"{{"call": 7, "event": "call", "name": "f", "args": {args}, "kwargs": {kwargs}}}"#
        );
        read(text.as_bytes()).unwrap()
    };
    assert!(matches!(called("[1]", r#"{"a": 2}"#), Frame::Call(call) if call.number == 7));
    let zeros = format!("[{}0]", "0,".repeat(3_000_000));
    let deep = "[".repeat(200) + &"]".repeat(200);
    let deeper = "[".repeat(10_000_000);
    for (args, kwargs, says) in [
        (zeros.as_str(), "{}", "too many values"),
        (&deep, "{}", "nest deeper than 100"),
        ("[]", &format!("{{\"a\": {deep}}}"), "nest deeper than 100"),
    ] {
        match called(args, kwargs) {
            Frame::Refused { call: 7, error } => {
                assert_eq!(error.kind, "TypeError");
                assert!(error.message.contains(says), "{}", error.message);
            }
            other => panic!("{other:?}"),
        }
    }
    let broken =
        format!(r#"{{"call": 7, "event": "call", "name": "f", "kwargs": {{}}, "args": {deeper}"#);
    assert!(read(broken.as_bytes()).is_err());
}

#[test]
fn the_end_of_a_step_is_bounded() {
    let shown = json!({"text/html": "x".repeat(1_000)});
    assert_eq!(ended(&json!({"display": [shown]})).display.len(), 1);
    let large = json!({"text/html": "x".repeat(MAX_DISPLAY)});
    for (display, kept) in [(vec![shown; 1_000], MAX_DISPLAYS), (vec![large], 0)] {
        assert_eq!(ended(&json!({"display": display})).display.len(), kept);
    }
    let names: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
    assert!(ended(&json!({"rebound": names})).rebound.is_empty());
    let answer = |value: Value, text: &str| {
        let answer = ended(&json!({"final": {"value": value, "text": text}}))
            .answer
            .unwrap();
        (answer.value, answer.text)
    };
    assert_eq!(answer(json!([1]), "[1]"), (json!([1]), "[1]".to_owned()));
    let long = "x".repeat(MAX_ANSWER + 1);
    let (value, text) = answer(json!(long), &long);
    assert_eq!(
        (value.as_str().map(str::len), text.len()),
        (Some(MAX_ANSWER), MAX_ANSWER)
    );
    let Frame::Told { told, .. } =
        frame(&json!({"event": "told", "nonce": 1, "told": {"variables": vec![0; 3_000_000]}}))
    else {
        panic!("no answer")
    };
    assert!(matches!(*told, Told::Failed(_)));
}

#[test]
fn what_is_no_frame_is_an_error() {
    for text in [
        "",
        "{}",
        "[]",
        "null",
        "5",
        "\"ready\"",
        r#"{"event": "other"}"#,
        r#"{"event": "signal", "call": 1}"#,
        r#"{"event": "call", "call": 1, "name": "f", "args": {}, "kwargs": {}}"#,
        r#"{"event": "call", "call": 1, "name": "f", "args": [], "kwargs": [1]}"#,
        r#"{"event": "call", "call": -1, "name": "f", "args": [], "kwargs": {}}"#,
        r#"{"event": "memory", "op": "store", "value": 1}"#,
        r#"{"event": "memory"}"#,
        r#"{"event": "done", "nonce": 1}"#,
        r#"{"event": "kept"}"#,
        r#"{"event": "ready"} {}"#,
    ] {
        assert!(read(text.as_bytes()).is_err(), "{text}");
    }
}
