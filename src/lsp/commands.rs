//! `workspace/executeCommand`: what clients can have done in a document.

use std::future::Future;
use std::sync::Arc;
use std::task::Poll;

use futures_util::FutureExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tower_lsp_server::ls_types::{ExecuteCommandParams, ProgressToken, Uri};

use super::document::{Document, State};
use super::editor::Editor;
use super::execution::{Order, Work};
use super::rewind::{not_run, rewind};
use super::settings::{invalid, read};
use crate::protocol::{Error, ErrorKind};

/// Runs one cell.
pub const RUN_CELL: &str = "tinycode.runCell";
/// Runs all cells above one.
pub const RUN_ABOVE: &str = "tinycode.runAbove";
/// Runs all cells.
pub const RUN_ALL: &str = "tinycode.runAll";
/// Gives a task to the agent.
pub const RUN_TASK: &str = "tinycode.runTask";
/// Stops what runs.
pub const INTERRUPT: &str = "tinycode.interrupt";
/// Ends the session of a document and gives it a new one.
pub const RESTART: &str = "tinycode.restart";
/// Goes back to what the session was after a cell or a task.
pub const REWIND: &str = "tinycode.rewind";
/// Says which session belongs to a document.
pub const SESSION: &str = "tinycode.session";
/// Forgets the results of a document.
pub const CLEAR: &str = "tinycode.clear";

/// All of them.
pub const NAMES: &[&str] = &[
    RUN_CELL, RUN_ABOVE, RUN_ALL, RUN_TASK, INTERRUPT, RESTART, REWIND, SESSION, CLEAR,
];

/// Steps that a task may take where nothing is said.
const MAX_STEPS: u32 = 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CellArguments {
    uri: Uri,
    /// The cell's number.
    cell: Option<usize>,
    /// A line of the cell, in place of its number.
    line: Option<usize>,
    detach: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllArguments {
    uri: Uri,
    detach: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskArguments {
    uri: Uri,
    line: usize,
    /// Its text, where what is asked for was made from the document as it was before.
    task: Option<String>,
    max_steps: Option<u32>,
    detach: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RestartArguments {
    uri: Uri,
    /// Options that differ from what was configured.
    #[serde(default)]
    session: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RewindArguments {
    uri: Uri,
    /// The cell's number.
    cell: Option<usize>,
    /// A line of the task or the cell, in place of its number.
    line: Option<usize>,
    /// The execution, in place of both.
    execution: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionArguments {
    uri: Uri,
    /// Whether to make one where there is none.
    #[serde(default)]
    open: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentArguments {
    uri: Uri,
}

/// All documents, where none is named.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct InterruptArguments {
    uri: Option<Uri>,
}

/// Does what a command says.
///
/// # Errors
/// When there is no such command, its arguments are wrong, or nothing could be run.
pub async fn execute(editor: &Arc<Editor>, params: ExecuteCommandParams) -> Result<Value, Error> {
    let token = params.work_done_progress_params.work_done_token;
    let argument = params.arguments.into_iter().next();
    let argument = argument.unwrap_or_else(|| Value::Object(Map::new()));
    match params.command.as_str() {
        RUN_CELL => run_cell(editor, arguments(argument)?, token).await,
        RUN_ABOVE => run_above(editor, arguments(argument)?, token).await,
        RUN_ALL => run_all(editor, arguments(argument)?, token).await,
        RUN_TASK => run_task(editor, arguments(argument)?, token).await,
        INTERRUPT => interrupt(editor, arguments(argument)?).await,
        RESTART => restart(editor, arguments(argument)?).await,
        REWIND => go_back(editor, arguments(argument)?, token).await,
        SESSION => session(editor, arguments(argument)?).await,
        CLEAR => clear(editor, &arguments(argument)?).await,
        other => Err(invalid(format!("there is no command '{other}'"))),
    }
}

fn arguments<T: DeserializeOwned>(argument: Value) -> Result<T, Error> {
    if !argument.is_object() {
        return Err(invalid("arguments: the first one must be an object"));
    }
    read("arguments", argument)
}

async fn run_cell(
    editor: &Arc<Editor>,
    arguments: CellArguments,
    token: Option<ProgressToken>,
) -> Result<Value, Error> {
    let id = editor.number();
    let (cell, source) = editor.document(&arguments.uri, |document| {
        let cell = cell_of(document, &arguments)?;
        let source = document.queue_cell(id, cell);
        Ok::<_, Error>((cell, source.unwrap_or_default()))
    })??;
    let order = Order {
        id,
        uri: arguments.uri,
        work: Work::Cell(cell, source),
        token,
    };
    run(editor, vec![order], arguments.detach).await.map(first)
}

/// The number of the cell that the arguments name.
fn cell_of(document: &mut Document, arguments: &CellArguments) -> Result<usize, Error> {
    let outline = document.view().outline;
    match (arguments.cell, arguments.line) {
        (Some(cell), None) if cell < outline.cells.len() => Ok(cell),
        (Some(cell), None) => {
            let count = outline.cells.len();
            Err(invalid(format!(
                "cell: there is no cell {cell}, the document has {count}"
            )))
        }
        (None, Some(line)) => outline
            .cell_at(line)
            .ok_or_else(|| invalid("line: this line belongs to no cell")),
        _ => Err(invalid("arguments: give either `cell` or `line`")),
    }
}

async fn run_above(
    editor: &Arc<Editor>,
    arguments: CellArguments,
    token: Option<ProgressToken>,
) -> Result<Value, Error> {
    let end = editor.document(&arguments.uri, |document| cell_of(document, &arguments))??;
    let orders = queue(editor, &arguments.uri, |_| end, token.as_ref())?;
    run(editor, orders, arguments.detach).await
}

async fn run_all(
    editor: &Arc<Editor>,
    arguments: AllArguments,
    token: Option<ProgressToken>,
) -> Result<Value, Error> {
    let orders = queue(editor, &arguments.uri, |count| count, token.as_ref())?;
    run(editor, orders, arguments.detach).await
}

/// Queues the cells of a document up to one.
fn queue(
    editor: &Editor,
    uri: &Uri,
    end: impl FnOnce(usize) -> usize,
    token: Option<&ProgressToken>,
) -> Result<Vec<Order>, Error> {
    editor.document(uri, |document| {
        let end = end(document.view().outline.cells.len());
        let orders = (0..end).filter_map(|cell| {
            let id = editor.number();
            let work = Work::Cell(cell, document.queue_cell(id, cell)?);
            // One progress of the client's can only tell of one of them.
            let token = token.filter(|_| cell == 0).cloned();
            Some(Order {
                id,
                uri: uri.clone(),
                work,
                token,
            })
        });
        orders.collect()
    })
}

async fn run_task(
    editor: &Arc<Editor>,
    arguments: TaskArguments,
    token: Option<ProgressToken>,
) -> Result<Value, Error> {
    let (id, line) = (editor.number(), arguments.line);
    let max_steps = arguments.max_steps.unwrap_or(MAX_STEPS);
    if max_steps == 0 {
        return Err(invalid(
            "max_steps: 0 is out of range, it must be at least 1",
        ));
    }
    let text = editor.document(&arguments.uri, |document| {
        let outline = document.view().outline;
        let moved = arguments.task.and_then(|text| outline.task_of(&text, line));
        let task = moved.or_else(|| outline.task_at(line));
        task.and_then(|task| document.queue_task(id, task))
    })?;
    let text = text.ok_or_else(|| {
        invalid("line: there is no task on this line").hint("write one as a comment: # agent: TASK")
    })?;
    let order = Order {
        id,
        uri: arguments.uri,
        work: Work::Task(text, max_steps),
        token,
    };
    run(editor, vec![order], arguments.detach).await.map(first)
}

/// Runs them one after the other, up to the first that does not go well. Dropping it stops them.
async fn run(
    editor: &Arc<Editor>,
    orders: Vec<Order>,
    detach: Option<bool>,
) -> Result<Value, Error> {
    let cancel = CancellationToken::new();
    let ids: Vec<u64> = orders.iter().map(|order| order.id).collect();
    let answers = start(in_turn(Arc::clone(editor), orders, cancel.clone())).await;
    if detach.unwrap_or(editor.settings().detach) {
        return Ok(
            json!({"results": ids.iter().map(|id| json!({"execution": id})).collect::<Vec<_>>()}),
        );
    }
    let _stop = cancel.drop_guard();
    let ended = || Error::new(ErrorKind::Internal, "the execution came to nothing");
    let results = answers.await.map_err(|_| ended())??;
    Ok(json!({"results": results}))
}

async fn in_turn(
    editor: Arc<Editor>,
    orders: Vec<Order>,
    cancel: CancellationToken,
) -> Result<Vec<Value>, Error> {
    let mut answers = Vec::with_capacity(orders.len());
    let mut orders = orders.into_iter();
    let mut result = Ok(());
    for order in orders.by_ref() {
        match order.run(Arc::clone(&editor), cancel.clone()).await {
            Ok(ended) => {
                answers.push(ended.answer);
                if !ended.ok {
                    break;
                }
            }
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    for order in orders {
        order.forget(&editor).await;
    }
    result.map(|()| answers)
}

/// Does the work up to its first wait now, and the rest of it beside what follows, whoever waits for it.
async fn start<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> oneshot::Receiver<T> {
    let (sender, receiver) = oneshot::channel();
    let mut work = async move { drop(sender.send(work.await)) }.boxed();
    let begun = std::future::poll_fn(|cx| Poll::Ready(work.poll_unpin(cx))).await;
    if begun.is_pending() {
        tokio::spawn(work);
    }
    receiver
}

/// The answer to a command that runs one thing.
fn first(mut answer: Value) -> Value {
    answer["results"][0].take()
}

async fn interrupt(editor: &Editor, arguments: InterruptArguments) -> Result<Value, Error> {
    let uris = match arguments.uri {
        Some(uri) => vec![uri],
        None => editor.documents().keys().cloned().collect(),
    };
    let mut interrupted = false;
    for uri in uris {
        let session = editor.seats.of(&uri).lock().await.session();
        interrupted |= session.is_some_and(|session| session.interrupt());
    }
    Ok(json!({"interrupted": interrupted}))
}

async fn go_back(
    editor: &Arc<Editor>,
    RewindArguments {
        uri,
        cell,
        line,
        execution,
    }: RewindArguments,
    token: Option<ProgressToken>,
) -> Result<Value, Error> {
    let arguments = CellArguments {
        uri: uri.clone(),
        cell,
        line,
        detach: None,
    };
    let find = |document: &mut Document| {
        let task = line.and_then(|line| document.view().outline.task_at(line));
        let mark = match (execution, task.filter(|_| cell.is_none())) {
            (Some(id), _) => document.view().mark(id),
            (None, Some(task)) => document.view().of_task(task),
            (None, None) => {
                let cell = cell_of(document, &arguments)?;
                document.view().of_cell(cell)
            }
        };
        let ran = mark.filter(|mark| matches!(mark.state, State::Done(_)));
        ran.map(|mark| mark.id).ok_or_else(not_run)
    };
    rewind(editor, uri, find, token).await
}

async fn restart(editor: &Arc<Editor>, arguments: RestartArguments) -> Result<Value, Error> {
    editor.document(&arguments.uri, |_| ())?;
    let seat = editor.seats.of(&arguments.uri);
    let mut seat = seat.lock().await;
    let before = seat.session();
    let session = editor
        .new_session(&arguments.uri, &mut seat, arguments.session)
        .await?;
    drop(seat);
    if let Some(before) = before {
        before.close("it was restarted").await;
        editor.context.connection.flush(&before).await;
    }
    answer(&session.info())
}

async fn session(editor: &Arc<Editor>, arguments: SessionArguments) -> Result<Value, Error> {
    let seat = editor.seats.of(&arguments.uri);
    let mut seat = seat.lock().await;
    let session = match arguments.open {
        true => Some(editor.session(&arguments.uri, &mut seat).await?),
        false => seat.session(),
    };
    session.map_or(Ok(Value::Null), |session| answer(&session.info()))
}

async fn clear(editor: &Editor, arguments: &DocumentArguments) -> Result<Value, Error> {
    editor.document(&arguments.uri, Document::clear)?;
    editor.publish().await;
    editor.results_changed();
    Ok(json!({}))
}

fn answer(result: &impl serde::Serialize) -> Result<Value, Error> {
    serde_json::to_value(result).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}
