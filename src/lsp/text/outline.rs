//! What in a document can be run: its cells and its tasks.
//!
//! Pure. A cell is what follows `# %%` in Python, or a fenced block of Python in Markdown; a task is a
//! comment `# agent: TASK`, which goes on in comments below it that are indented deeper.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use ropey::Rope;

/// Bytes of a text that is looked through. In a longer one nothing can be run.
const MAX_TEXT: usize = 8 << 20;
/// Cells of a document, and tasks. What follows them cannot be run.
const MAX_PARTS: usize = 100_000;

/// The language of a document, as far as it makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Python, with `# %%`.
    Python,
    /// Markdown, with fenced blocks.
    Markdown,
    /// Another, in which nothing can be run.
    Other,
}

/// A piece of Python that is run as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Whether a mark in the text begins it: the text before the first one is a cell of its own.
    pub marked: bool,
    /// Its lines, with those that begin and end it.
    pub lines: Range<usize>,
    /// The line that the first line of `source` is on.
    pub source_line: usize,
    /// Its last line that is not blank, in whose wake results are shown.
    pub last_line: usize,
    /// What is run.
    pub source: String,
}

/// A task for the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its lines.
    pub lines: Range<usize>,
    /// What is to be done.
    pub text: String,
    /// What its first line begins with before the `#`.
    pub indent: String,
    /// Whether it stands among Python, and not in the text around it.
    pub in_code: bool,
}

/// What in a document can be run, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// The cells.
    pub cells: Vec<Cell>,
    /// The tasks.
    pub tasks: Vec<Task>,
}

impl Language {
    /// The language of this `languageId`.
    pub fn of(id: &str) -> Self {
        match id {
            "python" => Self::Python,
            "markdown" | "quarto" | "rmd" => Self::Markdown,
            _ => Self::Other,
        }
    }
}

impl Outline {
    /// Looks through a text.
    pub fn of(text: &Rope, language: Language) -> Self {
        match language {
            _ if text.len_bytes() > MAX_TEXT => Self::default(),
            Language::Python => python(text),
            Language::Markdown => markdown(text),
            Language::Other => Self::default(),
        }
    }

    /// The cell that a line belongs to.
    pub fn cell_at(&self, line: usize) -> Option<usize> {
        self.cells
            .iter()
            .position(|cell| cell.lines.contains(&line))
    }

    /// The task that a line belongs to.
    pub fn task_at(&self, line: usize) -> Option<usize> {
        self.tasks
            .iter()
            .position(|task| task.lines.contains(&line))
    }

    /// The task of this text that is nearest to a line.
    pub fn task_of(&self, text: &str, line: usize) -> Option<usize> {
        let tasks = self.tasks.iter().enumerate();
        let tasks = tasks.filter(|(_, task)| task.text == text);
        let nearest = tasks.min_by_key(|(_, task)| task.lines.start.abs_diff(line));
        nearest.map(|(number, _)| number)
    }
}

/// The lines of a text, with what ends them.
fn lines<'a>(text: &Rope, whole: &'a str) -> Vec<&'a str> {
    let mut rest = whole;
    let cut = text.lines().map(|line| {
        let (line, after) = rest.split_at(line.len_bytes());
        rest = after;
        line
    });
    cut.collect()
}

fn python(text: &Rope) -> Outline {
    let whole = text.to_string();
    let lines = lines(text, &whole);
    let marks: Vec<usize> = (0..lines.len())
        .filter(|at| mark(lines[*at]).is_some())
        .take(MAX_PARTS)
        .collect();
    let mut cells = Vec::with_capacity(marks.len() + 1);
    let first = marks.first().copied().unwrap_or(lines.len());
    if lines[..first].iter().any(|line| is_code(line)) {
        cells.push(python_cell(&lines, 0..first, false));
    }
    for (number, start) in marks.iter().enumerate() {
        let end = marks.get(number + 1).copied().unwrap_or(lines.len());
        if mark(lines[*start]) == Some(Mark::Code) {
            cells.push(python_cell(&lines, *start..end, true));
        }
    }
    let tasks = tasks(&lines, 0..lines.len(), true);
    Outline { cells, tasks }
}

fn python_cell(lines: &[&str], range: Range<usize>, marked: bool) -> Cell {
    let is_blank = |at: &usize| lines[*at].trim().is_empty();
    let last_line = range.clone().rev().find(|at| !is_blank(at));
    Cell {
        marked,
        source_line: range.start,
        last_line: last_line.unwrap_or(range.start),
        source: lines[range.clone()].concat(),
        lines: range,
    }
}

/// What a line begins that says `# %%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Code,
    /// Text, as in `# %% [markdown]`.
    Text,
}

fn mark(line: &str) -> Option<Mark> {
    let title = line
        .strip_prefix('#')?
        .trim_start_matches([' ', '\t'])
        .strip_prefix("%%")?;
    if title.starts_with(|c: char| c.is_alphanumeric()) {
        return None; // a magic command, such as `# %%time`
    }
    let is_text = ["[markdown]", "[md]", "[raw]"]
        .iter()
        .any(|kind| title.contains(kind));
    Some(if is_text { Mark::Text } else { Mark::Code })
}

fn is_code(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

/// The tasks in some of the lines.
fn tasks(lines: &[&str], range: Range<usize>, in_code: bool) -> Vec<Task> {
    let mut tasks = Vec::new();
    let mut at = range.start;
    while at < range.end && tasks.len() < MAX_PARTS {
        let line = lines[at];
        let comment = line.trim_start_matches([' ', '\t']);
        at += 1;
        let Some(text) = task_text(comment) else {
            continue;
        };
        let (start, mut text) = (at - 1, text.to_owned());
        let indent = &line[..line.len() - comment.len()];
        while let Some(more) = lines[at..range.end]
            .first()
            .and_then(|line| continued(line, indent))
        {
            text.push(' ');
            text.push_str(more);
            at += 1;
        }
        let indent = indent.to_owned();
        tasks.push(Task {
            lines: start..at,
            text,
            indent,
            in_code,
        });
    }
    tasks
}

fn task_text(comment: &str) -> Option<&str> {
    let text = comment
        .strip_prefix('#')?
        .trim_start()
        .strip_prefix("agent:")?
        .trim();
    (!text.is_empty()).then_some(text)
}

/// What a comment adds to the task above it.
fn continued<'a>(line: &'a str, indent: &str) -> Option<&'a str> {
    let text = line.strip_prefix(indent)?.strip_prefix('#')?;
    let more = text.starts_with("  ") || text.starts_with('\t');
    (more && !text.trim().is_empty() && task_text(line.trim_start()).is_none()).then(|| text.trim())
}

fn markdown(text: &Rope) -> Outline {
    let whole = text.to_string();
    let lines = lines(text, &whole);
    let line_of = |byte: usize| text.byte_to_line(byte);
    let mut outline = Outline::default();
    let mut prose = 0;
    let mut block: Option<(Range<usize>, bool, String)> = None;
    for (event, range) in Parser::new(&whole).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let end = line_of(range.end.saturating_sub(1).max(range.start)) + 1;
                let is_python = matches!(&kind, CodeBlockKind::Fenced(info) if is_python(info));
                block = Some((line_of(range.start)..end, is_python, String::new()));
            }
            Event::Text(text) => {
                if let Some((_, _, source)) = &mut block {
                    source.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                let Some((range, is_python, source)) = block.take() else {
                    continue;
                };
                outline
                    .tasks
                    .extend(tasks(&lines, prose..range.start, false));
                prose = range.end;
                if outline.tasks.len() > MAX_PARTS || outline.cells.len() == MAX_PARTS {
                    outline.tasks.truncate(MAX_PARTS);
                    return outline;
                }
                if is_python {
                    outline.tasks.extend(tasks(&lines, range.clone(), true));
                    outline.cells.push(fenced_cell(range, source));
                }
            }
            _ => {}
        }
    }
    outline
        .tasks
        .extend(tasks(&lines, prose..lines.len(), false));
    outline
}

fn fenced_cell(lines: Range<usize>, source: String) -> Cell {
    let code = source.lines().collect::<Vec<&str>>();
    let last = code.iter().rposition(|line| !line.trim().is_empty());
    Cell {
        marked: true,
        source_line: lines.start + 1,
        last_line: last.map_or(lines.start, |last| lines.start + 1 + last),
        source,
        lines,
    }
}

/// Whether the text after a fence says that what follows is Python, as in `python`, `py title="x"` or
/// `{python}`.
fn is_python(info: &str) -> bool {
    let word = info.trim_start_matches(['{', '.', ' ']);
    let end = word
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(word.len());
    matches!(
        word[..end].to_ascii_lowercase().as_str(),
        "python" | "python3" | "py" | "py3"
    )
}

#[cfg(test)]
mod tests;
