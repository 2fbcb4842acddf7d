//! A client's connection: the sessions whose events it is sent, and how far it has been sent them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::protocol::{Error, ErrorKind};
use crate::session::Session;
use crate::session::log::Log;

/// Takes messages to a client, in order.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Sends a whole JSON-RPC message; waits while the client is slow. False when it is gone.
    async fn send(&self, message: Arc<str>) -> bool;
}

/// A client's connection.
pub struct Connection {
    /// None where the transport cannot send events.
    outbox: Option<Arc<dyn Outbox>>,
    attached: Mutex<HashMap<String, Attachment>>,
    gone: CancellationToken,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.gone.cancel();
    }
}

/// Events of one session on their way to the client. Dropping it ends them.
struct Attachment {
    pump: AbortHandle,
    /// Number of the latest event that was sent.
    sent: watch::Receiver<u64>,
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

impl Connection {
    /// A connection that events are sent to by `outbox`, if it can be sent any.
    #[must_use]
    pub fn new(outbox: Option<Arc<dyn Outbox>>) -> Arc<Self> {
        Arc::new(Self {
            outbox,
            attached: Mutex::default(),
            gone: CancellationToken::new(),
        })
    }

    /// Whether the client can be sent events.
    #[must_use]
    pub const fn gets_events(&self) -> bool {
        self.outbox.is_some()
    }

    /// Cancelled when the client has gone.
    #[must_use]
    pub const fn gone(&self) -> &CancellationToken {
        &self.gone
    }

    /// The client has gone: it is sent nothing more, and the tools that it runs fail. Its requests may
    /// still hold on to the connection.
    pub fn close(&self) {
        self.gone.cancel();
        self.attached().clear();
    }

    /// Sends the client the session's events after `since`; from now on where it is not given.
    ///
    /// # Errors
    /// When the transport cannot send events, or those after `since` are no longer kept.
    pub fn attach(&self, session: &Session, since: Option<u64>) -> Result<u64, Error> {
        let Some(outbox) = &self.outbox else {
            let message = "events cannot be sent over plain HTTP";
            return Err(Error::new(ErrorKind::InvalidRequest, message).hint("connect by WebSocket"));
        };
        let log = session.log();
        let head = log.head().seq;
        let since = since.unwrap_or(head).min(head);
        if since + 1 < log.oldest() {
            let oldest = log.oldest() - 1;
            let message = format!("since: events up to {oldest} are no longer kept");
            return Err(
                super::error::params(&message).hint(format!("attach with since >= {oldest}"))
            );
        }
        let (sent, sent_watch) = watch::channel(since);
        let pump = tokio::spawn(pump(Arc::clone(log), since, Arc::clone(outbox), sent));
        let attachment = Attachment {
            pump: pump.abort_handle(),
            sent: sent_watch,
        };
        let mut attached = self.attached();
        attached.retain(|_, other| !other.pump.is_finished()); // those of sessions that have ended
        attached.insert(session.id.clone(), attachment);
        Ok(head)
    }

    /// Sends the client a whole JSON-RPC message, if it can be sent any; waits while the client is slow.
    pub async fn send(&self, message: Arc<str>) {
        if let Some(outbox) = &self.outbox {
            outbox.send(message).await;
        }
    }

    /// Stops sending the session's events.
    pub fn detach(&self, session: &str) {
        self.attached().remove(session);
    }

    /// Waits until the client has been sent the session's events up to now, if it is attached: so
    /// that an answer comes after the events of what it answers.
    pub async fn flush(&self, session: &Session) {
        let head = session.log().head().seq;
        let sent = self
            .attached()
            .get(&session.id)
            .map(|attachment| attachment.sent.clone());
        if let Some(mut sent) = sent {
            let _ = sent.wait_for(|seq| *seq >= head).await;
        }
    }

    fn attached(&self) -> MutexGuard<'_, HashMap<String, Attachment>> {
        self.attached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends the events of a log as they come, at the pace of the client.
async fn pump(log: Arc<Log>, mut seq: u64, outbox: Arc<dyn Outbox>, sent: watch::Sender<u64>) {
    let mut head = log.watch();
    loop {
        let batch = match log.read(seq) {
            Ok(batch) => batch,
            Err(error) => return tracing::warn!("events cannot be read back: {error}"),
        };
        for (number, message) in &batch {
            if *number != seq + 1 || !outbox.send(Arc::clone(message)).await {
                return; // the client is gone, or so slow that its next events are not kept any more
            }
            seq = *number;
            sent.send_replace(seq);
        }
        let reached = head.borrow_and_update().seq <= seq;
        if reached && (head.borrow().ended || head.changed().await.is_err()) {
            return;
        }
    }
}
