//! Cells: offered, run, interrupted.

use serde_json::{Value, json};

use crate::support::{Editor, refused};

const TEXT: &str = "import math\n\n# %% first\nx = 20\n\n# %%\nprint('hello')\nx + 1\n";

#[test]
fn each_cell_has_lenses_and_runs_by_what_its_lens_says() {
    let editor = Editor::python(TEXT);
    let lenses = editor.ask("textDocument/codeLens", json!({}));
    let titles = editor.lenses();
    assert_eq!(
        titles,
        [
            "0 ▶ Run cell",
            "2 ▶ Run cell",
            "2 Run above",
            "5 ▶ Run cell",
            "5 Run above"
        ]
    );
    for index in [1, 3] {
        let command = &lenses[index]["command"];
        let params = json!({"command": command["command"], "arguments": command["arguments"]});
        editor.call("workspace/executeCommand", params).unwrap();
    }
    assert_eq!(editor.hint_texts()[1], "7:5 = 21");
}

#[test]
fn editors_without_lenses_find_the_same_among_their_code_actions() {
    let editor = Editor::python(TEXT);
    let titles = |line| -> Vec<String> {
        let actions = editor.actions(line).into_iter();
        actions
            .map(|action| action["title"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(titles(0), ["Run cell", "Run all cells"]);
    assert_eq!(
        titles(6),
        ["Run cell", "Run all cells above", "Run all cells"]
    );
    let action = &editor.actions(3)[0]["command"];
    let params = json!({"command": action["command"], "arguments": action["arguments"]});
    editor.call("workspace/executeCommand", params).unwrap();
    assert_eq!(titles(3).last().unwrap(), "Clear results");
    let only = json!({"range": crate::support::lines(6, 6), "context": {"diagnostics": [], "only": ["refactor"]}});
    assert_eq!(editor.ask("textDocument/codeAction", only), json!([]));
}

#[test]
fn a_run_cell_is_answered_with_its_result_once_its_events_have_come() {
    let editor = Editor::python(TEXT);
    editor.run_cell(1);
    let answer = editor.run_cell(2);
    let result = &answer["result"];
    assert_eq!(
        (&result["output"], &result["value"]),
        (&json!("hello\n"), &json!("21"))
    );
    assert_eq!(
        (&answer["uri"], &answer["cell"]),
        (&json!(editor.uri), &json!(2))
    );
    let session = answer["session"].as_str().unwrap();
    let events = editor.events(session);
    // Its checkpoint may have come too.
    let last = events.iter().rfind(|event| event["type"] != "checkpoint");
    let last = last.unwrap();
    assert_eq!(
        (&last["type"], &last["step"]),
        (&json!("step.finished"), &json!(2))
    );
}

#[test]
fn a_file_without_marks_is_one_cell_that_is_not_advertised() {
    let editor = Editor::python("x = 6\nx * 7\n");
    assert_eq!(editor.lenses(), [""; 0]);
    assert_eq!(editor.actions(0)[0]["title"], "Run cell");
    editor
        .execute("tinycode.runCell", json!({"line": 1}))
        .unwrap();
    assert_eq!(editor.hint_texts(), ["1:5 = 42"]);
}

#[test]
fn fenced_blocks_of_markdown_are_cells() {
    let text = "# Title\n\n```python\nx = 1\n```\n\n- item\n  ```python\n  x + 1\n  ```\n\n```sh\nls\n```\n";
    let editor = Editor::with(json!({}), json!(null), "markdown", text);
    assert_eq!(
        editor.lenses(),
        ["2 ▶ Run cell", "7 ▶ Run cell", "7 Run above"]
    );
    let answer = editor.execute("tinycode.runAll", json!({})).unwrap();
    assert_eq!(answer["results"][1]["result"]["value"], "2");
    let hints = editor.hint_texts();
    assert!(hints[0].starts_with("3:5 ✓ "), "{hints:?}");
    assert_eq!(hints[1], "8:7 = 2");
}

#[test]
fn all_cells_run_in_their_order_up_to_the_first_that_fails() {
    let editor =
        Editor::python("# %%\nx = 1\n# %%\nx = x + 1\n# %%\n1 / 0\n# %%\nx = 100\n# %%\nx\n");
    let above = editor
        .execute("tinycode.runAbove", json!({"cell": 2}))
        .unwrap();
    assert_eq!(above["results"].as_array().unwrap().len(), 2);
    let all = editor.execute("tinycode.runAll", json!({})).unwrap();
    assert_eq!(all["results"].as_array().unwrap().len(), 3);
    assert_eq!(
        all["results"][2]["result"]["error"]["type"],
        "ZeroDivisionError"
    );
    let hints = editor.hint_texts();
    assert_eq!(hints.len(), 3, "{hints:?}");
    assert_eq!(hints[2], "5:5 ✗ ZeroDivisionError: division by zero");
    assert_eq!(editor.run_cell(4)["result"]["value"], "2");
}

#[test]
fn what_runs_can_be_interrupted_and_its_lens_offers_that() {
    let editor = Editor::python("# %%\nprint('on', flush=True)\nimport time\ntime.sleep(1000)\n");
    let session = editor.session();
    let run = editor.start("tinycode.runCell", json!({"cell": 0}));
    editor.event("the output", |event| event["type"] == "stdout");
    crate::support::until("the hint shows what was printed", || {
        editor.hint_texts() == ["3:16 … on"]
    });
    assert_eq!(editor.lenses(), ["0 ■ Interrupt"]);
    let params = json!({"command": "tinycode.interrupt"});
    let answer = editor.call("workspace/executeCommand", params).unwrap();
    assert_eq!(answer, json!({"interrupted": true}));
    let answer = editor.wait(run).unwrap();
    assert_eq!(answer["result"]["interrupted"], true);
    assert_eq!(answer["session"], session.as_str());
    assert_eq!(editor.hint_texts(), ["3:16 ■ interrupted"]);
    assert_eq!(
        editor.execute("tinycode.interrupt", json!({})),
        Ok(json!({"interrupted": false}))
    );
}

#[test]
fn a_cancelled_request_stops_its_cell() {
    let editor = Editor::python("# %%\nprint('on', flush=True)\nwhile True: pass\n# %%\n'next'\n");
    let run = editor.start("tinycode.runCell", json!({"cell": 0}));
    let next = editor.start("tinycode.runCell", json!({"cell": 1}));
    editor.event("the output", |event| event["type"] == "stdout");
    editor.cancel(run);
    let error = editor.wait(run).unwrap_err();
    assert_eq!(error["code"], -32800, "{error}");
    assert_eq!(editor.wait(next).unwrap()["result"]["value"], "'next'");
}

#[test]
fn cells_run_in_the_order_in_which_they_were_asked_for() {
    let cells: String = (0..20)
        .map(|cell| format!("# %%\nprint({cell})\n"))
        .collect();
    let editor = Editor::python(&cells);
    let order = [7, 3, 19, 0, 11, 5, 2, 17];
    let runs = order.map(|cell| editor.start("tinycode.runCell", json!({"cell": cell})));
    let answers = runs.map(|run| editor.wait(run).unwrap());
    let steps = answers.map(|answer| {
        (
            answer["result"]["step"].clone(),
            answer["result"]["output"].clone(),
        )
    });
    let wanted: Vec<_> = (1..)
        .zip(order)
        .map(|(step, cell)| (json!(step), json!(format!("{cell}\n"))))
        .collect();
    assert_eq!(steps.to_vec(), wanted);
}

#[test]
fn commands_that_are_wrong_are_refused_by_name() {
    let editor = Editor::python(TEXT);
    let cases = [
        ("tinycode.runCell", json!({"cell": 3}), "there is no cell 3"),
        ("tinycode.runCell", json!({"cell": -1}), "arguments.cell"),
        ("tinycode.runCell", json!({"cell": "x"}), "arguments.cell"),
        ("tinycode.runCell", json!({}), "either `cell` or `line`"),
        ("tinycode.runCell", json!({"cell": 0, "cel": 0}), "cel"),
        ("tinycode.runCell", json!({"line": 99}), "this line"),
        (
            "tinycode.runTask",
            json!({"line": 0}),
            "no task on this line",
        ),
        (
            "tinycode.runTask",
            json!({"line": 0, "max_steps": 0}),
            "max_steps",
        ),
        (
            "tinycode.restart",
            json!({"session": {"modell": "x"}}),
            "modell",
        ),
        ("tinycode.nothing", json!({}), "tinycode.nothing"),
    ];
    for (command, arguments, named) in cases {
        let (message, _) = refused(editor.execute(command, arguments), -32602, "invalid_params");
        assert!(message.contains(named), "{message}");
    }
    let unknown =
        json!({"command": "tinycode.runCell", "arguments": [{"uri": "file:///no", "cell": 0}]});
    let answer = editor.call("workspace/executeCommand", unknown);
    let (message, hint) = refused(answer, -32602, "invalid_params");
    assert!(
        message.contains("file:///no") && hint.contains("didOpen"),
        "{message} {hint}"
    );
    for arguments in [json!([]), json!([7]), json!([null])] {
        let params = json!({"command": "tinycode.runCell", "arguments": arguments});
        refused(
            editor.call("workspace/executeCommand", params),
            -32602,
            "invalid_params",
        );
    }
    assert_eq!(editor.hints(), [Value::Null; 0]);
}

#[test]
fn a_client_that_does_not_wait_is_answered_at_once() {
    let options = json!({"detach": true});
    let text = "# %%\nimport time\nprint('on', flush=True)\ntime.sleep(1000)\n# %%\n1\n";
    let editor = Editor::with(json!({}), options, "python", text);
    let answer = editor
        .execute("tinycode.runCell", json!({"cell": 0}))
        .unwrap();
    assert!(answer["execution"].is_u64(), "{answer}");
    editor.event("the output", |event| event["type"] == "stdout");
    editor.execute("tinycode.interrupt", json!({})).unwrap();
    let waited = editor
        .execute("tinycode.runCell", json!({"cell": 1, "detach": false}))
        .unwrap();
    assert_eq!(waited["result"]["value"], "1");
}
