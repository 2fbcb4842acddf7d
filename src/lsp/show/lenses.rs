//! Code lenses: above each cell and task, what can be done with it.

use tower_lsp_server::ls_types::{CodeLens, Command, Range, Uri};

use super::{interrupt, rewind, run_above, run_cell, run_task};
use crate::lsp::document::{Mark, State, View};
use crate::lsp::text::position::position;

const REWIND: [&str; 2] = ["↶ Rewind to here", "↷ Redo to here"];

/// Cells that have lenses, and tasks, whether they were run or not: an answer is for the whole document, and many
/// times as long as that.
const MAX_PARTS: usize = 2_000;

/// The lenses of a document.
pub fn lenses(view: View<'_>, uri: &Uri) -> Vec<CodeLens> {
    let outline = view.outline;
    // A file without cells is not offered to be run at each opening; actions and commands do it.
    let is_marked = outline.cells.iter().any(|cell| cell.marked);
    let cells = outline.cells.iter().enumerate().filter(|(number, _)| {
        is_marked && (*number < MAX_PARTS || view.of_cell(*number).is_some())
    });
    let of_cells = cells.flat_map(|(number, cell)| {
        let first = match is_running(view.of_cell(number)) {
            true => interrupt("■ Interrupt", uri),
            false => run_cell("▶ Run cell", uri, number),
        };
        let above = (number > 0).then(|| run_above("Run above", uri, number));
        let back = rewind(view.of_cell(number), REWIND, uri);
        std::iter::once(first)
            .chain(above)
            .chain(back)
            .map(|command| lens(cell.lines.start, command))
    });
    let tasks = outline.tasks.iter().enumerate();
    let tasks = tasks.filter(|(number, _)| *number < MAX_PARTS || view.of_task(*number).is_some());
    let of_tasks = tasks.flat_map(|(number, task)| {
        let line = task.lines.start;
        let first = match is_running(view.of_task(number)) {
            true => interrupt("■ Interrupt", uri),
            false => run_task("▶ Run task", uri, task),
        };
        let back = rewind(view.of_task(number), REWIND, uri);
        let commands = std::iter::once(first).chain(back);
        commands.map(move |command| lens(line, command))
    });
    of_cells.chain(of_tasks).collect()
}

fn is_running(mark: Option<&Mark>) -> bool {
    mark.is_some_and(|mark| matches!(mark.state, State::Running(_)))
}

fn lens(line: usize, command: Command) -> CodeLens {
    let at = position(line, 0);
    CodeLens {
        range: Range::new(at, at),
        command: Some(command),
        data: None,
    }
}
