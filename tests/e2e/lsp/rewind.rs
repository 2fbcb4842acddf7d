//! Going back: a document's session is again what it was after a cell, and what ran since is undone.

use serde_json::{Value, json};

use crate::support::{Editor, Model, refused};

const TEXT: &str = "# %%\nx = 1\nx\n# %%\nx += 1\nx\n# %%\nx * 10\n";

fn rewind(editor: &Editor, cell: u64) -> Value {
    let rewound = editor.execute("tinycode.rewind", json!({"cell": cell}));
    rewound.unwrap()
}

#[track_caller]
fn problem(editor: &Editor, arguments: Value) -> (String, String) {
    let answer = editor.execute("tinycode.rewind", arguments);
    refused(answer, -32602, "invalid_params")
}

#[test]
fn cells_that_ran_since_are_undone_and_run_again_from_there() {
    let editor = Editor::python(TEXT);
    editor.execute("tinycode.runAll", json!({})).unwrap();
    assert_eq!(editor.hint_texts(), ["2:1 = 1", "5:1 = 2", "7:6 = 20"]);
    let info = rewind(&editor, 0);
    assert_eq!(
        (&info["step"], &info["session"]),
        (&json!(1), &json!(editor.session()))
    );
    let undone = ["2:1 = 1", "5:1 = 2 (undone)", "7:6 = 20 (undone)"];
    assert_eq!(editor.hint_texts(), undone);
    assert!(editor.hover(5).unwrap().ends_with(" · undone"));
    assert_eq!(editor.run_cell(2)["result"]["value"], "10");
    assert_eq!(
        editor.hint_texts(),
        ["2:1 = 1", "5:1 = 2 (undone)", "7:6 = 10"]
    );
}

#[test]
fn a_rewind_can_be_undone_even_after_something_else_has_run() {
    let editor = Editor::python(TEXT);
    editor.execute("tinycode.runAll", json!({})).unwrap();
    rewind(&editor, 0);
    rewind(&editor, 2);
    assert_eq!(editor.hint_texts(), ["2:1 = 1", "5:1 = 2", "7:6 = 20"]);
    rewind(&editor, 0);
    editor.run_cell(2);
    rewind(&editor, 1);
    let shown = ["2:1 = 1", "5:1 = 2", "7:6 = 10 (undone)"];
    assert_eq!(editor.hint_texts(), shown);
    assert_eq!(editor.run_cell(2)["result"]["value"], "20");
}

#[test]
fn lenses_and_actions_go_where_one_can_and_is_not() {
    let editor = Editor::python(TEXT);
    let offered = || -> Vec<String> {
        let lenses = editor.lenses().into_iter();
        lenses.filter(|lens| lens.contains(" to here")).collect()
    };
    assert_eq!(offered(), [""; 0]);
    editor.execute("tinycode.runAll", json!({})).unwrap();
    assert_eq!(offered(), ["0 ↶ Rewind to here", "3 ↶ Rewind to here"]);
    rewind(&editor, 1);
    assert_eq!(offered(), ["0 ↶ Rewind to here", "6 ↷ Redo to here"]);
    let actions = editor.actions(7);
    let action = actions
        .iter()
        .find(|action| action["title"] == "Redo to after this cell");
    let command = action.unwrap()["command"].clone();
    editor.edit([0, 0, 0, 0], "# about\n"); // which the action is not to be led astray by
    let params = json!({"command": command["command"], "arguments": command["arguments"]});
    editor.call("workspace/executeCommand", params).unwrap();
    assert_eq!(offered(), ["1 ↶ Rewind to here", "4 ↶ Rewind to here"]);
    editor.execute("tinycode.restart", json!({})).unwrap();
    assert_eq!(offered(), [""; 0]);
}

#[test]
fn where_one_cannot_go_back_it_is_said_why() {
    let cells: Vec<String> = (0..14).map(|cell| format!("# %%\nx = {cell}\n")).collect();
    let editor = Editor::python(&cells.concat());
    let (message, hint) = problem(&editor, json!({"cell": 3}));
    assert!(message.contains("has not run yet"), "{message}; {hint}");
    editor.execute("tinycode.runAll", json!({})).unwrap();
    let (message, hint) = problem(&editor, json!({"cell": 0}));
    assert!(message.contains("not kept any more"), "{message}");
    assert!(hint.contains("run this again"), "{hint}");
    editor.execute("tinycode.restart", json!({})).unwrap();
    let (message, _) = problem(&editor, json!({"line": 1}));
    assert!(
        message.contains("session that this ran in has ended"),
        "{message}"
    );
    let (message, _) = problem(&editor, json!({}));
    assert!(message.contains("either `cell` or `line`"), "{message}");
}

#[test]
fn an_exception_goes_with_the_cell_that_raised_it() {
    let editor = Editor::python("# %%\nx = 1\n# %%\nx.y\n");
    editor.execute("tinycode.runAll", json!({})).unwrap();
    assert_eq!(editor.published().len(), 1);
    rewind(&editor, 0);
    assert_eq!(editor.published(), [Value::Null; 0]);
    rewind(&editor, 1);
    assert_eq!(editor.published().len(), 1);
}

#[test]
fn a_task_is_gone_back_to_with_what_was_said_until_then() {
    let replies = [
        "```python\nfinal_answer(n + 1)\n```",
        "```python\nfinal_answer(n + 2)\n```",
    ];
    let model = Model::new(replies);
    let text = "# %%\nn = 1\n# agent: add one\n# agent: add two\n";
    let editor = Editor::with_model(json!({}), &model, text);
    editor.run_cell(0);
    for line in [2, 3] {
        editor
            .execute("tinycode.runTask", json!({"line": line}))
            .unwrap();
    }
    let session = editor.session();
    let said = || {
        let steps = editor
            .call("memory.steps", json!({"session": session}))
            .unwrap();
        steps.to_string()
    };
    assert!(said().contains("add two"));
    assert!(editor.lenses().contains(&"2 ↶ Rewind to here".to_owned()));
    editor
        .execute("tinycode.rewind", json!({"line": 2}))
        .unwrap();
    assert!(
        said().contains("add one") && !said().contains("add two"),
        "{}",
        said()
    );
    let hints = editor.hint_texts().join("\n");
    assert!(
        hints.contains("2:16 = 2\n") && hints.contains("= 3 (undone)"),
        "{hints}"
    );
}

#[test]
fn what_others_do_with_the_session_is_seen_too() {
    let can = json!({"refreshSupport": true});
    let capabilities = json!({
        "workspace": {"codeLens": can}, "experimental": {"tinycode": {"executions": true}},
    });
    let editor = Editor::with(capabilities, json!(null), "python", TEXT);
    editor.execute("tinycode.runAll", json!({})).unwrap();
    let session = editor.session();
    let kept = editor.call("session.checkpoints", json!({"session": session}));
    let first = kept.unwrap()["checkpoints"][1]["checkpoint"].clone();
    let params = json!({"session": session, "checkpoint": first});
    editor.call("session.rewind", params).unwrap();
    let told = |state: &str| {
        let told = editor.other_like(state, |other| other["params"]["state"] == state);
        told["params"]["place"]["cell"].clone()
    };
    let both = [told("undone"), told("undone")];
    assert!(
        both.contains(&json!(1)) && both.contains(&json!(2)),
        "{both:?}"
    );
    assert_eq!(editor.hint_texts()[1], "5:1 = 2 (undone)");
    editor.answer("workspace/codeLens/refresh");
    rewind(&editor, 1);
    assert_eq!(told("redone"), json!(1));
}

#[test]
fn a_rewind_waits_for_what_runs_and_can_be_given_up_meanwhile() {
    let editor = Editor::python("# %%\nx = 1\n# %%\nprint('on', flush=True)\nwhile True: pass\n");
    editor.run_cell(0);
    let running = editor.start("tinycode.runCell", json!({"cell": 1}));
    editor.event("the output", |event| event["type"] == "stdout");
    let waiting = editor.start("tinycode.rewind", json!({"cell": 0}));
    editor.notify("$/cancelRequest", json!({"id": waiting}));
    assert_eq!(editor.wait(waiting).unwrap_err()["code"], -32800);
    let waiting = editor.start("tinycode.rewind", json!({"cell": 0}));
    editor.execute("tinycode.interrupt", json!({})).unwrap();
    assert_eq!(editor.wait(running).unwrap()["result"]["interrupted"], true);
    assert_eq!(editor.wait(waiting).unwrap()["step"], 1);
    assert_eq!(editor.hint_texts()[1], "4:16 ■ interrupted (undone)");
}
