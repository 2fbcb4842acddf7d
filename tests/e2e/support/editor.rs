//! An editor: a client that knows LSP, with one document.

use serde_json::{Value, json};

use super::{Client, Daemon, Options};

/// An editor with a daemon of its own and one document open.
pub struct Editor {
    pub daemon: Daemon,
    pub uri: String,
    pub version: std::cell::Cell<u64>,
}

impl Editor {
    /// An editor that can do nothing beyond what all can, with a Python file.
    #[track_caller]
    pub fn python(text: &str) -> Self {
        Self::with(json!({}), json!(null), "python", text)
    }

    /// An editor with a Python file whose tasks go to this model.
    #[track_caller]
    pub fn with_model(capabilities: Value, model: &super::Model, text: &str) -> Self {
        let options = json!({"session": model.options()});
        Self::with(capabilities, options, "python", text)
    }

    /// An editor that has these capabilities and options.
    #[track_caller]
    pub fn with(capabilities: Value, options: Value, language: &str, text: &str) -> Self {
        let daemon = Options::default().uninitialized().start();
        let folder = daemon.folder();
        let root = format!("file://{}", folder.display());
        daemon.initialize_editor(json!({
            "processId": null, "capabilities": capabilities, "initializationOptions": options,
            "workspaceFolders": [{"uri": root, "name": "work"}],
        }));
        let uri = format!("{root}/document");
        let editor = Self {
            daemon,
            uri,
            version: std::cell::Cell::new(1),
        };
        editor.open(language, text);
        editor
    }

    /// Opens the document.
    pub fn open(&self, language: &str, text: &str) {
        let item = json!({"uri": self.uri, "languageId": language, "version": 1, "text": text});
        self.daemon
            .notify("textDocument/didOpen", json!({"textDocument": item}));
    }

    /// Closes the document.
    pub fn close(&self) {
        let document = json!({"uri": self.uri});
        self.daemon
            .notify("textDocument/didClose", json!({"textDocument": document}));
    }

    /// Replaces what is between two positions.
    pub fn edit(&self, [line, column, end_line, end_column]: [u64; 4], text: &str) {
        let start = json!({"line": line, "character": column});
        let end = json!({"line": end_line, "character": end_column});
        self.change(json!([{"range": {"start": start, "end": end}, "text": text}]));
    }

    /// Sends changes.
    pub fn change(&self, changes: Value) {
        self.version.set(self.version.get() + 1);
        let document = json!({"uri": self.uri, "version": self.version.get()});
        let params = json!({"textDocument": document, "contentChanges": changes});
        self.daemon.notify("textDocument/didChange", params);
    }

    /// Asks something of the document.
    #[track_caller]
    pub fn ask(&self, method: &str, mut params: Value) -> Value {
        params["textDocument"] = json!({"uri": self.uri});
        self.daemon.call(method, params).unwrap()
    }

    /// Sends a command about the document.
    pub fn start(&self, command: &str, mut arguments: Value) -> u64 {
        arguments["uri"] = json!(self.uri);
        let params = json!({"command": command, "arguments": [arguments]});
        self.daemon.start("workspace/executeCommand", params)
    }

    /// Executes a command about the document.
    #[track_caller]
    pub fn execute(&self, command: &str, arguments: Value) -> Result<Value, Value> {
        let id = self.start(command, arguments);
        self.daemon.wait(id)
    }

    /// Runs a cell; what its request is answered.
    #[track_caller]
    pub fn run_cell(&self, cell: u64) -> Value {
        self.execute("tinycode.runCell", json!({"cell": cell}))
            .unwrap()
    }

    /// The inlay hints of the whole document.
    #[track_caller]
    pub fn hints(&self) -> Vec<Value> {
        let range = lines(0, 1_000_000);
        let hints = self.ask("textDocument/inlayHint", json!({"range": range}));
        hints.as_array().unwrap().clone()
    }

    /// The hints as `line:column label`.
    #[track_caller]
    pub fn hint_texts(&self) -> Vec<String> {
        text_of_hints(&self.hints())
    }

    /// The lenses as `line title`.
    #[track_caller]
    pub fn lenses(&self) -> Vec<String> {
        let lenses = self.ask("textDocument/codeLens", json!({}));
        let lenses = lenses.as_array().unwrap().iter();
        let texts = lenses.map(|lens| {
            let title = lens["command"]["title"].as_str().unwrap();
            format!("{} {title}", lens["range"]["start"]["line"])
        });
        texts.collect()
    }

    /// The code actions at a line.
    #[track_caller]
    pub fn actions(&self, line: u64) -> Vec<Value> {
        let params = json!({"range": lines(line, line), "context": {"diagnostics": []}});
        let actions = self.ask("textDocument/codeAction", params);
        actions.as_array().unwrap().clone()
    }

    /// What hovering over a line shows.
    #[track_caller]
    pub fn hover(&self, line: u64) -> Option<String> {
        let params = json!({"position": {"line": line, "character": 0}});
        let hover = self.ask("textDocument/hover", params);
        hover["contents"]["value"].as_str().map(str::to_owned)
    }

    /// Waits for the next diagnostics that are sent.
    #[track_caller]
    pub fn published(&self) -> Vec<Value> {
        let message = self.notified("textDocument/publishDiagnostics");
        message["diagnostics"].as_array().unwrap().clone()
    }

    /// Waits for the next message of this method; its params.
    #[track_caller]
    pub fn notified(&self, method: &str) -> Value {
        let mut message = self
            .daemon
            .other_like(method, |other| other["method"] == method);
        message["params"].take()
    }

    /// Waits for the next request of this method, and answers it; its params.
    #[track_caller]
    pub fn answer(&self, method: &str) -> Value {
        let mut request = self
            .daemon
            .other_like(method, |other| other["method"] == method);
        let answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": null});
        self.daemon.send(&answer);
        request["params"].take()
    }

    /// The id of the document's session.
    #[track_caller]
    pub fn session(&self) -> String {
        let info = self
            .execute("tinycode.session", json!({"open": true}))
            .unwrap();
        info["session"].as_str().unwrap().to_owned()
    }
}

impl std::ops::Deref for Editor {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.daemon
    }
}

/// The range from the start of one line to the start of another.
pub fn lines(first: u64, last: u64) -> Value {
    let start = json!({"line": first, "character": 0});
    json!({"start": start, "end": {"line": last, "character": 0}})
}

/// Hints as `line:column label`.
pub fn text_of_hints(hints: &[Value]) -> Vec<String> {
    let texts = hints.iter().map(|hint| {
        let (line, column) = (&hint["position"]["line"], &hint["position"]["character"]);
        format!("{line}:{column} {}", hint["label"].as_str().unwrap())
    });
    texts.collect()
}
