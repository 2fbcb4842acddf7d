//! Completion and hover by the names of the document's session.

use serde_json::{Value, json};

use crate::support::Editor;

const TEXT: &str = "values = [1, 2]\ntable = {'alpha': 1}\n\n# %% Next\n\
                    pair = '😀', values.app\ntable['al']\nunknown(values)\n";

#[test]
fn completions_come_from_the_session_and_replace_what_is_typed() {
    let editor = Editor::python(TEXT);
    editor.run_cell(0);
    let done = complete(&editor, 4, 23, None);
    assert_eq!(done["isIncomplete"], false);
    let item = &done["items"][0];
    assert_eq!(
        (&item["label"], &item["kind"]),
        (&json!("append"), &json!(3))
    );
    assert_eq!(item["textEdit"], edit(4, 20, 23, "append"));
    let keys = complete(&editor, 5, 9, Some("'"));
    assert_eq!(labels(&keys), ["alpha"]);
    assert_eq!(keys["items"][0]["textEdit"], edit(5, 7, 9, "alpha"));
    let names = complete(&editor, 6, 12, Some("["));
    assert_eq!(labels(&names), [""; 0], "that trigger is for keys alone");
    assert!(labels(&complete(&editor, 6, 12, None)).contains(&"values"));
}

#[test]
fn positions_are_counted_in_bytes_where_the_client_does_so() {
    let capabilities = json!({"general": {"positionEncodings": ["utf-8"]}});
    let editor = Editor::with(capabilities, Value::Null, "python", TEXT);
    editor.run_cell(0);
    let done = complete(&editor, 4, 25, None);
    assert_eq!(done["items"][0]["textEdit"], edit(4, 22, 25, "append"));
}

#[test]
fn in_markdown_only_code_is_completed() {
    let text = "values.\n\n```python\nvalues = [1]\n```\n\n```python\nvalues.app\n```\n";
    let editor = Editor::with(json!({}), Value::Null, "markdown", text);
    editor.run_cell(0);
    assert_eq!(complete(&editor, 0, 7, Some(".")), Value::Null);
    assert_eq!(labels(&complete(&editor, 7, 10, None)), ["append"]);
}

#[test]
fn a_name_is_described_on_hover() {
    let editor = Editor::python(TEXT);
    editor.run_cell(0);
    let shown = hover(&editor, 6, 10);
    let text = shown["contents"]["value"].as_str().unwrap();
    assert_eq!(
        text.trim(),
        "```text\nType: list\nValue: [1, 2]\nLength: 2\n```"
    );
    assert_eq!(hover(&editor, 6, 3), Value::Null, "nobody knows that name");
    let result = hover(&editor, 1, 0); // the last line of a cell that ran
    assert!(result["contents"]["value"].to_string().contains("step 1"));
}

#[test]
fn without_a_session_or_while_code_runs_nothing_is_said_at_once() {
    let editor = Editor::python("values = [1]\n# %%\nwhile True: pass\n# %%\nvalues.app\n");
    assert_eq!(complete(&editor, 4, 10, None), Value::Null);
    assert_eq!(hover(&editor, 4, 2), Value::Null);
    let sessions = editor.daemon.call("session.list", json!({})).unwrap();
    assert_eq!(sessions["sessions"], json!([]), "none was made for it");
    editor.run_cell(0);
    assert_eq!(labels(&complete(&editor, 4, 10, None)), ["append"]);
    let running = editor.start("tinycode.runCell", json!({"cell": 1}));
    assert_eq!(complete(&editor, 4, 10, None), Value::Null);
    assert_eq!(hover(&editor, 4, 2), Value::Null);
    assert!(!editor.daemon.has_answer(running));
    editor.execute("tinycode.interrupt", json!({})).unwrap();
    editor.daemon.wait(running).unwrap();
    assert_eq!(labels(&complete(&editor, 4, 10, None)), ["append"]);
}

fn complete(editor: &Editor, line: u64, character: u64, trigger: Option<&str>) -> Value {
    let context = match trigger {
        Some(trigger) => json!({"triggerKind": 2, "triggerCharacter": trigger}),
        None => json!({"triggerKind": 1}),
    };
    let position = json!({"line": line, "character": character});
    let params = json!({"position": position, "context": context});
    editor.ask("textDocument/completion", params)
}

fn hover(editor: &Editor, line: u64, character: u64) -> Value {
    let position = json!({"line": line, "character": character});
    editor.ask("textDocument/hover", json!({"position": position}))
}

fn labels(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["label"].as_str().unwrap()).collect()
}

fn edit(line: u64, start: u64, end: u64, text: &str) -> Value {
    let at = |character: u64| json!({"line": line, "character": character});
    json!({"range": {"start": at(start), "end": at(end)}, "newText": text})
}
