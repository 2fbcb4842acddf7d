use proptest::prelude::*;
use tower_lsp_server::ls_types::{Position, Range};

use super::*;

const TEXT: &str = "# %%\na\n# %%\nb\n# agent: t\n# %%\nc\n";

fn document(text: &str) -> Document {
    Document::new(Language::Python, 1, text)
}

fn done(label: &str) -> State {
    State::Done(Summary {
        label: label.to_owned(),
        ..Summary::default()
    })
}

/// Runs all cells and tasks; the label of each is its source.
fn run_all(document: &mut Document) {
    let (cells, tasks) = (
        document.view().outline.cells.len(),
        document.view().outline.tasks.len(),
    );
    for cell in 0..cells {
        let source = document.queue_cell(cell as u64, cell).unwrap();
        document.set(cell as u64, done(source.lines().last().unwrap_or_default()));
    }
    for task in 0..tasks {
        let text = document.queue_task(1_000 + task as u64, task).unwrap();
        document.set(1_000 + task as u64, done(&text));
    }
}

fn edit(document: &mut Document, [line, column, end_line, end_column]: [u32; 4], text: &str) {
    let range = Range::new(
        Position::new(line, column),
        Position::new(end_line, end_column),
    );
    let change = TextDocumentContentChangeEvent {
        range: Some(range),
        range_length: None,
        text: text.to_owned(),
    };
    document.change(Encoding::Utf16, &[change]).unwrap();
}

/// What is shown, as `last line: label`, with `*` where it is stale.
fn shown(document: &mut Document) -> Vec<String> {
    let view = document.view();
    let mut shown: Vec<(usize, String)> = view
        .marks()
        .map(|mark| {
            let State::Done(summary) = &mark.state else {
                panic!("{mark:?}")
            };
            let line = view.lines_of(mark).unwrap().1;
            let stale = if mark.stale { "*" } else { "" };
            (line, format!("{line}: {}{stale}", summary.label))
        })
        .collect();
    shown.sort();
    shown.into_iter().map(|(_, text)| text).collect()
}

/// An edit: what it replaces, and by what.
type TextEdit<'a> = ([u32; 4], &'a str);

#[test]
fn results_follow_edits() {
    #[rustfmt::skip]
    let cases: &[(&[TextEdit<'_>], &[&str])] = &[
        (&[], &["1: a", "4: # agent: t", "4: t", "6: c"]),
        (&[([0, 0, 0, 0], "x\n")], &["2: a", "5: # agent: t", "5: t", "7: c"]),
        (&[([1, 1, 1, 1], "\nx")], &["2: a*", "5: # agent: t", "5: t", "7: c"]),
        (&[([0, 4, 0, 4], " title")], &["1: a*", "4: # agent: t", "4: t", "6: c"]),
        (&[([2, 0, 2, 0], "# %%\nnew\n")], &["1: a", "6: # agent: t", "6: t", "8: c"]),
        (&[([4, 10, 4, 10], "ea")], &["1: a", "4: # agent: t*", "4: t*", "6: c"]),
        (&[([4, 0, 4, 0], "  ")], &["1: a", "4: # agent: t*", "4: t", "6: c"]),
        // a cell goes, and comes back elsewhere
        (&[([2, 0, 5, 0], "")], &["1: a", "3: c"]),
        (&[([2, 0, 5, 0], ""), ([4, 0, 4, 0], "# %%\nb\n# agent: t\n")], &["1: a", "3: c", "6: # agent: t", "6: t"]),
        // its mark goes, and with it the cell
        (&[([2, 0, 3, 0], "")], &["3: a*", "3: t", "5: c"]),
        (&[([2, 0, 3, 0], ""), ([2, 0, 2, 0], "# %%\n")], &["1: a", "4: # agent: t", "4: t", "6: c"]),
        (&[([0, 0, 7, 0], ""), ([0, 0, 0, 0], TEXT)], &["1: a", "4: # agent: t", "4: t", "6: c"]),
    ];
    for (edits, wanted) in cases {
        let mut document = document(TEXT);
        run_all(&mut document);
        for (range, text) in *edits {
            edit(&mut document, *range, text);
            shown(&mut document); // as editors ask after each
        }
        assert_eq!(shown(&mut document), *wanted, "{edits:?}");
    }
}

#[test]
fn a_result_that_comes_late_goes_where_its_cell_is_now() {
    let mut document = document(TEXT);
    document.queue_cell(1, 2).unwrap();
    edit(&mut document, [0, 0, 2, 0], "");
    document.set(1, done("late"));
    assert_eq!(shown(&mut document), ["4: late"]);
    edit(&mut document, [3, 0, 5, 0], "");
    document.set(1, done("later"));
    assert_eq!(shown(&mut document), [""; 0]);
    document.set(9, done("unknown"));
    document.forget(1);
    assert!(!document.has_results());
}

#[test]
fn a_cell_that_is_run_again_shows_the_latest() {
    let mut document = document("a\n");
    run_all(&mut document);
    document.queue_cell(7, 0).unwrap();
    assert!(document.view().mark(0).is_none());
    document.set(7, done("new"));
    assert_eq!(shown(&mut document), ["0: new"]);
    document.clear();
    assert_eq!(shown(&mut document), [""; 0]);
}

proptest! {
    #[test]
    fn what_is_shown_belongs_to_its_cell_whatever_is_edited(
        edits in proptest::collection::vec((0..12_u32, 0..6_u32, 0..4_u32, 0..6_u32, 0..6_usize), 0..12)
    ) {
        let pieces = ["", "x", "\n", "# %%\n", "# agent: t\n", "a\n# %% b\n"];
        let mut document = document(TEXT);
        run_all(&mut document);
        for (line, column, lines, columns, piece) in edits {
            let end = if lines == 0 { column + columns } else { columns };
            edit(&mut document, [line, column, line + lines, end], pieces[piece]);
            let view = document.view();
            let mut places = Vec::new();
            for mark in view.marks() {
                prop_assert!(view.lines_of(mark).is_some());
                let source = view.cell_of(mark).map(|cell| cell.source.clone());
                prop_assert!(mark.stale || source.is_none_or(|source| source == mark.source));
                let place = (mark.kind, mark.place);
                prop_assert!(!places.contains(&place), "two results for {:?}", place);
                places.push(place);
            }
        }
        document.change(Encoding::Utf8, &[TextDocumentContentChangeEvent {
            range: None, range_length: None, text: TEXT.to_owned(),
        }]).unwrap();
        prop_assert_eq!(shown(&mut document).len(), 4);
    }
}
