use proptest::prelude::*;

use super::*;

fn outline(text: &str, language: Language) -> Outline {
    Outline::of(&Rope::from_str(text), language)
}

/// The cells as `first..end source_line last_line source`, the tasks as `first..end text`.
#[track_caller]
fn check(language: Language, text: &str, cells: &[(Range<usize>, usize, usize, &str)]) {
    let outline = outline(text, language);
    let found: Vec<_> = outline
        .cells
        .iter()
        .map(|cell| {
            (
                cell.lines.clone(),
                cell.source_line,
                cell.last_line,
                cell.source.as_str(),
            )
        })
        .collect();
    assert_eq!(found, cells, "{text:?}");
}

#[track_caller]
fn check_tasks(language: Language, text: &str, tasks: &[(Range<usize>, &str, bool)]) {
    let outline = outline(text, language);
    let found: Vec<_> = outline
        .tasks
        .iter()
        .map(|task| (task.lines.clone(), task.text.as_str(), task.in_code))
        .collect();
    assert_eq!(found, tasks, "{text:?}");
}

#[test]
fn cells_of_python_begin_at_their_marks() {
    let py = Language::Python;
    check(py, "", &[]);
    check(py, "\n# only\n", &[]);
    check(py, "x = 1\n", &[(0..2, 0, 0, "x = 1\n")]);
    check(
        py,
        "# %%\nx\n\n# %% title\ny",
        &[(0..3, 0, 1, "# %%\nx\n\n"), (3..5, 3, 4, "# %% title\ny")],
    );
    check(
        py,
        "import a\n#%%\nb",
        &[(0..1, 0, 0, "import a\n"), (1..3, 1, 2, "#%%\nb")],
    );
    check(py, "# about\n\n# %%\n\n", &[(2..5, 2, 2, "# %%\n\n")]);
    check(
        py,
        "# %%\r\nx\r\n# %%\ry",
        &[(0..2, 0, 1, "# %%\r\nx\r\n"), (2..4, 2, 3, "# %%\ry")],
    );
}

#[test]
fn what_only_looks_like_a_mark_begins_no_cell() {
    let py = Language::Python;
    for line in [
        " # %%", "x # %%", "# %time", "# %%time", "%%", "# % %", "## %%", "'# %%'",
    ] {
        let text = format!("x\n{line}\ny");
        assert_eq!(outline(&text, py).cells.len(), 1, "{line}");
        assert!(!outline(&text, py).cells[0].marked);
    }
}

#[test]
fn text_among_the_cells_is_not_run() {
    let text = "# %% [markdown]\n# words\n# %%\nx\n# %% notes [md]\n# y";
    check(Language::Python, text, &[(2..4, 2, 3, "# %%\nx\n")]);
}

#[test]
fn cells_of_markdown_are_fenced_blocks_of_python() {
    let md = Language::Markdown;
    check(
        md,
        "a\n```python\nx\ny\n\n```\nb",
        &[(1..6, 2, 3, "x\ny\n\n")],
    );
    check(md, "~~~py\nx\n~~~", &[(0..3, 1, 1, "x\n")]);
    check(md, "```{python}\nx\n```\n", &[(0..3, 1, 1, "x\n")]);
    check(
        md,
        "``` python title=\"t\"\nx\n```\n",
        &[(0..3, 1, 1, "x\n")],
    );
    check(md, "```Python3\n```\n", &[(0..2, 1, 0, "")]);
    check(md, "````python\n```\n````\n", &[(0..3, 1, 1, "```\n")]);
    check(md, "```python\nx\n", &[(0..2, 1, 1, "x\n")]);
    check(
        md,
        "- item\n  ```python\n  if a:\n    b\n  ```\n",
        &[(1..5, 2, 3, "if a:\n  b\n")],
    );
    check(md, "> ```python\n> x\n> ```\n", &[(0..3, 1, 1, "x\n")]);
    check(md, "```python\r\nx\r\n```\r\n", &[(0..3, 1, 1, "x\n")]);
    for other in [
        "```\nx\n```",
        "```rust\nx\n```",
        "```pythonic\nx\n```",
        "    x\n",
        "```pycon\nx\n```",
    ] {
        check(md, other, &[]);
    }
}

#[test]
fn other_languages_have_nothing_to_run() {
    let outline = outline("# %%\nx\n# agent: y", Language::of("rust"));
    assert_eq!(outline, Outline::default());
}

#[test]
fn tasks_are_comments_for_the_agent() {
    let py = Language::Python;
    check_tasks(
        py,
        "# agent: do it\nx\n  #agent:  that ",
        &[(0..1, "do it", true), (2..3, "that", true)],
    );
    check_tasks(py, "# agent: a\n#   b\n#\tc\n# d", &[(0..3, "a b c", true)]);
    check_tasks(
        py,
        "if x:\n    # agent: a\n    #   b\n#   c",
        &[(1..3, "a b", true)],
    );
    check_tasks(
        py,
        "# agent: a\n#  agent: b",
        &[(0..1, "a", true), (1..2, "b", true)],
    );
    for line in [
        "# agent:",
        "# agents: x",
        "agent: x",
        "# an agent: x",
        "x # agent: y",
    ] {
        check_tasks(py, line, &[]);
    }
}

#[test]
fn tasks_of_markdown_are_in_its_text_and_its_python() {
    let text = "# agent: a\n```python\n# agent: b\n```\n```sh\n# agent: c\n```\n# agent: d";
    check_tasks(
        Language::Markdown,
        text,
        &[(0..1, "a", false), (2..3, "b", true), (7..8, "d", false)],
    );
    let indent = &outline("```python\n  # agent: x\n```", Language::Markdown).tasks[0].indent;
    assert_eq!(indent, "  ");
}

#[test]
fn lines_are_found_in_their_cells_and_tasks() {
    let outline = outline("# %%\nx\n# agent: t\n#   u\n# %%\ny", Language::Python);
    let cells = [0, 1, 2, 3, 4, 5, 6].map(|line| outline.cell_at(line));
    assert_eq!(
        cells,
        [Some(0), Some(0), Some(0), Some(0), Some(1), Some(1), None]
    );
    let tasks = [1, 2, 3, 4].map(|line| outline.task_at(line));
    assert_eq!(tasks, [None, Some(0), Some(0), None]);
}

const PIECES: &[&str] = &[
    "# %%",
    "# %% [markdown]",
    "#%% t",
    "x = 1",
    "",
    "  ",
    "# agent: do",
    "#   more",
    "```python",
    "```",
    "~~~",
    "> ```py",
    "- a",
    "    b",
    "é😀",
    "<div>",
    "\t# agent: x",
];

proptest! {
    #[test]
    fn cells_are_in_order_within_the_text_and_hold_their_results(
        pieces in proptest::collection::vec((0..PIECES.len(), 0..3_usize), 0..30)
    ) {
        let text: String = pieces
            .iter()
            .flat_map(|(piece, end)| [PIECES[*piece], ["\n", "\r\n", "\r"][*end]])
            .collect();
        let rope = Rope::from_str(&text);
        for language in [Language::Python, Language::Markdown] {
            let outline = Outline::of(&rope, language);
            let mut end = 0;
            for cell in &outline.cells {
                prop_assert!(cell.lines.start >= end && cell.lines.end <= rope.len_lines());
                prop_assert!(cell.lines.contains(&cell.last_line));
                prop_assert!(cell.source_line + cell.source.lines().count() <= cell.lines.end);
                end = cell.lines.end;
            }
            for task in &outline.tasks {
                prop_assert!(!task.text.is_empty() && task.lines.end <= rope.len_lines());
            }
        }
    }

    #[test]
    fn any_text_can_be_looked_through(text in "\\PC{0,200}") {
        for language in [Language::Python, Language::Markdown] {
            Outline::of(&Rope::from_str(&text), language);
        }
    }
}
