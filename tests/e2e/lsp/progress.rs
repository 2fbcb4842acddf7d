//! `$/progress`: shown while something runs, where the client can, and cancelled by it.

use serde_json::{Value, json};

use crate::support::{Editor, until};

const ENDLESS: &str = "# %%\nimport time\nprint('on', flush=True)\ntime.sleep(1000)\n";

fn progress(editor: &Editor, kind: &str) -> Value {
    let mut message = editor.daemon.other_like(kind, |other| {
        other["method"] == "$/progress" && other["params"]["value"]["kind"] == kind
    });
    message["params"].take()
}

#[test]
fn a_client_that_can_is_shown_progress_and_can_cancel_it() {
    let capabilities = json!({"window": {"workDoneProgress": true}});
    let editor = Editor::with(capabilities, json!(null), "python", ENDLESS);
    let run = editor.start("tinycode.runCell", json!({"cell": 0}));
    let token = editor.answer("window/workDoneProgress/create")["token"].clone();
    let begin = progress(&editor, "begin");
    assert_eq!(begin["token"], token);
    assert_eq!(begin["value"]["title"], "Cell 1");
    assert_eq!(begin["value"]["cancellable"], true);
    if begin["value"]["message"] != "on" {
        assert_eq!(progress(&editor, "report")["value"]["message"], "on");
    }
    editor.event("the output", |event| event["type"] == "stdout");
    editor.notify("window/workDoneProgress/cancel", json!({"token": token}));
    assert_eq!(editor.wait(run).unwrap()["result"]["interrupted"], true);
    assert_eq!(progress(&editor, "end")["token"], token);
}

#[test]
fn a_token_that_comes_with_the_request_is_used_as_it_is() {
    let editor = Editor::python("# %%\nprint('a')\n");
    for token in [json!("mine"), json!(7)] {
        let params = json!({
            "command": "tinycode.runCell", "arguments": [{"uri": editor.uri, "cell": 0}],
            "workDoneToken": token,
        });
        editor.call("workspace/executeCommand", params).unwrap();
        assert_eq!(progress(&editor, "begin")["token"], token);
        assert_eq!(progress(&editor, "end")["token"], token);
    }
}

#[test]
fn a_client_that_cannot_show_progress_is_sent_none() {
    let editor = Editor::python("# %%\nprint('a')\n");
    editor.run_cell(0);
    let sent = |method: &str| editor.count_others(|other| other["method"] == method);
    assert_eq!(
        (sent("$/progress"), sent("window/workDoneProgress/create")),
        (0, 0)
    );
}

#[test]
fn a_client_that_never_takes_the_progress_is_not_waited_for() {
    let capabilities = json!({
        "window": {"workDoneProgress": true}, "workspace": {"inlayHint": {"refreshSupport": true}},
    });
    let editor = Editor::with(capabilities, json!(null), "python", "# %%\n1\n");
    for _ in 0..3 {
        assert_eq!(editor.run_cell(0)["result"]["value"], "1");
    }
    until("it was asked", || {
        editor.count_others(|other| other["method"] == "window/workDoneProgress/create") == 3
    });
}

#[test]
fn cancelling_a_progress_that_is_not_there_is_no_harm() {
    let editor = Editor::python("# %%\n1\n");
    editor.notify("window/workDoneProgress/cancel", json!({"token": "none"}));
    assert_eq!(editor.run_cell(0)["result"]["value"], "1");
}
