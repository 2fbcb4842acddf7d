//! Which session belongs to which document, for all clients of the daemon.
//!
//! A document keeps its session when it is closed, and when its client goes. It knows no documents.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tower_lsp_server::ls_types::Uri;

use crate::protocol::SessionState;
use crate::session::Session;

/// The session of a document, once it has one. Held while a request is put into the session's queue, so
/// that requests are queued in the order in which they came.
#[derive(Debug, Default)]
pub struct Seat(Option<Arc<Session>>);

impl Seat {
    /// The session, if it lives.
    pub fn session(&self) -> Option<Arc<Session>> {
        let session = self.0.as_ref();
        session
            .filter(|session| session.info().state != SessionState::Closed)
            .cloned()
    }

    /// Gives the document a session.
    pub fn take(&mut self, session: &Arc<Session>) {
        self.0 = Some(Arc::clone(session));
    }
}

/// The sessions of all documents.
#[derive(Debug, Default)]
pub struct Seats(Mutex<HashMap<Uri, Arc<tokio::sync::Mutex<Seat>>>>);

impl Seats {
    /// The seat of a document.
    pub fn of(&self, uri: &Uri) -> Arc<tokio::sync::Mutex<Seat>> {
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(seats.entry(uri.clone()).or_default())
    }
}
