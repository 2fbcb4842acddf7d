//! Running a cell or a task: from its place in a document to what came of it.
//!
//! It knows sessions and documents. Which command led here is `commands.rs`'s business.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower_lsp_server::ls_types::notification::Notification;
use tower_lsp_server::ls_types::{ProgressToken, Uri};

use super::document::{Document, Kind, State};
use super::editor::Editor;
use super::follow::Reader;
use super::progress::Progress;
use super::summary::{Summary, cut, last_line};
use crate::protocol::{Error, ErrorKind, Event, EventEnvelope};
use crate::session::{Pending, Session};

/// Most characters of a task in the title of its progress.
const MAX_TITLE: usize = 60;

/// What is to be run.
#[derive(Clone, Debug)]
pub enum Work {
    /// A cell: its number and its source.
    Cell(usize, String),
    /// A task: its text, and the steps that it may take.
    Task(String, u32),
}

/// Something that is to be run, and where it came from.
#[derive(Clone, Debug)]
pub struct Order {
    /// Number of the execution.
    pub id: u64,
    /// The document.
    pub uri: Uri,
    /// What is to be run.
    pub work: Work,
    /// The progress that the client gave with its request.
    pub token: Option<ProgressToken>,
}

/// How an execution ended.
pub struct Ended {
    /// What its request is answered.
    pub answer: Value,
    /// Whether it went well.
    pub ok: bool,
}

/// Tells clients that asked for it how executions stand: `tinycode/execution`.
enum Execution {}

impl Notification for Execution {
    type Params = Value;
    const METHOD: &'static str = "tinycode/execution";
}

/// What was seen of an execution while it ran.
#[derive(Default)]
struct Seen {
    step: Option<u64>,
    /// The code of the latest step, until it is known how that went.
    code: Option<String>,
    /// The code of steps that went well.
    good: Vec<String>,
}

impl Order {
    /// Runs it, and shows in the document what comes of it. Requests of one document are queued in the
    /// order in which this is first polled.
    ///
    /// # Errors
    /// When it could not be run.
    pub async fn run(self, editor: Arc<Editor>, cancel: CancellationToken) -> Result<Ended, Error> {
        let title = match &self.work {
            Work::Cell(number, _) => format!("Cell {}", number + 1),
            Work::Task(text, _) => cut(text, MAX_TITLE),
        };
        let progress = Progress::begin(&editor, title, self.token.clone(), &cancel);
        let ended = self.submit(&editor, &progress, &cancel).await;
        progress.end().await;
        let summary = match &ended {
            Ok((_, summary)) => Some(summary.clone()),
            Err(error) if error.data.kind == ErrorKind::Cancelled => None,
            Err(error) => Some(Summary::of_error(error)),
        };
        let ok = summary.as_ref().is_some_and(|summary| summary.ok);
        let answer = ended.map(|(answer, _)| answer);
        let said = match (&answer, &summary) {
            (Ok(answer), _) => json!({"ok": ok, "answer": answer}),
            (Err(error), Some(_)) => json!({"ok": ok, "answer": {"error": error}}),
            (Err(_), None) => json!({"ok": ok}),
        };
        self.change(&editor, |document| match summary {
            Some(summary) => document.set(self.id, State::Done(summary)),
            None => document.forget(self.id),
        });
        editor.publish().await;
        self.tell(&editor, "done", said).await;
        Ok(Ended {
            answer: answer?,
            ok,
        })
    }

    /// Forgets it, since it will not be run.
    pub async fn forget(self, editor: &Editor) {
        self.change(editor, |document| document.forget(self.id));
        self.tell(editor, "done", json!({"ok": false})).await;
    }

    /// Queues it and waits for it; what it is answered, and what is shown of it.
    async fn submit(
        &self,
        editor: &Arc<Editor>,
        progress: &Progress,
        cancel: &CancellationToken,
    ) -> Result<(Value, Summary), Error> {
        let mut seat = editor.seats.of(&self.uri).lock_owned().await;
        let session = editor.session(&self.uri, &mut seat).await?;
        let uri = &self.uri;
        match &self.work {
            Work::Cell(number, source) => {
                let pending = session.exec(source.clone())?;
                drop(seat);
                let (result, _) = self
                    .follow(editor, &session, pending, progress, cancel)
                    .await?;
                let summary = Summary::of_cell(&result);
                let answer = json!({
                    "uri": uri, "session": session.id, "cell": number, "result": result,
                });
                Ok((answer, summary))
            }
            Work::Task(text, max_steps) => {
                let (_, pending) = session.run(text.clone(), *max_steps, false)?;
                drop(seat);
                let (result, seen) = self
                    .follow(editor, &session, pending, progress, cancel)
                    .await?;
                let summary = Summary::of_task(&result, &seen.good);
                let answer = json!({
                    "uri": uri, "session": session.id, "result": result, "code": summary.code,
                });
                Ok((answer, summary))
            }
        }
    }

    /// Waits for the answer, and shows meanwhile what happens.
    async fn follow<T>(
        &self,
        editor: &Editor,
        session: &Arc<Session>,
        pending: Pending<T>,
        progress: &Progress,
        cancel: &CancellationToken,
    ) -> Result<(T, Seen), Error> {
        let mut seen = Seen::default();
        self.tell(editor, "queued", json!({"session": session.id}))
            .await;
        editor.results_changed();
        let mut begun = pending.begun();
        let mut answer = std::pin::pin!(pending.answer_or_rest(cancel));
        let started = tokio::select! {
            biased; // what was quick has begun too
            started = begun.wait_for(Option::is_some) => started.ok().and_then(|seq| *seq),
            answer = &mut answer => return Ok((answer?, seen)),
        };
        let mut reader = Reader::new(session.log(), started.unwrap_or_default());
        let answer = loop {
            let events = tokio::select! {
                answer = &mut answer => break answer,
                events = reader.next(), if !reader.is_at_end() => events,
            };
            self.note(editor, session, progress, &mut seen, events)
                .await;
        };
        loop {
            let events = reader.read(); // what was logged before the answer
            if events.is_empty() {
                break;
            }
            self.note(editor, session, progress, &mut seen, events)
                .await;
        }
        editor.context.connection.flush(session).await;
        Ok((answer?, seen))
    }

    /// Shows what has happened.
    async fn note(
        &self,
        editor: &Editor,
        session: &Session,
        progress: &Progress,
        seen: &mut Seen,
        events: Vec<EventEnvelope>,
    ) {
        let mut said = None;
        for EventEnvelope { seq, event, .. } in events {
            match event {
                Event::StepStarted { run, step } => {
                    self.change(editor, |document| document.began(self.id, &session.id, seq));
                    seen.code = None;
                    let is_first = seen.step.replace(step).is_none();
                    if is_first || run.is_some() {
                        let more = json!({
                            "session": session.id, "step": step, "seq": seq, "run": run,
                        });
                        self.tell(editor, "running", more).await;
                    }
                    said = Some(run.map_or_else(String::new, |_| "thinking".to_owned()));
                }
                Event::Code { code, .. } => seen.code = Some(code),
                Event::StepFinished {
                    result: Some(result),
                    ..
                } if result.error.is_none() => {
                    seen.good.extend(seen.code.take());
                }
                Event::Stdout {
                    text, background, ..
                }
                | Event::Stderr {
                    text, background, ..
                } if !background => {
                    said = last_line(&text).map(str::to_owned).or(said);
                }
                _ => {}
            }
        }
        if let Some(said) = said {
            if !said.is_empty() {
                progress.say(&said);
            }
            self.change(editor, |document| {
                document.set(self.id, State::Running(said));
            });
        }
    }

    fn change(&self, editor: &Editor, change: impl FnOnce(&mut Document)) {
        if let Some(document) = editor.documents().get_mut(&self.uri) {
            change(document);
        }
        editor.results_changed();
    }

    async fn tell(&self, editor: &Editor, state: &str, more: Value) {
        let is_task = matches!(self.work, Work::Task(..));
        tell(editor, &self.uri, (self.id, is_task), state, more).await;
    }
}

/// Tells a client that asked for it how an execution stands, and where its part is.
pub async fn tell(
    editor: &Editor,
    uri: &Uri,
    (id, is_task): (u64, bool),
    state: &str,
    more: Value,
) {
    if !editor.settings().executions {
        return;
    }
    let place = editor.documents().get_mut(uri).and_then(|document| {
        let version = document.version;
        let view = document.view();
        let mark = view.mark(id)?;
        let (first, last) = view.lines_of(mark)?;
        let cell = (mark.kind != Kind::Task).then_some(mark.place);
        Some(json!({"version": version, "first_line": first, "last_line": last, "cell": cell}))
    });
    let kind = if is_task { "task" } else { "cell" };
    let mut params =
        json!({"uri": uri, "execution": id, "kind": kind, "state": state, "place": place});
    if let (Value::Object(params), Value::Object(more)) = (&mut params, more) {
        params.extend(more);
    }
    editor.notify::<Execution>(params).await;
}
