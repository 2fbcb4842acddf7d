//! The tools of a session: which there are, what they take, and the calls that wait for an answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::arguments::Takes;
use super::error::SessionError;
use super::schema::Allowance;
use super::signature;
use crate::engine::{Raise, ToolAnswer, ToolFunction};
use crate::protocol::{Tool, ToolKind};

/// Calls of one step that may wait at once.
const MAX_PENDING: usize = 1_000;
/// Bytes of arguments of one step that may wait to be looked at aside.
const MAX_ASIDE: usize = 128 << 20;
/// Tools of a session.
const MAX_TOOLS: usize = 1_000;
/// Bytes of the parameters of all tools of a session, as JSON.
const MAX_SCHEMAS: usize = 8 << 20;
/// Bytes of the parameters of tools that are registered together.
const MAX_TOGETHER: usize = 1 << 20;
/// Units of work that the patterns take in them.
const MAX_PATTERNS: u64 = 4_000;
/// Names that mean something else in the code.
const RESERVED: &[&str] = &[
    "final_answer",
    "uncertain",
    "explore",
    "commit",
    "memory",
    "store",
    "recall",
    "observe",
];
/// The words of Python that cannot be names.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];

/// The tools of a session and the calls that wait.
#[derive(Debug)]
pub struct Toolbox {
    entries: Vec<Entry>,
    /// Calls so far; each is named by its place among them, which no other process of Python's repeats.
    calls: u64,
    pending: HashMap<u64, Pending>,
    /// Calls of the step that runs which are looked at aside.
    aside: Aside,
    answers: mpsc::UnboundedSender<ToolAnswer>,
}

#[derive(Debug)]
struct Entry {
    tool: Tool,
    takes: Arc<Takes>,
    /// Cancelled when the client that runs the tool has gone.
    owner: CancellationToken,
}

/// Calls that are looked at before anybody is told of them.
#[derive(Debug, Default)]
struct Aside {
    calls: usize,
    /// Bytes of their arguments.
    bytes: usize,
    /// Set when their step has ended.
    over: Arc<AtomicBool>,
}

/// A tool that is called, as the one who looks at the arguments needs it.
#[derive(Debug)]
pub struct Called {
    /// What it takes.
    pub takes: Arc<Takes>,
    /// Cancelled when the client that runs the tool has gone.
    pub owner: CancellationToken,
    /// Set when the step has ended that made the call.
    pub over: Arc<AtomicBool>,
}

/// A call that waits for its answer.
#[derive(Debug)]
pub struct Pending {
    /// What the code calls it.
    number: u64,
    /// Watches whether the client is still there.
    watcher: Option<AbortHandle>,
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.watcher.iter().for_each(AbortHandle::abort);
    }
}

impl Toolbox {
    /// No tools yet; answers to calls go to `answers`.
    pub fn new(answers: mpsc::UnboundedSender<ToolAnswer>) -> Self {
        Self {
            entries: Vec::new(),
            calls: 0,
            pending: HashMap::new(),
            aside: Aside::default(),
            answers,
        }
    }

    /// The tools.
    pub fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.entries.iter().map(|entry| &entry.tool)
    }

    /// Adds tools that the client `owner` runs: all of them, or none. One whose client has gone may be
    /// replaced.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn add(&mut self, tools: Vec<Tool>, owner: &CancellationToken) -> Result<(), SessionError> {
        let mut fresh: Vec<Entry> = Vec::new();
        let taken: usize = self.entries.iter().map(|entry| entry.takes.bytes).sum();
        let mut allowance = Allowance {
            bytes: MAX_TOGETHER.min(MAX_SCHEMAS.saturating_sub(taken)),
            patterns: MAX_PATTERNS,
        };
        for tool in tools {
            let alive = |entry: &Entry| entry.tool.name == tool.name && !entry.owner.is_cancelled();
            if self.entries.iter().any(alive)
                || fresh.iter().any(|entry| entry.tool.name == tool.name)
            {
                return Err(wrong(format!("'{}' is there already", tool.name)));
            }
            fresh.push(entry(tool, owner, &mut allowance)?);
        }
        if self.entries.len() + fresh.len() > MAX_TOOLS {
            return Err(wrong(format!("a session has {MAX_TOOLS} tools at most")));
        }
        self.entries
            .retain(|entry| fresh.iter().all(|new| new.tool.name != entry.tool.name));
        self.entries.extend(fresh);
        Ok(())
    }

    /// The tools as Python and the model are told of them.
    pub fn functions(&self) -> Vec<ToolFunction> {
        self.tools().map(function).collect()
    }

    /// The tool that the code calls, or what is wrong with the call.
    ///
    /// # Errors
    /// What the call raises.
    pub fn called(&self, name: &str) -> Result<Called, Raise> {
        let known = self.entries.iter().find(|entry| entry.tool.name == name);
        let entry =
            known.ok_or_else(|| raise("NameError", format!("there is no tool '{name}'")))?;
        if entry.tool.kind == ToolKind::Python {
            let what =
                format!("the tool '{name}' runs beside the code, and no client is asked for it");
            return Err(raise("ToolError", what));
        }
        if entry.owner.is_cancelled() {
            return Err(client_gone(name));
        }
        if self.pending.len() + self.aside.calls >= MAX_PENDING {
            let what = format!("{MAX_PENDING} calls of tools are waiting already");
            return Err(raise("ToolError", what));
        }
        Ok(Called {
            takes: Arc::clone(&entry.takes),
            owner: entry.owner.clone(),
            over: Arc::clone(&self.aside.over),
        })
    }

    /// Notes that a call is looked at aside, if there is room for its arguments.
    ///
    /// # Errors
    /// What the call raises.
    pub fn put_aside(&mut self, weight: usize) -> Result<(), Raise> {
        if self.aside.bytes + weight > MAX_ASIDE {
            let what = "too many calls of tools with large arguments are waiting already";
            return Err(raise("ToolError", what.to_owned()));
        }
        self.aside.calls += 1;
        self.aside.bytes += weight;
        Ok(())
    }

    /// Notes that a call has been looked at; says whether its step still runs.
    pub fn take_back(&mut self, weight: usize, over: &AtomicBool) -> bool {
        if over.load(Ordering::SeqCst) {
            return false; // all have been forgotten
        }
        self.aside.calls -= 1;
        self.aside.bytes -= weight;
        true
    }

    /// Takes a call whose arguments have been looked at; returns its number in the session.
    pub fn admit(&mut self, number: u64) -> u64 {
        self.calls += 1;
        let watcher = None;
        self.pending.insert(self.calls, Pending { number, watcher });
        self.calls
    }

    /// Notes who has the call fail when the client that runs the tool goes away.
    pub fn watch(&mut self, id: u64, watcher: AbortHandle) {
        match self.pending.get_mut(&id) {
            Some(pending) => pending.watcher = Some(watcher),
            None => watcher.abort(), // it has been answered already
        }
    }

    /// Takes a call that waits, to answer it; nobody else can then.
    pub fn claim(&mut self, id: u64) -> Option<Pending> {
        self.pending.remove(&id)
    }

    /// Answers a call.
    pub fn answer(&self, call: &Pending, result: Result<Value, Raise>) {
        self.send(call.number, result);
    }

    /// Refuses a call that was not admitted.
    pub fn refuse(&self, number: u64, error: Raise) {
        self.send(number, Err(error));
    }

    fn send(&self, call: u64, result: Result<Value, Raise>) {
        let (value, error) = match result {
            Ok(value) => (value, None),
            Err(error) => (Value::Null, Some(error)),
        };
        let _ = self.answers.send(ToolAnswer { call, value, error }); // the session may have ended
    }

    /// Gives up the calls that still wait; returns their numbers in the session, in order.
    pub fn give_up(&mut self) -> Vec<u64> {
        let aside = std::mem::take(&mut self.aside);
        aside.over.store(true, Ordering::SeqCst);
        let mut given_up: Vec<u64> = self.pending.drain().map(|(id, _)| id).collect();
        given_up.sort_unstable();
        given_up
    }
}

/// What a call raises whose client has gone.
pub fn client_gone(name: &str) -> Raise {
    raise(
        "ToolError",
        format!("the client that runs the tool '{name}' has gone"),
    )
}

fn raise(kind: &str, message: String) -> Raise {
    Raise {
        kind: kind.to_owned(),
        message,
    }
}

fn wrong(message: String) -> SessionError {
    SessionError::Option {
        field: "tools",
        message,
    }
}

fn entry(
    tool: Tool,
    owner: &CancellationToken,
    allowance: &mut Allowance,
) -> Result<Entry, SessionError> {
    let name = &tool.name;
    let problem = match &tool.source {
        _ if !is_identifier(name) => Some("is not a Python identifier"),
        _ if KEYWORDS.contains(&name.as_str()) => Some("is a Python keyword"),
        _ if RESERVED.contains(&name.as_str()) || name.starts_with("__") => Some("is reserved"),
        None if tool.kind == ToolKind::Python => Some("is of kind python and needs `source`"),
        Some(_) if tool.kind == ToolKind::Client => Some("runs in the client and has no `source`"),
        _ if !tool.parameters.is_object() => {
            Some("needs `parameters` that are a JSON Schema object")
        }
        _ => None,
    };
    if let Some(problem) = problem {
        return Err(wrong(format!("'{name}' {problem}")));
    }
    let schema = &tool.parameters;
    if schema.get("type").is_some_and(|kind| kind != "object") {
        return Err(wrong(format!("'{name}' needs `parameters` of type object")));
    }
    let takes = Takes::new(&tool, allowance).map_err(|problem| {
        wrong(format!(
            "'{name}' has `parameters` that are no JSON Schema that can be checked: {problem}"
        ))
    })?;
    Ok(Entry {
        takes: Arc::new(takes),
        owner: owner.clone(),
        tool,
    })
}

fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    let starts = |first: char| first == '_' || unicode_ident::is_xid_start(first);
    characters.next().is_some_and(starts) && characters.all(unicode_ident::is_xid_continue)
}

fn function(tool: &Tool) -> ToolFunction {
    ToolFunction {
        name: tool.name.clone(),
        doc: format!("{}\n\n{}", signature::of(tool), tool.description)
            .trim_end()
            .to_owned(),
        source: tool.source.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::Call;
    use crate::session::arguments::Unfit;

    fn tool(name: &str, parameters: Value) -> Tool {
        Tool {
            name: name.to_owned(),
            description: "Adds.".to_owned(),
            parameters,
            returns: None,
            kind: ToolKind::Client,
            source: None,
        }
    }

    fn calculate() -> Tool {
        let int = json!({"type": "integer"});
        tool(
            "calculate",
            json!({"type": "object", "properties": {"x": int, "y": int}, "required": ["x", "y"]}),
        )
    }

    fn toolbox() -> Toolbox {
        Toolbox::new(mpsc::unbounded_channel().0)
    }

    #[test]
    fn names_and_schemas_that_cannot_be_are_refused() {
        let owner = CancellationToken::new();
        let any = json!({"type": "object"});
        let cases = [
            ("1x", any.clone(), "not a Python identifier"),
            ("a b", any.clone(), "not a Python identifier"),
            ("", any.clone(), "not a Python identifier"),
            ("class", any.clone(), "keyword"),
            ("final_answer", any.clone(), "reserved"),
            ("__builtins__", any.clone(), "reserved"),
            ("f", json!([]), "JSON Schema object"),
            ("f", json!({"type": "string"}), "type object"),
            (
                "f",
                json!({"type": "object", "properties": {"x": {"type": 5}}}),
                "no JSON Schema",
            ),
        ];
        for (name, parameters, expected) in cases {
            let error = toolbox()
                .add(vec![tool(name, parameters)], &owner)
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
        let mut toolbox = toolbox();
        toolbox
            .add(vec![tool("größe", any.clone())], &owner)
            .unwrap();
        assert!(
            toolbox
                .add(vec![tool("größe", any.clone())], &owner)
                .is_err(),
            "twice"
        );
        owner.cancel();
        toolbox
            .add(vec![tool("größe", any)], &CancellationToken::new())
            .unwrap();
    }

    #[test]
    fn arguments_are_checked_before_the_client_sees_them() {
        let mut toolbox = toolbox();
        toolbox
            .add(vec![calculate()], &CancellationToken::new())
            .unwrap();
        let cases = [
            (json!([1, 2]), json!({}), ""),
            (json!([1]), json!({"y": 2}), ""),
            (json!([1]), json!({}), "\"y\" is a required property"),
            (
                json!(["a", 2]),
                json!({}),
                "x: \"a\" is not of type \"integer\"",
            ),
            (
                json!([1, 2, 3]),
                json!({}),
                "takes 2 arguments, and 3 were given",
            ),
            (json!([1, 2]), json!({"x": 1}), "got two values for x"),
            (json!([1, 2]), json!({"z": 1}), "has no parameter z"),
        ];
        for (number, (args, kwargs, expected)) in (1..).zip(cases) {
            let mut call = Call {
                number,
                weight: 0,
                name: "calculate".to_owned(),
                args: args.as_array().unwrap().clone(),
                kwargs: kwargs.as_object().unwrap().clone(),
            };
            let before = call.clone();
            let called = toolbox.called("calculate").unwrap();
            let error = match called.takes.check(&mut call, 1_000, None, true) {
                Ok(()) => String::new(),
                Err(Unfit::Wrong(error)) => error.message,
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(call, before, "it is as it was");
            if error.is_empty() {
                toolbox.admit(number);
            }
            assert!(
                error.contains(expected) && (error.is_empty() == expected.is_empty()),
                "{error}"
            );
        }
        assert_eq!(toolbox.give_up().len(), 2);
    }
}
