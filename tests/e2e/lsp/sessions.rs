//! Which session belongs to a document: one, its own, for as long as the daemon lives.

use serde_json::{Value, json};

use crate::support::{Editor, Options, client_tool, refused};

#[test]
fn the_session_of_a_document_is_isolated_and_works_in_its_folder() {
    let editor = Editor::python("# %%\nimport os\nos.getcwd()\n");
    assert_eq!(
        editor.execute("tinycode.session", json!({})),
        Ok(Value::Null)
    );
    let answer = editor.run_cell(0);
    let folder = editor.daemon.folder();
    assert_eq!(answer["result"]["value"], format!("'{}'", folder.display()));
    let info = editor.execute("tinycode.session", json!({})).unwrap();
    assert_eq!(info["session"], answer["session"]);
    assert_eq!(
        (&info["trust_level"], &info["name"]),
        (&json!("isolated"), &json!("document"))
    );
    assert_eq!(info["extra_imports"], json!(["*"]));
    let list = editor.call("session.list", json!({})).unwrap();
    let ids: Vec<&Value> = list["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["session"])
        .collect();
    assert_eq!(ids, [&info["session"]]);
}

#[test]
fn a_document_keeps_its_session_and_results_when_it_is_closed() {
    let text = "# %%\nx = 1\n# %%\nx\n";
    let editor = Editor::python(text);
    let first = editor.run_cell(0);
    editor.close();
    editor.open("python", &format!("\n{text}"));
    let second = editor.run_cell(1);
    assert_eq!(second["session"], first["session"]);
    assert_eq!(second["result"]["value"], "1");
    assert_eq!(editor.hints().len(), 2);
}

#[test]
fn editors_on_a_socket_find_the_sessions_of_those_that_have_gone() {
    let daemon = Options::default().socket().start();
    let uri = "file:///nowhere/a.py";
    let run = |text: &str| {
        let client = daemon.connect_uninitialized();
        client.initialize_editor(json!({"capabilities": {}}));
        let item = json!({"uri": uri, "languageId": "python", "version": 1, "text": text});
        client.notify("textDocument/didOpen", json!({"textDocument": item}));
        let arguments = json!([{"uri": uri, "cell": 0}]);
        let params = json!({"command": "tinycode.runCell", "arguments": arguments});
        let answer = client.call("workspace/executeCommand", params).unwrap();
        let session = answer["session"].as_str().unwrap().to_owned();
        client.event("its events", |event| event["session"] == session.as_str());
        answer["result"]["value"].clone()
    };
    assert_eq!(run("x = 41\nx"), "41");
    assert_eq!(run("x + 1"), "42");
}

#[test]
fn what_an_editor_has_begun_goes_on_when_it_is_quit() {
    let daemon = Options::default().socket().start();
    let editor = daemon.connect_uninitialized();
    editor.initialize_editor(json!({"capabilities": {}}));
    let uri = "file:///nowhere/b.py";
    let code = "try: gone()\nexcept Exception: print('it has gone')\n'through'";
    let item = json!({"uri": uri, "languageId": "python", "version": 1, "text": code});
    editor.notify("textDocument/didOpen", json!({"textDocument": item}));
    let open = json!({"command": "tinycode.session", "arguments": [{"uri": uri, "open": true}]});
    let info = editor.call("workspace/executeCommand", open).unwrap();
    let session = info["session"].clone();
    let tools = json!({"session": session, "tools": [client_tool("gone", json!({}))]});
    editor.call("tools.register", tools).unwrap();
    let run = json!({"command": "tinycode.runCell", "arguments": [{"uri": uri, "cell": 0}]});
    editor.forget(editor.start("workspace/executeCommand", run));
    editor.event("the call", |event| event["type"] == "tool.call");
    editor.call("shutdown", Value::Null).unwrap();
    editor.notify("exit", Value::Null);
    daemon
        .call("session.attach", json!({"session": session, "since": 0}))
        .unwrap();
    let end = daemon.event("its end", |event| event["type"] == "step.finished");
    let result = &end["result"];
    assert_eq!(
        (&result["output"], &result["value"]),
        (&json!("it has gone\n"), &json!("'through'"))
    );
}

#[test]
fn documents_have_sessions_of_their_own_that_run_side_by_side() {
    let editor = Editor::python("# %%\nprint('on', flush=True)\nwhile True: pass\n");
    let run = editor.start("tinycode.runCell", json!({"cell": 0}));
    editor.event("the output", |event| event["type"] == "stdout");
    let other = format!("{}2", editor.uri);
    let item = json!({"uri": other, "languageId": "python", "version": 1, "text": "7"});
    editor.notify("textDocument/didOpen", json!({"textDocument": item}));
    let arguments = json!([{"uri": other, "cell": 0}]);
    let params = json!({"command": "tinycode.runCell", "arguments": arguments});
    let answer = editor.call("workspace/executeCommand", params).unwrap();
    assert_eq!(answer["result"]["value"], "7");
    editor.execute("tinycode.interrupt", json!({})).unwrap();
    let stopped = editor.wait(run).unwrap();
    assert_ne!(stopped["session"], answer["session"]);
}

#[test]
fn sessions_are_as_they_are_configured() {
    let options = json!({"session": {"limits": {"timeout_seconds": 0.2}, "extra_imports": []}});
    let text = "# %%\nwhile True: pass\n# %%\nimport os\n";
    let editor = Editor::with(json!({}), options, "python", text);
    assert_eq!(editor.run_cell(0)["result"]["timeout"], true);
    assert_eq!(editor.run_cell(1)["result"]["error"]["type"], "ImportError");
}

#[test]
fn options_that_are_wrong_are_named_before_anything_runs() {
    let daemon = Options::default().uninitialized().start();
    let options = json!({"session": {"trust_levl": "local"}});
    let params = json!({"capabilities": {}, "initializationOptions": options});
    let (message, _) = refused(daemon.call("initialize", params), -32602, "invalid_params");
    assert!(message.contains("trust_levl"), "{message}");
    daemon.initialize();
}

#[test]
fn a_session_that_cannot_be_made_is_told_where_its_cell_is() {
    let options = json!({"session": {"python": "/no/such/python"}});
    let editor = Editor::with(json!({}), options, "python", "# %%\n1\n");
    let error = editor
        .execute("tinycode.runCell", json!({"cell": 0}))
        .unwrap_err();
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("/no/such/python"),
        "{error}"
    );
    assert!(
        editor.hint_texts()[0].starts_with("1:1 ✗ "),
        "{:?}",
        editor.hint_texts()
    );
}

#[test]
fn a_restart_gives_a_fresh_session_that_may_differ() {
    let editor = Editor::python("# %%\nx = 1\n# %%\nimport os\nx\n");
    let before = editor.run_cell(0)["session"].clone();
    let options = json!({"session": {"extra_imports": ["os"], "name": "mine"}});
    let info = editor.execute("tinycode.restart", options).unwrap();
    assert_ne!(info["session"], before);
    assert_eq!(
        (&info["extra_imports"], &info["name"]),
        (&json!(["os"]), &json!("mine"))
    );
    assert_eq!(editor.run_cell(1)["result"]["error"]["type"], "NameError");
    let closed = editor.event("its end", |event| event["type"] == "session.closed");
    assert_eq!(closed["session"], before);
}

#[test]
fn a_session_that_was_closed_is_replaced_at_the_next_run() {
    let editor = Editor::python("# %%\n1\n");
    let before = editor.run_cell(0)["session"].clone();
    editor
        .call("session.close", json!({"session": before}))
        .unwrap();
    assert_ne!(editor.run_cell(0)["session"], before);
}

#[test]
fn clients_that_ask_are_told_how_executions_stand() {
    let capabilities = json!({"experimental": {"tinycode": {"executions": true}}});
    let editor = Editor::with(capabilities, json!(null), "python", "# %%\nprint('a')\n");
    let answer = editor.run_cell(0);
    let told = [0; 3].map(|_| editor.notified("tinycode/execution"));
    let states = told.each_ref().map(|told| told["state"].as_str().unwrap());
    assert_eq!(states, ["queued", "running", "done"]);
    let place = json!({"version": 1, "first_line": 0, "last_line": 1, "cell": 0});
    for told in &told {
        assert_eq!(
            (&told["uri"], &told["kind"], &told["place"]),
            (&json!(editor.uri), &json!("cell"), &place)
        );
        assert_eq!(told["execution"], told["execution"]);
    }
    assert_eq!(
        (&told[1]["step"], &told[1]["session"]),
        (&json!(1), &answer["session"])
    );
    assert_eq!(
        (&told[2]["ok"], &told[2]["answer"]),
        (&json!(true), &answer)
    );
}
