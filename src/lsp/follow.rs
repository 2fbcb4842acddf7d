//! Reading the event log of a session while something runs in it.

use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::watch;

use crate::protocol::EventEnvelope;
use crate::session::log::{Head, Log};

/// Reads the events of a log, from one on.
#[derive(Clone)]
pub struct Reader {
    log: Arc<Log>,
    head: watch::Receiver<Head>,
    seq: u64,
}

/// A notification as it is logged.
#[derive(Deserialize)]
struct Logged {
    params: EventEnvelope,
}

impl Reader {
    /// Reads the events after `seq`.
    pub fn new(log: &Arc<Log>, seq: u64) -> Self {
        Self {
            log: Arc::clone(log),
            head: log.watch(),
            seq,
        }
    }

    /// Waits for the next events.
    pub async fn next(&mut self) -> Vec<EventEnvelope> {
        let seq = self.seq;
        let _ = self
            .head
            .wait_for(|head| head.seq > seq || head.ended)
            .await;
        self.read()
    }

    /// The events that have been logged up to now, some at a time; none at the end.
    pub fn read(&mut self) -> Vec<EventEnvelope> {
        let batch = self.log.read(self.seq).unwrap_or_default();
        self.seq = batch.last().map_or(self.seq, |(seq, _)| *seq);
        let events = batch
            .iter()
            .map(|(_, line)| serde_json::from_str::<Logged>(line));
        events.flatten().map(|logged| logged.params).collect()
    }

    /// Whether no event will come any more.
    pub fn is_at_end(&self) -> bool {
        let head = self.log.head();
        head.ended && head.seq <= self.seq
    }
}
