//! Tasks: given to the agent from a comment, answered beside it.

use serde_json::{Value, json};

use crate::support::{Editor, Gate, Model, Reply};

const ANSWER: &str = "```python\ntotal = sum(values)\nfinal_answer(total)\n```";

#[test]
fn a_task_is_answered_beside_its_comment_by_what_the_cells_have_made() {
    let model = Model::new([ANSWER]);
    let text = "# %%\nvalues = [1, 2, 39]\n\n# agent: add up the values\n#   in the list\n";
    let editor = Editor::with_model(json!({}), &model, text);
    assert_eq!(editor.lenses(), ["0 ▶ Run cell", "3 ▶ Run task"]);
    editor.run_cell(0);
    let answer = editor
        .execute("tinycode.runTask", json!({"line": 3}))
        .unwrap();
    assert_eq!(answer["result"]["final_answer"]["value"], 42);
    assert_eq!(answer["code"], "total = sum(values)\nfinal_answer(total)");
    assert_eq!(editor.hint_texts()[1], "4:15 = 42");
    assert!(
        model.requests()[0]
            .last()
            .contains("add up the values in the list")
    );
    let hover = editor.hover(3).unwrap();
    assert!(
        hover.contains("42") && hover.contains("total = sum(values)"),
        "{hover}"
    );
}

/// Runs a task by a lens that was shown before the document was edited; what the model was asked.
fn asked_by_an_old_lens(text: &str, lens: usize, edits: &[([u64; 4], &str)]) -> String {
    let model = Model::new([ANSWER.replace("sum(values)", "0").as_str()]);
    let editor = Editor::with_model(json!({}), &model, text);
    let lenses = editor.ask("textDocument/codeLens", json!({}));
    for (range, new) in edits {
        editor.edit(*range, new);
    }
    let command = &lenses[lens]["command"];
    let params = json!({"command": command["command"], "arguments": command["arguments"]});
    editor.call("workspace/executeCommand", params).unwrap();
    model.requests()[0].last()
}

#[test]
fn a_lens_runs_its_task_though_lines_were_put_above_it_or_it_was_edited_since() {
    let text = "# agent: one\n# agent: two\n\n# agent: one\n";
    let above = ([0, 0, 0, 0], "import math\n");
    let asked = asked_by_an_old_lens(text, 1, &[above]);
    assert!(asked.contains("two"), "{asked}"); // where it was is another by now
    let asked = asked_by_an_old_lens(text, 1, &[([1, 12, 1, 12], " pears")]);
    assert!(asked.contains("two pears"), "{asked}");
    let typed = ([0, 12, 0, 12], "\n# agent: four\n# agent: five");
    let asked = asked_by_an_old_lens(text, 2, &[typed]);
    assert!(asked.contains("one"), "{asked}");
}

#[test]
fn the_code_of_a_task_can_be_inserted_below_it() {
    let failing = "```python\nno_such_name\n```";
    let model = Model::new([
        failing,
        "```python\nx = 1\n```",
        ANSWER.replace("values", "[x]").as_str(),
    ]);
    let text = "def f():\n    # agent: é do\n    pass\n";
    let editor = Editor::with_model(json!({}), &model, text);
    let titles = |editor: &Editor| -> Vec<Value> {
        editor
            .actions(1)
            .iter()
            .map(|action| action["title"].clone())
            .collect()
    };
    assert_eq!(titles(&editor)[0], "Run task: é do");
    editor
        .execute("tinycode.runTask", json!({"line": 1}))
        .unwrap();
    let actions = editor.actions(1);
    let insert = actions
        .iter()
        .find(|action| action["title"] == "Insert the code of this task");
    let edits = &insert.unwrap()["edit"]["changes"][&editor.uri];
    let end = json!({"line": 1, "character": 17});
    let code = "\n    x = 1\n\n    total = sum([x])\n    final_answer(total)";
    assert_eq!(
        edits,
        &json!([{"range": {"start": end, "end": end}, "newText": code}])
    );
    assert_eq!(insert.unwrap()["kind"], "refactor");
}

#[test]
fn code_goes_into_markdown_as_a_block() {
    let model = Model::new(["```python\nfinal_answer('yes')\n```"]);
    let options = json!({"session": model.options()});
    let editor = Editor::with(json!({}), options, "markdown", "# agent: say yes\n");
    editor
        .execute("tinycode.runTask", json!({"line": 0}))
        .unwrap();
    assert_eq!(editor.hint_texts(), ["0:16 = yes"]);
    let actions = editor.actions(0);
    let text = &actions[1]["edit"]["changes"][&editor.uri][0]["newText"];
    assert_eq!(text, "\n\n```python\nfinal_answer('yes')\n```");
}

#[test]
fn a_task_that_runs_says_so_and_can_be_interrupted() {
    let gate = Gate::default();
    let model = Model::new([gate.hold("never")]);
    let editor = Editor::with_model(json!({}), &model, "# agent: wait\n");
    let run = editor.start("tinycode.runTask", json!({"line": 0}));
    gate.wait_for_call();
    crate::support::until("it says so", || editor.hint_texts() == ["0:13 … thinking"]);
    editor.execute("tinycode.interrupt", json!({})).unwrap();
    assert_eq!(editor.wait(run).unwrap()["result"]["state"], "cancelled");
    gate.wait_until_given_up();
    assert_eq!(editor.hint_texts(), ["0:13 ■ stopped"]);
}

#[test]
fn a_task_without_an_answer_says_why() {
    let model = Model::new([Reply::Status(401, "", "{}".to_owned())]);
    let editor = Editor::with_model(json!({}), &model, "# agent: do\n");
    let answer = editor
        .execute("tinycode.runTask", json!({"line": 0, "max_steps": 1}))
        .unwrap();
    assert_eq!(answer["result"]["state"], "error");
    assert!(
        editor.hint_texts()[0].starts_with("0:11 ✗ "),
        "{:?}",
        editor.hint_texts()
    );
    assert_eq!(editor.actions(0).len(), 2);
}
