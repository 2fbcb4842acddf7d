//! `$/progress`: what an execution is doing, with a way to stop it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower_lsp_server::ls_types::notification::Progress as Notice;
use tower_lsp_server::ls_types::{
    ProgressParams, ProgressParamsValue, ProgressToken, WorkDoneProgress, WorkDoneProgressBegin,
    WorkDoneProgressEnd, WorkDoneProgressReport,
};

use super::editor::{Editor, lock};

/// Time that passes at least between two reports.
const ROUND: Duration = Duration::from_millis(100);

/// A progress that the client shows, where it can.
pub struct Progress {
    message: watch::Sender<String>,
    shown: JoinHandle<()>,
}

impl Progress {
    /// Begins one. The client may have given a token with its request; else it is asked to take one.
    pub fn begin(
        editor: &Arc<Editor>,
        title: String,
        given: Option<ProgressToken>,
        cancel: &CancellationToken,
    ) -> Self {
        let (message, messages) = watch::channel(String::new());
        let (editor, cancel) = (Arc::clone(editor), cancel.clone());
        let shown = tokio::spawn(show(editor, title, given, cancel, messages));
        Self { message, shown }
    }

    /// Says what is going on.
    pub fn say(&self, message: &str) {
        self.message.send_replace(message.to_owned());
    }

    /// Ends it.
    pub async fn end(self) {
        drop(self.message);
        let _ = self.shown.await;
    }
}

async fn show(
    editor: Arc<Editor>,
    title: String,
    given: Option<ProgressToken>,
    cancel: CancellationToken,
    mut messages: watch::Receiver<String>,
) {
    let token = match given {
        Some(token) => token,
        None if !editor.settings().progress => return,
        None => ProgressToken::String(format!("tinycode/{}", editor.number())),
    };
    lock(&editor.progress).insert(token.clone(), cancel);
    if is_taken(&editor, &token, &mut messages).await {
        report(&editor, &token, title, &mut messages).await;
    }
    lock(&editor.progress).remove(&token);
}

/// Whether the client shows the progress of this token; it is not waited for beyond the end.
async fn is_taken(
    editor: &Editor,
    token: &ProgressToken,
    messages: &mut watch::Receiver<String>,
) -> bool {
    let is_ours = matches!(token, ProgressToken::String(token) if token.starts_with("tinycode/"));
    if !is_ours {
        return true;
    }
    let mut taken = std::pin::pin!(editor.client.create_work_done_progress(token.clone()));
    loop {
        tokio::select! {
            answer = &mut taken => return answer.is_ok(),
            more = messages.changed() => if more.is_err() { return false },
        }
    }
}

async fn report(
    editor: &Editor,
    token: &ProgressToken,
    title: String,
    messages: &mut watch::Receiver<String>,
) {
    let send = |value| {
        let value = ProgressParamsValue::WorkDone(value);
        editor.notify::<Notice>(ProgressParams {
            token: token.clone(),
            value,
        })
    };
    let said = messages.borrow_and_update().clone();
    send(WorkDoneProgress::Begin(WorkDoneProgressBegin {
        title,
        cancellable: Some(true),
        message: (!said.is_empty()).then_some(said),
        percentage: None,
    }))
    .await;
    while messages.changed().await.is_ok() {
        let message = Some(messages.borrow_and_update().clone());
        send(WorkDoneProgress::Report(WorkDoneProgressReport {
            message,
            ..WorkDoneProgressReport::default()
        }))
        .await;
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            () = ended(messages) => break,
        }
    }
    send(WorkDoneProgress::End(WorkDoneProgressEnd::default())).await;
}

/// Waits until nothing more will be said.
async fn ended(messages: &watch::Receiver<String>) {
    let mut messages = messages.clone();
    while messages.changed().await.is_ok() {}
}
