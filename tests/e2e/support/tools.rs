//! Tools as tests give them to sessions, and the calls that come of them.

use serde_json::{Value, json};

use super::Session;

/// A tool that the client runs.
pub fn client_tool(name: &str, parameters: Value) -> Value {
    json!({
        "name": name, "description": format!("Does {name}."), "parameters": parameters,
        "kind": "client",
    })
}

/// A tool that runs beside the code.
pub fn python_tool(name: &str, source: &str) -> Value {
    json!({
        "name": name, "description": format!("Does {name}."), "parameters": {"type": "object"},
        "kind": "python", "source": source,
    })
}

/// The schema of parameters that are integers, all of them needed.
pub fn integers(names: &[&str]) -> Value {
    let properties: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!({"type": "integer"})))
        .collect();
    json!({"type": "object", "properties": properties, "required": names})
}

/// The tool `calculate(x: int, y: int) -> int`.
pub fn calculate() -> Value {
    let mut tool = client_tool("calculate", integers(&["x", "y"]));
    tool["returns"] = json!({"type": "integer"});
    tool
}

/// What a tool returned, as `tools.result` has it.
pub fn returns(value: impl Into<Value>) -> Value {
    json!({"value": value.into()})
}

/// What a tool raised, as `tools.result` has it.
pub fn fails(kind: &str, message: &str) -> Value {
    json!({"error": {"type": kind, "message": message}})
}

impl Session<'_> {
    /// Registers tools.
    #[track_caller]
    pub fn register(&self, tools: Value) {
        let names: Vec<Value> = tools
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| tool["name"].clone())
            .collect();
        let answer = self.call("tools.register", json!({"tools": tools}));
        assert_eq!(answer, Ok(json!({"tools": names})));
    }

    /// Answers a call with what [`returns`] or [`fails`] makes.
    #[track_caller]
    pub fn answer(&self, call: &Value, mut result: Value) -> Result<Value, Value> {
        result["call"] = call["call"].clone();
        self.client.call("tools.result", result)
    }

    /// Waits for the first call of this tool.
    #[track_caller]
    pub fn tool_call(&self, name: &str) -> Value {
        self.event("tool.call", |event| event["name"] == name)
    }

    /// Runs code, and `run` for each call of a tool that it makes.
    #[track_caller]
    pub fn exec_with(&self, code: &str, run: impl FnMut(&Value) -> Value) -> Value {
        let request = self.start_exec(code);
        self.serve_tools(request, run)
    }

    /// Runs `run` for each call of a tool until a request is answered; returns its answer.
    #[track_caller]
    pub fn serve_tools(&self, request: u64, mut run: impl FnMut(&Value) -> Value) -> Value {
        let mut seen = 0;
        let mut next = || {
            self.client
                .event_before_answer(request, &mut seen, |event| {
                    event["session"] == self.id.as_str() && event["type"] == "tool.call"
                })
        };
        let done = self.done_calls();
        while let Some(call) = next() {
            if done.contains(&call["call"]) {
                continue; // of an earlier request
            }
            assert_eq!(self.answer(&call, run(&call)), Ok(json!({})), "{call:.500}");
        }
        self.client.wait(request).unwrap()
    }

    /// The calls that have been answered or given up.
    pub fn done_calls(&self) -> Vec<Value> {
        let events = self.events();
        let done = events.iter().filter(|event| event["type"] == "tool.done");
        done.map(|event| event["call"].clone()).collect()
    }

    /// Whether each call that is over was answered with a value, in their order.
    pub fn calls_ok(&self) -> Vec<bool> {
        let events = self.events();
        let done = events.iter().filter(|event| event["type"] == "tool.done");
        done.map(|event| event["ok"].as_bool().unwrap()).collect()
    }
}
