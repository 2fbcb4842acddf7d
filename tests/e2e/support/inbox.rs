//! What a connection has received, sorted, and waited for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use super::deadline;

/// The next message of a connection; `None` at its end, an error where it breaks the protocol.
pub type Source = Box<dyn FnMut() -> Result<Option<String>, String> + Send>;

/// What came, and whether more can come.
#[derive(Debug, Default)]
pub struct Received {
    /// Answers nobody has waited for yet, by the text of their ids.
    pub answers: BTreeMap<String, Value>,
    /// Events, in the order in which they came.
    pub events: Vec<Value>,
    /// Everything else, such as answers with the id null.
    pub others: VecDeque<Value>,
    /// How the connection ended.
    pub end: Option<Result<(), String>>,
}

/// Filled by a thread, read by the test.
#[derive(Clone, Debug, Default)]
pub struct Inbox(Arc<(Mutex<Received>, Condvar)>);

impl Inbox {
    /// Reads `source` to its end in the background.
    pub fn fill(mut source: Source) -> Self {
        let inbox = Self::default();
        let filled = inbox.clone();
        thread::spawn(move || {
            let end = loop {
                match source() {
                    Ok(Some(text)) => {
                        if let Err(what) = filled.take(&text) {
                            break Err(what);
                        }
                    }
                    Ok(None) => break Ok(()),
                    Err(what) => break Err(what),
                }
            };
            filled.received().end = Some(end);
            filled.0.1.notify_all();
        });
        inbox
    }

    fn take(&self, text: &str) -> Result<(), String> {
        let message: Value =
            serde_json::from_str(text).map_err(|error| format!("no JSON: {error}: {text:.300}"))?;
        if message["jsonrpc"] != "2.0" {
            return Err(format!("no JSON-RPC 2.0: {text:.300}"));
        }
        let mut received = self.received();
        let id = &message["id"];
        if message["method"] == "event" {
            received.events.push(message["params"].clone());
        } else if message.get("method").is_none() && !id.is_null() {
            let id = id.to_string();
            if received.answers.insert(id.clone(), message).is_some() {
                return Err(format!("request {id} was answered twice"));
            }
        } else {
            received.others.push_back(message);
        }
        drop(received);
        self.0.1.notify_all();
        Ok(())
    }

    /// What came so far.
    pub fn received(&self) -> MutexGuard<'_, Received> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `find` finds something.
    #[track_caller]
    pub fn wait<T>(&self, what: &str, mut find: impl FnMut(&mut Received) -> Option<T>) -> T {
        let start = Instant::now();
        let mut received = self.received();
        loop {
            if let Some(found) = find(&mut received) {
                return found;
            }
            let left = deadline().saturating_sub(start.elapsed());
            let ended = received.end.is_some();
            assert!(
                !ended,
                "{what} never came, the connection ended: {received:.2000?}"
            );
            assert!(!left.is_zero(), "{what} never came: {received:.2000?}");
            let waited = self.0.1.wait_timeout(received, left);
            received = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the end of the connection, and asserts that it broke no rule up to there.
    #[track_caller]
    pub fn wait_for_end(&self) {
        let start = Instant::now();
        let mut received = self.received();
        while received.end.is_none() {
            let left = deadline().saturating_sub(start.elapsed());
            assert!(!left.is_zero(), "the connection does not end");
            let waited = self.0.1.wait_timeout(received, left);
            received = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        assert_eq!(received.end, Some(Ok(())));
    }
}
