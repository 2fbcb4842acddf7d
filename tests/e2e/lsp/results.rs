//! What came of cells: hints, hover, diagnostics, and when the client is asked to look again.

use serde_json::{Value, json};

use crate::support::{Editor, lines};

#[test]
fn hints_are_short_and_hovering_shows_all() {
    let code = "for i in range(30): print(i)\n['x' * 200] * 2";
    let editor = Editor::python(&format!("# %%\n{code}\n\n# %%\nprint('a\\nb')\n"));
    editor.execute("tinycode.runAll", json!({})).unwrap();
    let hints = editor.hints();
    let label = hints[0]["label"].as_str().unwrap();
    assert!(label.starts_with("= ['xxx") && label.ends_with('…') && label.chars().count() < 90);
    assert_eq!(hints[1]["label"], "→ b");
    assert_eq!(hints[1]["tooltip"]["kind"], "markdown");
    assert!(
        hints[1]["tooltip"]["value"]
            .as_str()
            .unwrap()
            .starts_with("```\na\nb\n```\n")
    );
    for line in [0, 2] {
        let hover = editor.hover(line).unwrap();
        assert!(
            hover.contains("\n28\n29\n") && hover.contains(&"x".repeat(200)),
            "{hover}"
        );
    }
    assert_eq!(editor.hover(1), None);
    let in_range = editor.ask("textDocument/inlayHint", json!({"range": lines(3, 9)}));
    assert_eq!(in_range.as_array().unwrap().len(), 1);
}

#[test]
fn an_exception_is_a_diagnostic_on_its_line_with_the_way_that_led_there() {
    let text = "# %%\ndef f(x):\n    return 1 / x\n\n# %%\ny = 0\n\nf(y)\n";
    let editor = Editor::python(text);
    editor.execute("tinycode.runAll", json!({})).unwrap();
    let diagnostics = editor.published();
    assert_eq!(diagnostics.len(), 1);
    let diagnostic = &diagnostics[0];
    let range = json!({"start": {"line": 7, "character": 0}, "end": {"line": 7, "character": 4}});
    assert_eq!(diagnostic["range"], range);
    assert_eq!(
        (&diagnostic["severity"], &diagnostic["source"]),
        (&json!(1), &json!("tinycode"))
    );
    assert_eq!(diagnostic["message"], "ZeroDivisionError: division by zero");
    let related = diagnostic["relatedInformation"].as_array().unwrap();
    assert!(
        related[0]["message"]
            .as_str()
            .unwrap()
            .starts_with("Traceback"),
        "{related:?}"
    );
    assert_eq!(related[1]["message"], "in f");
    let indented =
        json!({"start": {"line": 2, "character": 4}, "end": {"line": 2, "character": 16}});
    assert_eq!(
        related[1]["location"],
        json!({"uri": editor.uri, "range": indented})
    );
    assert!(editor.hover(7).unwrap().contains("Traceback"));
}

#[test]
fn diagnostics_move_with_their_lines_and_go_with_what_was_wrong() {
    let editor = Editor::python("# %%\nx = 1\nx.y\n");
    editor.run_cell(0);
    let line = |diagnostics: &[Value]| diagnostics[0]["range"]["start"]["line"].clone();
    assert_eq!(line(&editor.published()), 2);
    editor.edit([0, 0, 0, 0], "\n\n\n");
    assert_eq!(line(&editor.published()), 5);
    editor.edit([5, 1, 5, 3], ".real");
    assert_eq!(editor.published(), [Value::Null; 0]);
    assert!(
        editor.hint_texts()[0].starts_with("5:6 ✗ AttributeError"),
        "{:?}",
        editor.hint_texts()
    );
    editor.run_cell(0);
    assert_eq!(editor.hint_texts(), ["5:6 = 1"]);
}

#[test]
fn a_syntax_error_is_on_its_line() {
    let editor = Editor::python("# %%\nx = 1\ny = (\n");
    editor.run_cell(0);
    let diagnostics = editor.published();
    let message = diagnostics[0]["message"].as_str().unwrap();
    assert!(message.starts_with("SyntaxError: "), "{message}");
    assert_eq!(diagnostics[0]["range"]["start"]["line"], 2);
}

#[test]
fn results_can_be_cleared() {
    let editor = Editor::python("# %%\n1 / 0\n");
    editor.run_cell(0);
    assert_eq!(editor.published().len(), 1);
    editor.execute("tinycode.clear", json!({})).unwrap();
    assert_eq!(editor.published(), [Value::Null; 0]);
    assert_eq!(editor.hint_texts(), [""; 0]);
}

#[test]
fn a_client_that_pulls_diagnostics_is_not_sent_them() {
    let capabilities = json!({
        "textDocument": {"diagnostic": {}}, "workspace": {"diagnostics": {"refreshSupport": true}},
    });
    let editor = Editor::with(capabilities, json!(null), "python", "# %%\n1 / 0\n");
    editor.run_cell(0);
    let report = editor.ask("textDocument/diagnostic", json!({}));
    assert_eq!(report["kind"], "full");
    assert_eq!(
        report["items"][0]["message"],
        "ZeroDivisionError: division by zero"
    );
    editor.answer("workspace/diagnostic/refresh");
    let sent = editor.count_others(|other| other["method"] == "textDocument/publishDiagnostics");
    assert_eq!(sent, 0);
}

#[test]
fn clients_are_asked_to_look_again_if_they_can_be_asked() {
    let can = json!({"refreshSupport": true});
    let capabilities = json!({"workspace": {"inlayHint": can, "codeLens": can}});
    let editor = Editor::with(
        capabilities,
        json!(null),
        "python",
        "# %%\n1\n# %%\nwhile True: pass\n",
    );
    editor.run_cell(0);
    editor.answer("workspace/inlayHint/refresh");
    let running = editor.start("tinycode.runCell", json!({"cell": 1}));
    editor.answer("workspace/codeLens/refresh");
    assert!(editor.lenses().join(" ").contains("Interrupt"));
    editor.execute("tinycode.interrupt", json!({})).unwrap();
    editor.wait(running).unwrap();
    editor.answer("workspace/codeLens/refresh");

    let other = Editor::python("# %%\n1 / 0\n");
    other.run_cell(0);
    other.published();
    let asked = other.count_others(|other| other.get("id").is_some());
    assert_eq!(asked, 0);
}

#[test]
fn what_is_offered_is_what_the_client_is_served() {
    let daemon = crate::support::Options::default().uninitialized().start();
    let answer = daemon.initialize_editor(json!({"capabilities": {}}));
    let offered = &answer["capabilities"];
    assert_eq!(
        offered["textDocumentSync"],
        json!({"openClose": true, "change": 2})
    );
    assert_eq!(offered["inlayHintProvider"], true);
    assert_eq!(offered["codeLensProvider"], json!({}));
    assert_eq!(offered["hoverProvider"], true);
    assert_eq!(offered["diagnosticProvider"], Value::Null);
    let commands = offered["executeCommandProvider"]["commands"]
        .as_array()
        .unwrap();
    for command in ["tinycode.runCell", "tinycode.runTask", "tinycode.interrupt"] {
        assert!(commands.contains(&json!(command)), "{commands:?}");
    }
    let daemon = crate::support::Options::default().uninitialized().start();
    let options = json!({"capabilities": {}, "initializationOptions": {"hints": false}});
    let answer = daemon.initialize_editor(options);
    assert_eq!(answer["capabilities"]["inlayHintProvider"], Value::Null);
}
