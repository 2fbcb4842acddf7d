//! A session as the tests use it.

use serde_json::{Value, json};

use super::{Client, Daemon, numbers, outside};

/// A session, on the connection that created it or one that knows of it.
pub struct Session<'a> {
    pub client: &'a Client,
    pub id: String,
}

impl Session<'_> {
    /// Calls a method with this session among its parameters.
    #[track_caller]
    pub fn call(&self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.start(method, params);
        self.client.wait(id)
    }

    /// Sends such a request.
    pub fn start(&self, method: &str, mut params: Value) -> u64 {
        params["session"] = json!(self.id);
        self.client.start(method, params)
    }

    /// Sends code to run.
    pub fn start_exec(&self, code: &str) -> u64 {
        self.start("exec", json!({"code": code}))
    }

    /// Runs code.
    #[track_caller]
    pub fn exec(&self, code: &str) -> Value {
        self.call("exec", json!({"code": code})).unwrap()
    }

    /// Runs code until it has printed this, and interrupts it; its result.
    #[track_caller]
    pub fn interrupted(&self, code: &str, printed: &str) -> Value {
        let running = self.start_exec(code);
        self.until_printed(printed);
        assert_eq!(
            self.call("interrupt", json!({})),
            Ok(json!({"interrupted": true}))
        );
        self.client.wait(running).unwrap()
    }

    /// Runs code that prints, and nothing else; returns what it printed.
    #[track_caller]
    pub fn printed(&self, code: &str) -> String {
        let result = self.exec(code);
        assert_eq!(result["error"], Value::Null, "{result}");
        result["output"].as_str().unwrap().to_owned()
    }

    /// Runs code and compares the whole result with one in which nothing happened but `wanted`.
    #[track_caller]
    pub fn check(&self, code: &str, wanted: Value) {
        let result = self.exec(code);
        let step = result["step"].clone();
        let mut wanted = exec_result(wanted);
        wanted["step"] = step;
        assert_eq!(without_times(&result), wanted, "{code}");
    }

    /// The error of running code, without the rest of the result, which is as ever.
    #[track_caller]
    pub fn error_of(&self, code: &str) -> Value {
        let result = self.exec(code);
        assert_eq!(result["state"], "kept", "{result}");
        assert_eq!(result["value"], Value::Null, "{result}");
        assert_eq!(result["is_final"], false, "{result}");
        result["error"].clone()
    }

    /// Asserts that the session still serves.
    #[track_caller]
    pub fn assert_usable(&self) {
        self.check("print(6 * 7)", json!({"output": "42\n"}));
    }

    /// The names of the checkpoints, oldest first; that of the latest step is among them.
    #[track_caller]
    pub fn checkpoints(&self) -> Vec<String> {
        let answer = self.call("session.checkpoints", json!({})).unwrap();
        let list = answer["checkpoints"].as_array().unwrap();
        let names = list.iter().map(|one| one["checkpoint"].as_str().unwrap());
        names.map(str::to_owned).collect()
    }

    /// Runs code without an error; the name of the checkpoint after it.
    #[track_caller]
    pub fn keep(&self, code: &str) -> String {
        self.printed(code);
        self.checkpoints().pop().unwrap()
    }

    /// Goes back to a checkpoint.
    #[track_caller]
    pub fn rewind(&self, checkpoint: &str) -> Value {
        let params = json!({"checkpoint": checkpoint});
        self.call("session.rewind", params).unwrap()
    }

    /// Runs code that prints the numbers of its processes; the processes.
    #[track_caller]
    pub fn processes(&self, daemon: &Daemon, code: &str) -> Vec<u64> {
        outside(daemon.pid(), &numbers(&self.printed(code)), &[])
    }

    /// The events that have come so far.
    pub fn events(&self) -> Vec<Value> {
        self.client.events(&self.id)
    }

    /// The types of the events that have come so far.
    pub fn event_types(&self) -> Vec<String> {
        let events = self.events();
        let types = events.iter().map(|event| event["type"].as_str().unwrap());
        types.map(str::to_owned).collect()
    }

    /// Waits for an event of this type that `wanted` wants.
    #[track_caller]
    pub fn event(&self, kind: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        self.client.event(&format!("the event {kind}"), |event| {
            event["session"] == self.id.as_str() && event["type"] == kind && wanted(event)
        })
    }

    /// Waits until the code has printed this, while it runs on.
    #[track_caller]
    pub fn until_printed(&self, text: &str) {
        self.event("stdout", |event| {
            event["text"].as_str().unwrap().contains(text)
        });
    }
}

/// The result of a step in which nothing happened but `changes`.
pub fn exec_result(changes: Value) -> Value {
    let mut result = json!({
        "step": 1, "output": "", "stderr": "", "output_truncated": false, "value": null,
        "is_final": false, "final_value": null, "error": null, "timeout": false,
        "interrupted": false, "signals": [], "display": [], "state": "kept",
    });
    for (name, value) in changes.as_object().unwrap() {
        assert!(result.get(name).is_some(), "results have no field {name}");
        result[name] = value.clone();
    }
    result
}

/// The value without the fields, at any depth, that differ from run to run: they must be numbers.
pub fn without_times(value: &Value) -> Value {
    const TIMES: &[&str] = &[
        "duration_ms",
        "duration_seconds",
        "time",
        "timestamp",
        "created",
    ];
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, value)| {
                let is_time = TIMES.contains(&name.as_str());
                assert!(!is_time || value.as_f64().is_some_and(|time| time >= 0.0));
                !is_time
            });
            kept.map(|(name, value)| (name.clone(), without_times(value)))
                .collect()
        }
        Value::Array(items) => items.iter().map(without_times).collect(),
        other => other.clone(),
    }
}
