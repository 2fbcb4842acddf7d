//! Going back: a session is again what it was after a cell or a task, and what ran since is undone.
//!
//! Sessions are followed for it, since others go back in them too.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_lsp_server::ls_types::{ProgressToken, Uri};

use super::document::Document;
use super::editor::{Editor, lock};
use super::execution;
use super::follow::Reader;
use super::progress::Progress;
use super::settings::invalid;
use super::timeline::{News, Timeline};
use crate::protocol::{Error, ErrorKind};
use crate::session::log::Head;
use crate::session::{Session, SessionError};

/// A session whose steps are followed.
pub struct Followed {
    reader: Reader,
    timeline: Timeline,
}

impl Editor {
    /// Follows the steps of a session from now on, until it ends or the client goes.
    pub fn follow_steps(self: &Arc<Self>, session: &Arc<Session>) {
        let mut head = session.log().watch();
        let followed = Followed {
            reader: Reader::new(session.log(), session.log().head().seq),
            timeline: Timeline::default(),
        };
        lock(&self.followed).insert(session.id.clone(), followed);
        let (editor, id) = (Arc::clone(self), session.id.clone());
        tokio::spawn(async move {
            let has_ended = |head: &watch::Receiver<Head>| head.borrow().ended;
            while !has_ended(&head) {
                tokio::select! {
                    () = editor.context.connection.gone().cancelled() => break,
                    _ = head.changed() => editor.catch_up(&id).await,
                }
            }
            lock(&editor.followed).remove(&id);
            editor.look_again();
        });
    }

    /// Notes in all documents what has happened in a session, and tells the client what was undone by it.
    pub async fn catch_up(&self, session: &str) {
        let changed = {
            let mut followed = lock(&self.followed);
            let Some(Followed { reader, timeline }) = followed.get_mut(session) else {
                return;
            };
            let mut news = News::None;
            loop {
                let events = reader.read();
                if events.is_empty() {
                    break;
                }
                let latest = events.into_iter().map(|event| timeline.take(event)).max();
                news = news.max(latest.unwrap_or(News::None));
            }
            if news > News::None {
                self.look_again();
            }
            let mut changed = Vec::new();
            for (uri, document) in self.documents().iter_mut() {
                let marks = document.look_back(session, |seq| timeline.moment(seq));
                changed.extend(marks.into_iter().map(|mark| (uri.clone(), mark)));
            }
            changed
        };
        for (uri, (id, is_task, undone)) in changed {
            let state = if undone { "undone" } else { "redone" };
            let more = json!({"session": session});
            execution::tell(self, &uri, (id, is_task), state, more).await;
        }
    }

    /// Notes which parts of a document can be gone back to.
    pub async fn look_back(&self, uri: &Uri) {
        let sessions = self
            .documents()
            .get(uri)
            .map(|document| document.sessions());
        for id in sessions.unwrap_or_default() {
            self.catch_up(&id).await;
            let kept = match self.context.app.registry.get(&id) {
                Ok(session) => session.checkpoints().await,
                Err(_) => Vec::new(),
            };
            if let Some(document) = self.documents().get_mut(uri) {
                document
                    .keep_checkpoints(&id, |name| kept.iter().any(|kept| kept.checkpoint == name));
            }
        }
    }
}

/// Goes back to what the execution that `find` finds left. Dropping it gives that up while others run.
///
/// # Errors
/// When it has not run, or what it left is gone.
pub async fn rewind(
    editor: &Arc<Editor>,
    uri: Uri,
    find: impl FnOnce(&mut Document) -> Result<u64, Error>,
    token: Option<ProgressToken>,
) -> Result<Value, Error> {
    let id = editor.document(&uri, find)??;
    let ran = |document: &mut Document| {
        let mark = document.view().mark(id);
        mark.and_then(|mark| mark.ran.clone()).ok_or_else(not_run)
    };
    let session = editor.document(&uri, ran)??.session;
    editor.catch_up(&session).await;
    let ran = editor.document(&uri, ran)??;
    let session = editor.context.app.registry.get(&ran.session);
    let session = session.map_err(|_| ended())?;
    let checkpoint = ran.moment.checkpoint.ok_or_else(not_kept)?;
    let cancel = CancellationToken::new();
    let _stop = cancel.clone().drop_guard();
    let pending = session.rewind(&checkpoint)?;
    let progress = Progress::begin(editor, "Rewind".to_owned(), token, &cancel);
    let rewound = pending.answer_or(&cancel).await;
    progress.end().await;
    match rewound {
        Err(SessionError::NoCheckpoint(_)) => return Err(not_kept()), // only the session knows
        rewound => rewound?,
    }
    editor.catch_up(&session.id).await;
    editor.publish().await;
    editor.context.connection.flush(&session).await;
    serde_json::to_value(session.info())
        .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}

/// There is nothing to go back to yet.
pub fn not_run() -> Error {
    invalid("there is nothing to go back to: this has not run yet")
        .hint("a session can go back to what it was after a cell or a task")
}

fn not_kept() -> Error {
    invalid("what this left is not kept any more")
        .hint("a session can go back to the latest of its states only; run this again")
}

fn ended() -> Error {
    invalid("the session that this ran in has ended").hint("run it again")
}
