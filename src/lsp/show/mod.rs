//! What an editor shows of a document: one file for each of LSP's requests.
//!
//! Pure: from a document as it stands to LSP's types. It knows neither clients nor sessions.

pub mod actions;
pub mod diagnostics;
pub mod hints;
pub mod hover;
pub mod lenses;

use serde_json::json;
use tower_lsp_server::ls_types::{Command, Uri};

use super::document::Mark;
use super::text::outline::Task;

/// A command that clients send back as it is.
fn command(title: impl Into<String>, name: &str, arguments: serde_json::Value) -> Command {
    Command::new(title.into(), name.to_owned(), Some(vec![arguments]))
}

fn run_cell(title: &str, uri: &Uri, cell: usize) -> Command {
    command(
        title,
        super::commands::RUN_CELL,
        json!({"uri": uri, "cell": cell}),
    )
}

fn run_above(title: &str, uri: &Uri, cell: usize) -> Command {
    command(
        title,
        super::commands::RUN_ABOVE,
        json!({"uri": uri, "cell": cell}),
    )
}

fn run_task(title: impl Into<String>, uri: &Uri, task: &Task) -> Command {
    // With its text: the line may be another before the client asks for lenses again.
    command(
        title,
        super::commands::RUN_TASK,
        json!({"uri": uri, "line": task.lines.start, "task": task.text}),
    )
}

/// Going back to what a part left, or forth if it was undone; nothing where the session is that, or cannot.
fn rewind(mark: Option<&Mark>, [back, forth]: [&str; 2], uri: &Uri) -> Option<Command> {
    let mark = mark?;
    let moment = &mark.ran.as_ref()?.moment;
    moment.checkpoint.as_ref().filter(|_| !moment.latest)?;
    let title = if moment.undone { forth } else { back };
    // By its number: the text may change before the client asks for lenses again.
    let arguments = json!({"uri": uri, "execution": mark.id});
    Some(command(title, super::commands::REWIND, arguments))
}

fn interrupt(title: &str, uri: &Uri) -> Command {
    command(title, super::commands::INTERRUPT, json!({"uri": uri}))
}
