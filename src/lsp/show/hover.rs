//! Hover: all that came of a cell or task, on the lines where it begins, ends or failed.

use tower_lsp_server::ls_types::{Hover, HoverContents, MarkupContent, MarkupKind};

use crate::lsp::document::{State, View};
use crate::lsp::text::position::Encoding;

/// What to show on a line.
pub fn hover(view: View<'_>, encoding: Encoding, line: usize) -> Option<Hover> {
    let mark = view.marks().find(|mark| {
        let on_ends = view
            .lines_of(mark)
            .is_some_and(|(first, last)| line == first || line == last);
        on_ends
            || view
                .trace_of(mark)
                .next_back()
                .is_some_and(|(at, _)| at == line)
    })?;
    let State::Done(summary) = &mark.state else {
        return None;
    };
    let stale = match (mark.undone(), mark.stale) {
        (true, _) => " · undone",
        (false, true) => " · edited since",
        (false, false) => "",
    };
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent {
            kind: MarkupKind::Markdown,
            value: format!("{}{stale}", summary.detail),
        }),
        range: Some(encoding.line(view.text, line)),
    })
}
