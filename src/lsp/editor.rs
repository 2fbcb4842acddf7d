//! One client's editor: its documents, and what it is told of them.
//!
//! It knows how to speak to the client, and not how anything is run.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tower_lsp_server::Client;
use tower_lsp_server::ls_types::notification::{Notification, PublishDiagnostics};
use tower_lsp_server::ls_types::{Diagnostic, ProgressToken, PublishDiagnosticsParams, Uri};

use super::document::Document;
use super::rewind::Followed;
use super::seats::{Seat, Seats};
use super::settings::{Settings, folder_of, invalid};
use super::show::diagnostics::diagnostics;
use crate::api::{Context, open_session};
use crate::protocol::Error;
use crate::session::Session;

/// Time that passes at least between two rounds of telling the client that things have changed.
const ROUND: Duration = Duration::from_millis(100);
/// Time that the client gets to answer that it will look again.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the daemon knows of one client that is an editor.
pub struct Editor {
    /// What requests of this client come with.
    pub context: Context,
    /// For requests to the client; it is told things through its connection, in order with answers.
    pub client: Client,
    /// Which session belongs to which document.
    pub seats: Arc<Seats>,
    /// What cancels each progress that the client shows.
    pub progress: Mutex<HashMap<ProgressToken, CancellationToken>>,
    /// The sessions of its documents, while they live.
    pub followed: Mutex<HashMap<String, Followed>>,
    settings: OnceLock<Settings>,
    documents: Mutex<HashMap<Uri, Document>>,
    folders: Mutex<Vec<PathBuf>>,
    /// Sessions whose events the client has been attached to; it may have detached since.
    attached: Mutex<HashSet<String>>,
    /// The diagnostics that the client was sent last, where there were any.
    published: tokio::sync::Mutex<HashMap<Uri, Vec<Diagnostic>>>,
    changed: Notify,
    /// Whether results have changed, and not only the text.
    results: AtomicBool,
    /// Whether what can be gone back to has changed.
    past: AtomicBool,
    /// The executions that ran when the client was last asked to look at lenses again, which show
    /// them and what can be gone back to: editors put them off for as long as they are asked.
    running: Mutex<Vec<u64>>,
    numbers: AtomicU64,
}

/// A notification as it goes out.
#[derive(Serialize)]
struct Message<T> {
    jsonrpc: &'static str,
    method: &'static str,
    params: T,
}

impl Editor {
    /// An editor that has no documents yet.
    pub fn new(context: Context, client: Client, seats: Arc<Seats>) -> Self {
        Self {
            context,
            client,
            seats,
            progress: Mutex::default(),
            followed: Mutex::default(),
            settings: OnceLock::new(),
            documents: Mutex::default(),
            folders: Mutex::default(),
            attached: Mutex::default(),
            published: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            results: AtomicBool::new(false),
            past: AtomicBool::new(false),
            running: Mutex::default(),
            numbers: AtomicU64::new(1),
        }
    }

    /// Notes what the client can do, once and for all.
    pub fn set_up(&self, settings: Settings, folders: Vec<PathBuf>) {
        let _ = self.settings.set(settings);
        *lock(&self.folders) = folders;
    }

    /// What the client can do and wants.
    pub fn settings(&self) -> &Settings {
        self.settings.get_or_init(Settings::default)
    }

    /// The folders that the client works in.
    pub fn folders(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        lock(&self.folders)
    }

    /// All documents, those that were closed with results among them.
    pub fn documents(&self) -> MutexGuard<'_, HashMap<Uri, Document>> {
        lock(&self.documents)
    }

    /// Does something with an open document.
    ///
    /// # Errors
    /// When it is not open.
    pub fn document<T>(
        &self,
        uri: &Uri,
        work: impl FnOnce(&mut Document) -> T,
    ) -> Result<T, Error> {
        let mut documents = self.documents();
        let document = documents.get_mut(uri).filter(|document| document.open);
        let document = document.ok_or_else(|| {
            invalid(format!("uri: the document '{}' is not open", uri.as_str()))
                .hint("send `textDocument/didOpen` first")
        })?;
        Ok(work(document))
    }

    /// A number that nothing has had before.
    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// The session of a document, which is made if there is none.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn session(
        self: &Arc<Self>,
        uri: &Uri,
        seat: &mut Seat,
    ) -> Result<Arc<Session>, Error> {
        match seat.session() {
            Some(session) => {
                if lock(&self.attached).insert(session.id.clone()) {
                    self.context.connection.attach(&session, None)?;
                    self.follow_steps(&session);
                }
                Ok(session)
            }
            None => self.new_session(uri, seat, Map::new()).await,
        }
    }

    /// A new session for a document, with `changes` to what was configured.
    ///
    /// # Errors
    /// When it cannot be made; the document keeps the one that it has.
    pub async fn new_session(
        self: &Arc<Self>,
        uri: &Uri,
        seat: &mut Seat,
        changes: Map<String, Value>,
    ) -> Result<Arc<Session>, Error> {
        let folder = folder_of(uri, &self.folders()).filter(|folder| folder.is_dir());
        let mut options = self
            .settings()
            .session_options(changes, folder.as_deref())?;
        let name = uri.path().as_str().rsplit('/').next().unwrap_or_default();
        options.name.get_or_insert_with(|| name.to_owned());
        let session = open_session(&self.context, options).await?;
        lock(&self.attached).insert(session.id.clone());
        self.follow_steps(&session);
        seat.take(&session);
        Ok(session)
    }

    /// Tells the client something.
    pub async fn notify<N: Notification>(&self, params: N::Params) {
        let message = Message {
            jsonrpc: "2.0",
            method: N::METHOD,
            params,
        };
        // Made of strings, numbers and JSON values, which always serialise.
        let text = serde_json::to_string(&message).unwrap_or_default();
        self.context.connection.send(text.into()).await;
    }

    /// Notes that results have changed, so that the client is asked to look again.
    pub fn results_changed(&self) {
        self.results.store(true, Ordering::SeqCst);
        self.changed.notify_one();
    }

    /// Notes that other things can be gone back to, so that the client is asked to look at lenses again.
    pub fn look_again(&self) {
        self.past.store(true, Ordering::SeqCst);
        self.results_changed();
    }

    /// Notes that a text has changed, and with it the lines of its exceptions.
    pub fn text_changed(&self) {
        self.changed.notify_one();
    }

    /// Keeps the client told, until it goes.
    pub async fn keep_told(&self) {
        loop {
            tokio::select! {
                () = self.context.connection.gone().cancelled() => return,
                () = self.changed.notified() => {}
            }
            self.publish().await;
            if self.results.swap(false, Ordering::SeqCst) {
                let _ = tokio::time::timeout(PATIENCE, self.refresh()).await;
            }
            tokio::time::sleep(ROUND).await;
        }
    }

    /// Asks the client to look again at what it shows, as far as it can be asked.
    async fn refresh(&self) {
        let can = self.settings();
        let hints = async {
            if can.refresh_hints {
                let _ = self.client.inlay_hint_refresh().await;
            }
        };
        let past = self.past.swap(false, Ordering::SeqCst);
        let others_run = self.others_run() || past;
        let lenses = async {
            if can.refresh_lenses && others_run {
                let _ = self.client.code_lens_refresh().await;
            }
        };
        let diagnostics = async {
            if can.pulls_diagnostics {
                let _ = self.client.workspace_diagnostic_refresh().await;
            }
        };
        tokio::join!(hints, lenses, diagnostics);
    }

    /// Whether other executions run than when this was last asked.
    fn others_run(&self) -> bool {
        let mut now: Vec<u64> = self
            .documents()
            .values()
            .flat_map(Document::running)
            .collect();
        now.sort_unstable();
        let mut before = lock(&self.running);
        let others = *before != now;
        *before = now;
        others
    }

    /// Sends the client the diagnostics that it has not been sent, if it does not ask for them.
    pub async fn publish(&self) {
        if self.settings().pulls_diagnostics {
            return;
        }
        let mut published = self.published.lock().await;
        for (uri, version, diagnostics) in self.unpublished(&published) {
            match diagnostics.is_empty() {
                true => published.remove(&uri),
                false => published.insert(uri.clone(), diagnostics.clone()),
            };
            let params = PublishDiagnosticsParams::new(uri, diagnostics, version);
            self.notify::<PublishDiagnostics>(params).await;
        }
    }

    fn unpublished(
        &self,
        published: &HashMap<Uri, Vec<Diagnostic>>,
    ) -> Vec<(Uri, Option<i32>, Vec<Diagnostic>)> {
        let encoding = self.settings().encoding;
        let mut documents = self.documents();
        let all = documents.iter_mut().filter_map(|(uri, document)| {
            let before = published.get(uri);
            let faults = document.open && document.has_faults();
            if before.is_none() && !faults {
                return None; // without looking through its text
            }
            let now = match faults {
                true => diagnostics(document.view(), uri, encoding),
                false => Vec::new(),
            };
            let is_new = now.as_slice() != before.map_or(&[][..], Vec::as_slice);
            let version = document.open.then_some(document.version);
            is_new.then(|| (uri.clone(), version, now))
        });
        all.collect()
    }
}

/// Locks it, whatever happened to whoever held it before.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
