//! Code actions: for editors without lenses, and what lenses have no room for.

use std::collections::HashMap;

use serde_json::json;
use tower_lsp_server::ls_types::{
    CodeAction, CodeActionContext, CodeActionKind, CodeActionOrCommand, CodeActionTriggerKind,
    Command, Range, TextEdit, Uri, WorkspaceEdit,
};

use super::{command, interrupt, rewind, run_above, run_cell, run_task};
use crate::lsp::commands::{CLEAR, RUN_ALL};
use crate::lsp::document::{State, View};
use crate::lsp::summary::cut;
use crate::lsp::text::outline::Task;
use crate::lsp::text::position::Encoding;

/// Most characters of a task in the title of an action.
const MAX_TITLE: usize = 50;

const TO_CELL: [&str; 2] = ["Rewind to after this cell", "Redo to after this cell"];
const TO_TASK: [&str; 2] = ["Rewind to after this task", "Redo to after this task"];

/// What can be done at a line.
pub fn actions(
    view: View<'_>,
    uri: &Uri,
    encoding: Encoding,
    line: usize,
    context: &CodeActionContext,
) -> Vec<CodeActionOrCommand> {
    let mut actions = Vec::new();
    if let Some(number) = view.outline.task_at(line) {
        actions.extend(of_task(view, uri, encoding, number));
    }
    let cell = view.outline.cell_at(line);
    // Editors that ask by themselves, at each move of the cursor, show that there is something to do.
    let is_asked = context.trigger_kind != Some(CodeActionTriggerKind::AUTOMATIC);
    if let Some(number) = cell.filter(|_| is_asked) {
        actions.push(action(run_cell("Run cell", uri, number)));
        if number > 0 {
            actions.push(action(run_above("Run all cells above", uri, number)));
        }
        if view.outline.cells.len() > 1 {
            let arguments = json!({"uri": uri});
            actions.push(action(command("Run all cells", RUN_ALL, arguments)));
        }
        let back = rewind(view.of_cell(number), TO_CELL, uri);
        actions.extend(back.map(action));
    }
    if is_asked
        && view
            .marks()
            .any(|mark| !matches!(mark.state, State::Done(_)))
    {
        actions.push(action(interrupt("Interrupt what runs", uri)));
    }
    if is_asked
        && view
            .marks()
            .any(|mark| matches!(mark.state, State::Done(_)))
    {
        let arguments = json!({"uri": uri});
        actions.push(action(command("Clear results", CLEAR, arguments)));
    }
    actions.retain(|action| is_wanted(action, context.only.as_deref()));
    actions
        .into_iter()
        .map(CodeActionOrCommand::CodeAction)
        .collect()
}

fn of_task(view: View<'_>, uri: &Uri, encoding: Encoding, number: usize) -> Vec<CodeAction> {
    let Some(task) = view.outline.tasks.get(number) else {
        return Vec::new();
    };
    let title = format!("Run task: {}", cut(&task.text, MAX_TITLE));
    let mut actions = vec![action(run_task(title, uri, task))];
    let back = rewind(view.of_task(number), TO_TASK, uri);
    actions.extend(back.map(action));
    let code = view.of_task(number).and_then(|mark| match &mark.state {
        State::Done(summary) => summary.code.as_deref(),
        State::Queued | State::Running(_) => None,
    });
    if let Some(code) = code {
        actions.push(CodeAction {
            title: "Insert the code of this task".to_owned(),
            kind: Some(CodeActionKind::REFACTOR),
            edit: Some(insertion(view, uri, encoding, task, code)),
            ..CodeAction::default()
        });
    }
    actions
}

/// Puts code below a task.
fn insertion(
    view: View<'_>,
    uri: &Uri,
    encoding: Encoding,
    task: &Task,
    code: &str,
) -> WorkspaceEdit {
    let code = match task.in_code {
        true => code.to_owned(),
        false => format!("\n```python\n{}\n```\n", code.trim_end()),
    };
    let mut text = String::new();
    for line in code.trim_end_matches('\n').lines() {
        text.push('\n');
        if !line.is_empty() {
            text.push_str(&task.indent);
            text.push_str(line);
        }
    }
    let end = encoding.end_of_line(view.text, task.lines.end - 1);
    let edit = TextEdit::new(Range::new(end, end), text);
    WorkspaceEdit {
        changes: Some(HashMap::from([(uri.clone(), vec![edit])])),
        ..WorkspaceEdit::default()
    }
}

fn action(command: Command) -> CodeAction {
    CodeAction {
        title: command.title.clone(),
        command: Some(command),
        ..CodeAction::default()
    }
}

/// Whether the client wants this kind of action; those that run something have none.
fn is_wanted(action: &CodeAction, only: Option<&[CodeActionKind]>) -> bool {
    let Some(only) = only else { return true };
    let kind = action.kind.as_ref().map_or("", CodeActionKind::as_str);
    only.iter().map(CodeActionKind::as_str).any(|wanted| {
        wanted.is_empty() || kind == wanted || kind.starts_with(&format!("{wanted}."))
    })
}
