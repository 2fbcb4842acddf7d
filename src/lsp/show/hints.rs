//! Inlay hints: what came of a cell or task, at its end.

use std::ops::RangeInclusive;

use tower_lsp_server::ls_types::{
    InlayHint, InlayHintLabel, InlayHintTooltip, MarkupContent, MarkupKind,
};

use crate::lsp::document::{Mark, State, View};
use crate::lsp::summary::cut;
use crate::lsp::text::position::Encoding;

/// Most characters of a tooltip; hovering shows all.
const MAX_TOOLTIP: usize = 2_000;
/// Most characters of what a running cell said last.
const MAX_SAID: usize = 60;

/// The hints on some lines of a document.
pub fn hints(view: View<'_>, encoding: Encoding, lines: &RangeInclusive<usize>) -> Vec<InlayHint> {
    let hints = view.marks().filter_map(|mark| {
        let (_, line) = view.lines_of(mark)?;
        lines.contains(&line).then(|| InlayHint {
            position: encoding.end_of_line(view.text, line),
            label: InlayHintLabel::String(label(mark)),
            kind: None,
            text_edits: None,
            tooltip: tooltip(mark),
            padding_left: Some(true),
            padding_right: None,
            data: None,
        })
    });
    let mut hints: Vec<InlayHint> = hints.collect();
    hints.sort_by_key(|hint| hint.position);
    hints
}

/// What came of it in one short line; it says so where it was undone or the part has changed since.
pub fn label(mark: &Mark) -> String {
    let label = match &mark.state {
        State::Queued => "… queued".to_owned(),
        State::Running(said) if said.is_empty() => "… running".to_owned(),
        State::Running(said) => format!("… {}", cut(said, MAX_SAID)),
        State::Done(summary) => summary.label.clone(),
    };
    match (mark.undone(), mark.stale) {
        (true, _) => format!("{label} (undone)"),
        (false, true) => format!("{label} (edited)"),
        (false, false) => label,
    }
}

fn tooltip(mark: &Mark) -> Option<InlayHintTooltip> {
    let State::Done(summary) = &mark.state else {
        return None;
    };
    let value = match summary.detail.chars().count() <= MAX_TOOLTIP {
        true => summary.detail.clone(),
        // Cut, it may end within a block, which the fence before the last words closes.
        false => format!("{}\n\n…", closed(&cut(&summary.detail, MAX_TOOLTIP))),
    };
    Some(InlayHintTooltip::MarkupContent(MarkupContent {
        kind: MarkupKind::Markdown,
        value,
    }))
}

/// Closes a block of Markdown that has lost its end.
fn closed(markdown: &str) -> String {
    let mut open: Option<&str> = None;
    for line in markdown.lines() {
        let fence = &line[..line.len() - line.trim_start_matches('`').len()];
        match open {
            None if fence.len() >= 3 => open = Some(fence),
            Some(opened) if fence == opened && line == fence => open = None,
            _ => {}
        }
    }
    open.map_or_else(
        || markdown.to_owned(),
        |fence| format!("{markdown}\n{fence}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_within_a_block_is_closed() {
        assert_eq!(closed("a"), "a");
        assert_eq!(closed("```\na"), "```\na\n```");
        assert_eq!(closed("```python\na\n```\nb"), "```python\na\n```\nb");
        assert_eq!(closed("`````\n```\na"), "`````\n```\na\n`````");
    }
}
