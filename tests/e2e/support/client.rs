//! A client of the daemon, over any of its transports.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::Session;
use super::inbox::{Inbox, Source};
use super::wires::Sink;

/// One connection. Dropping it asserts that nothing came that nobody waited for.
pub struct Client {
    sink: Mutex<Sink>,
    inbox: Inbox,
    next_id: AtomicU64,
    /// Sessions whose events may come twice or with gaps, since the test has attached by itself.
    attached: Mutex<BTreeSet<String>>,
    /// Requests whose answers the test does not want.
    forgotten: Mutex<BTreeSet<String>>,
    /// Whether it is an editor, which is told things that a test need not wait for.
    is_editor: AtomicBool,
}

impl Client {
    pub fn new(sink: Sink, source: Source) -> Self {
        Self {
            sink: Mutex::new(sink),
            inbox: Inbox::fill(source),
            next_id: AtomicU64::new(1),
            attached: Mutex::default(),
            forgotten: Mutex::default(),
            is_editor: AtomicBool::new(false),
        }
    }

    /// Sends a request and waits for its answer.
    #[track_caller]
    pub fn call(&self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.start(method, params);
        self.wait(id)
    }

    /// Sends a request. Its answer has to be waited for, or forgotten.
    pub fn start(&self, method: &str, params: Value) -> u64 {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        if method == "session.attach" || method == "session.detach" {
            let session = params["session"].as_str().unwrap_or_default().to_owned();
            self.attached.lock().unwrap().insert(session);
        }
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    /// Waits for the answer to a request.
    #[track_caller]
    pub fn wait(&self, id: u64) -> Result<Value, Value> {
        self.wait_for_id(&json!(id))
    }

    /// Waits for the answer to a request that has any id.
    #[track_caller]
    pub fn wait_for_id(&self, id: &Value) -> Result<Value, Value> {
        let id = id.to_string();
        let what = format!("the answer to request {id}");
        let mut answer = self
            .inbox
            .wait(&what, |received| received.answers.remove(&id));
        match (answer.get("result"), answer.get("error")) {
            (Some(_), None) => Ok(answer["result"].take()),
            (None, Some(_)) => Err(answer["error"].take()),
            _ => panic!("neither result nor error: {answer}"),
        }
    }

    /// Whether the answer to a request has come.
    pub fn has_answer(&self, id: u64) -> bool {
        self.inbox
            .received()
            .answers
            .contains_key(&json!(id).to_string())
    }

    /// Gives up waiting for the answer to a request, which may come or not.
    pub fn forget(&self, id: u64) {
        self.forgotten.lock().unwrap().insert(json!(id).to_string());
    }

    /// Sends a notification.
    pub fn notify(&self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Cancels a request.
    pub fn cancel(&self, id: u64) {
        self.notify("$/cancelRequest", json!({"id": id}));
    }

    /// Sends a message as it is.
    pub fn send(&self, message: &Value) {
        self.sink.lock().unwrap().send(&message.to_string());
    }

    /// Sends a message that may be none.
    pub fn send_text(&self, text: &str) {
        self.sink.lock().unwrap().send(text);
    }

    /// Waits for the next answer that nobody waits for, whatever its id.
    #[track_caller]
    pub fn next_answer(&self) -> Result<Value, Value> {
        let answer = self.inbox.wait("an answer", |received| {
            let named = received.answers.pop_first().map(|(_, answer)| answer);
            named.or_else(|| received.others.pop_front())
        });
        answer
            .get("result")
            .cloned()
            .ok_or_else(|| answer["error"].clone())
    }

    /// Sends bytes as they are.
    pub fn send_bytes(&self, bytes: &[u8]) {
        self.sink.lock().unwrap().send_bytes(bytes);
    }

    /// Begins the life cycle as an editor that is like this.
    #[track_caller]
    pub fn initialize_editor(&self, params: Value) -> Value {
        self.is_editor.store(true, Ordering::Relaxed);
        let result = self.call("initialize", params).unwrap();
        self.notify("initialized", json!({}));
        result
    }

    /// Begins the life cycle.
    pub fn initialize(&self) -> Value {
        let params = json!({"processId": null, "rootUri": null, "capabilities": {}});
        let result = self.call("initialize", params).unwrap();
        self.notify("initialized", json!({}));
        result
    }

    /// Creates an isolated session with these further options.
    #[track_caller]
    pub fn session(&self, options: Value) -> Session<'_> {
        self.session_at("isolated", options)
    }

    /// Creates a session of this trust level with these further options.
    #[track_caller]
    pub fn session_at(&self, level: &str, mut options: Value) -> Session<'_> {
        options["trust_level"] = json!(level);
        let info = self.call("session.create", options).unwrap();
        let id = info["session"].as_str().unwrap().to_owned();
        Session { client: self, id }
    }

    /// Waits for an event.
    #[track_caller]
    pub fn event(&self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        self.inbox.wait(what, |received| {
            let found = received.events.iter().find(|event| wanted(event));
            found.cloned()
        })
    }

    /// Waits for the next event after those `seen`, or the answer to a request, which comes after the
    /// events before it: then there is none.
    #[track_caller]
    pub fn event_before_answer(
        &self,
        id: u64,
        seen: &mut usize,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Option<Value> {
        let id = json!(id).to_string();
        self.inbox.wait("an event, or an answer", |received| {
            let fresh = received.events.get(*seen..).unwrap_or_default();
            let found = fresh.iter().position(&mut wanted);
            *seen = found.map_or(received.events.len(), |at| *seen + at + 1);
            match found {
                Some(_) => Some(received.events.get(*seen - 1).cloned()),
                None => received.answers.contains_key(&id).then_some(None),
            }
        })
    }

    /// The events of a session that have come so far.
    pub fn events(&self, session: &str) -> Vec<Value> {
        let received = self.inbox.received();
        let events = received.events.iter();
        let events = events.filter(|event| event["session"] == session);
        events.cloned().collect()
    }

    /// Waits for a message that is neither an answer to a request nor an event.
    #[track_caller]
    pub fn other(&self) -> Value {
        let what = "a message beside answers and events";
        self.inbox
            .wait(what, |received| received.others.pop_front())
    }

    /// Waits for such a message that `wanted` wants; others stay where they are.
    #[track_caller]
    pub fn other_like(&self, what: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        self.inbox.wait(what, |received| {
            let at = received.others.iter().position(&mut wanted)?;
            received.others.remove(at)
        })
    }

    /// How many such messages have come that `wanted` wants.
    pub fn count_others(&self, mut wanted: impl FnMut(&Value) -> bool) -> usize {
        let received = self.inbox.received();
        received.others.iter().filter(|other| wanted(other)).count()
    }

    /// Takes such a message if one has come.
    pub fn take_other(&self) -> Option<Value> {
        self.inbox.received().others.pop_front()
    }

    /// Waits for an answer that has the id null, which is an error; returns it.
    #[track_caller]
    pub fn nameless_error(&self) -> Result<Value, Value> {
        let mut answer = self.other();
        assert_eq!(answer["id"], Value::Null, "{answer}");
        assert!(answer.get("error").is_some(), "{answer}");
        Err(answer["error"].take())
    }

    /// Ends the connection as a client that is gone does.
    pub fn close(&self) {
        self.sink.lock().unwrap().close();
    }

    /// Waits until the daemon has ended the connection; it held nothing against the protocol.
    #[track_caller]
    pub fn wait_for_end(&self) {
        self.inbox.wait_for_end();
    }

    /// Asserts that nothing came that nobody waited for, and that no event is missing.
    pub fn assert_nothing_left(&self) {
        let received = self.inbox.received();
        let forgotten = self.forgotten.lock().unwrap();
        let mut answers = received.answers.iter();
        let unread = answers.find(|(id, _)| !forgotten.contains(*id));
        assert_eq!(unread, None, "an answer was not waited for");
        let all_read = received.others.is_empty() || self.is_editor.load(Ordering::Relaxed);
        assert!(all_read, "unread: {:?}", received.others);
        if let Some(Err(what)) = &received.end {
            panic!("the daemon broke the protocol: {what}");
        }
        let attached = self.attached.lock().unwrap();
        let mut latest = BTreeMap::new();
        for event in &received.events {
            let session = event["session"].as_str().unwrap();
            let seq = event["seq"].as_u64().unwrap();
            let before = latest.insert(session, seq).unwrap_or(0);
            // An editor is attached to the sessions of its documents, which others may have begun.
            let joins = before == 0 && self.is_editor.load(Ordering::Relaxed);
            let in_order = joins || attached.contains(session) || seq == before + 1;
            assert!(in_order, "event {seq} of {session} came after {before}");
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.assert_nothing_left();
        }
        self.close();
    }
}
