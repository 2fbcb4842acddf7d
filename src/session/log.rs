//! The events of a session, numbered, from the first to the last.
//!
//! Every attached client reads the log at its own pace from the number it has seen, so a slow one
//! costs no memory and holds nobody up. The latest events are in memory; older ones go to an unnamed
//! temporary file, of which the oldest part is dropped when it grows beyond its bound.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

use crate::agent::now;
use crate::protocol::{Event, EventEnvelope};

/// Bytes of events that are held in memory.
const IN_MEMORY: usize = 256 << 10;
/// Bytes of a segment of the file; two are kept.
const SEGMENT: u64 = 32 << 20;

/// The log of one session.
#[derive(Debug)]
pub struct Log {
    session: String,
    entries: Mutex<Entries>,
    head: watch::Sender<Head>,
}

/// How far a log has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Number of the latest event; 0 before the first.
    pub seq: u64,
    /// Whether no event will follow.
    pub ended: bool,
}

/// An event as it was logged.
#[derive(Clone, Copy, Debug)]
pub struct Logged {
    /// Its number.
    pub seq: u64,
    /// When, in seconds since 1970.
    pub time: f64,
}

/// The notification `event`, ready to send.
#[derive(Serialize)]
struct Notification {
    jsonrpc: &'static str,
    method: &'static str,
    params: EventEnvelope,
}

#[derive(Debug, Default)]
struct Entries {
    latest: VecDeque<(u64, Arc<str>)>,
    bytes: usize,
    older: VecDeque<Segment>,
}

impl Log {
    /// An empty log for the session of this id.
    #[must_use]
    pub fn new(session: &str) -> Self {
        Self {
            session: session.to_owned(),
            entries: Mutex::default(),
            head: watch::Sender::default(),
        }
    }

    /// The session's id.
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session
    }

    /// Adds an event. After the end of the log nothing is added.
    pub fn append(&self, event: Event) -> Logged {
        let ends = matches!(event, Event::SessionClosed { .. });
        let mut entries = self.entries();
        let head = *self.head.borrow();
        let time = now();
        if head.ended {
            return Logged {
                seq: head.seq,
                time,
            };
        }
        let seq = head.seq + 1;
        let params = EventEnvelope {
            session: self.session.clone(),
            seq,
            time,
            event,
        };
        let notification = Notification {
            jsonrpc: "2.0",
            method: "event",
            params,
        };
        // Made of strings, numbers and JSON values, which always serialise.
        let line = serde_json::to_string(&notification).unwrap_or_default();
        entries.push(seq, line.into());
        self.head.send_replace(Head { seq, ended: ends });
        Logged { seq, time }
    }

    /// How far the log has come.
    #[must_use]
    pub fn head(&self) -> Head {
        *self.head.borrow()
    }

    /// Tells when the log goes on.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    /// Number of the oldest event that is kept; one more than the latest where none is.
    #[must_use]
    pub fn oldest(&self) -> u64 {
        let entries = self.entries();
        let on_disk = entries.older.front().map(|segment| segment.first);
        let in_memory = entries.latest.front().map(|(seq, _)| *seq);
        on_disk.or(in_memory).unwrap_or(self.head().seq + 1)
    }

    /// The next events after number `after`, as notifications ready to send: a few at a time.
    ///
    /// # Errors
    /// When older events cannot be read back from disk.
    pub fn read(&self, after: u64) -> io::Result<Vec<(u64, Arc<str>)>> {
        let entries = self.entries();
        let first = entries.latest.front().map_or(u64::MAX, |(seq, _)| *seq);
        if after + 1 < first
            && let Some(segment) = entries
                .older
                .iter()
                .rfind(|segment| segment.first <= after + 1)
        {
            return segment.read(after + 1);
        }
        let skip = usize::try_from((after + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let batch = entries.latest.iter().skip(skip).take_while(|(_, line)| {
            let more = bytes < SEGMENT_READ;
            bytes += line.len();
            more
        });
        Ok(batch.cloned().collect())
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn push(&mut self, seq: u64, line: Arc<str>) {
        self.bytes += line.len();
        self.latest.push_back((seq, line));
        while self.bytes > IN_MEMORY && self.latest.len() > 1 {
            if let Some((seq, line)) = self.latest.pop_front() {
                self.bytes -= line.len();
                self.move_to_disk(seq, &line);
            }
        }
    }

    fn move_to_disk(&mut self, seq: u64, line: &str) {
        if self
            .older
            .back()
            .is_none_or(|segment| segment.bytes >= SEGMENT)
        {
            match tempfile::tempfile() {
                Ok(file) => self.older.push_back(Segment::new(file, seq)),
                Err(error) => return self.lose_older(&error),
            }
            if self.older.len() > 2 {
                self.older.pop_front();
            }
        }
        let written = self
            .older
            .back_mut()
            .map_or(Ok(()), |segment| segment.write(line));
        if let Err(error) = written {
            self.lose_older(&error);
        }
    }

    /// A full disk costs the oldest events, never the session.
    fn lose_older(&mut self, error: &io::Error) {
        tracing::warn!("older events of a session are not kept: {error}");
        self.older.clear();
    }
}

/// Bytes of events that one `read` hands out at most, but for the last of them.
const SEGMENT_READ: usize = 64 << 10;

/// A part of the log on disk: events without a gap, one after the other.
#[derive(Debug)]
struct Segment {
    file: File,
    first: u64,
    bytes: u64,
    /// Where each event ends.
    ends: Vec<u64>,
}

impl Segment {
    const fn new(file: File, first: u64) -> Self {
        Self {
            file,
            first,
            bytes: 0,
            ends: Vec::new(),
        }
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        self.file.write_all(line.as_bytes())?;
        self.bytes += line.len() as u64;
        self.ends.push(self.bytes);
        Ok(())
    }

    fn read(&self, from: u64) -> io::Result<Vec<(u64, Arc<str>)>> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let skipped = usize::try_from(from - self.first).unwrap_or(usize::MAX);
        let mut start = skipped.checked_sub(1).map_or(0, |before| self.ends[before]);
        for (seq, end) in (from..).zip(self.ends.iter().skip(skipped)) {
            let mut line = vec![0; usize::try_from(end - start).unwrap_or(0)];
            self.file.read_exact_at(&mut line, start)?;
            bytes += line.len();
            batch.push((seq, String::from_utf8_lossy(&line).into()));
            start = *end;
            if bytes >= SEGMENT_READ {
                break;
            }
        }
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Event {
        Event::Stdout {
            step: 1,
            text: text.to_owned(),
            background: false,
        }
    }

    fn read_all(log: &Log, mut after: u64) -> Vec<u64> {
        let mut seen = Vec::new();
        loop {
            let batch = log.read(after).unwrap();
            let Some((last, _)) = batch.last() else {
                return seen;
            };
            after = *last;
            for (seq, line) in batch {
                assert!(line.contains(&format!("\"seq\":{seq},")), "{line:.100}");
                seen.push(seq);
            }
        }
    }

    #[test]
    fn every_event_is_read_back_once_in_order_from_memory_and_disk() {
        let log = Log::new("s");
        let text = "x".repeat(10_000);
        for _ in 0..300 {
            log.append(event(&text));
        }
        assert!(log.entries().older.len() == 1, "most of it is on disk");
        for after in [0, 1, 137, 270, 290, 299, 300] {
            assert_eq!(read_all(&log, after), (after + 1..=300).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_oldest_events_go_when_the_log_is_full() {
        let log = Log::new("s");
        let text = "x".repeat(1 << 20);
        for _ in 0..120 {
            log.append(event(&text));
        }
        let oldest = log.oldest();
        assert!(oldest > 1 && oldest < 100, "{oldest}");
        assert_eq!(
            read_all(&log, oldest - 1),
            (oldest..=120).collect::<Vec<_>>()
        );
    }

    #[test]
    fn nothing_follows_the_end() {
        let log = Log::new("s");
        log.append(Event::SessionClosed {
            reason: "test".to_owned(),
        });
        log.append(event("late"));
        assert_eq!(
            log.head(),
            Head {
                seq: 1,
                ended: true
            }
        );
        assert_eq!(read_all(&log, 0), [1]);
    }
}
