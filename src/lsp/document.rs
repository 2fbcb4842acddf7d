//! A document, and what came of the parts of it that were run.
//!
//! What came of a part stays with it while the text changes: it hangs on a place in the text that moves
//! with it, and where the place itself was replaced, on the source that was run. It knows no client and
//! no session.

use std::collections::HashSet;

use ropey::Rope;
use tower_lsp_server::ls_types::TextDocumentContentChangeEvent;

use super::summary::{Frame, Summary};
use super::text::outline::{Cell, Language, Outline, Task};
use super::text::position::{Edit, Encoding, Reversed};
use super::timeline::Moment;

/// Results of parts that are not in the text any more, which undoing may bring back.
const MAX_ORPHANS: usize = 100;

/// A text that an editor works on.
#[derive(Debug)]
pub struct Document {
    /// Its number as the client counts.
    pub version: i32,
    /// Whether the client has it open. What came of it is kept for when it is opened again.
    pub open: bool,
    language: Language,
    text: Rope,
    /// None where the text has changed since.
    outline: Option<Outline>,
    marks: Vec<Mark>,
}

/// A document as it stands.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Its text.
    pub text: &'a Rope,
    /// What in it can be run.
    pub outline: &'a Outline,
    marks: &'a [Mark],
}

/// Which kind of part it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A cell; one that a mark in the text begins, or the text before the first.
    Cell {
        /// Whether a mark begins it.
        marked: bool,
    },
    /// A task.
    Task,
}

/// What came of a part that was run.
#[derive(Debug)]
pub struct Mark {
    /// Number of the execution.
    pub id: u64,
    /// What was run.
    pub kind: Kind,
    /// Its number in the outline, while it is in the text.
    pub place: Option<usize>,
    /// Whether the part has changed since.
    pub stale: bool,
    /// How far it has come.
    pub state: State,
    /// Which step it was, once it has begun; the latest of a task.
    pub ran: Option<Ran>,
    /// The lines that its traceback leads through, the one at fault last.
    trace: Vec<(Anchor, Frame)>,
    source: String,
    anchor: Anchor,
}

/// A step of a session.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The session.
    pub session: String,
    /// Number of the event that began it.
    pub seq: u64,
    /// Where it stands among the others.
    pub moment: Moment,
}

impl Mark {
    /// Whether it was undone: the session went back to what it was before.
    pub fn undone(&self) -> bool {
        self.ran.as_ref().is_some_and(|ran| ran.moment.undone)
    }
}

/// How far an execution has come.
#[derive(Debug)]
pub enum State {
    /// It waits for others.
    Queued,
    /// It runs, and this is the last that it said.
    Running(String),
    /// It has ended.
    Done(Summary),
}

/// A line that moves with the text.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    /// One character into the line, so that what is put before the line moves it.
    at: usize,
    /// Whether it was replaced since.
    torn: bool,
}

impl Anchor {
    fn new(text: &Rope, line: usize) -> Self {
        let start = text.line_to_char(line.min(text.len_lines() - 1));
        let at = (start + 1).min(text.len_chars());
        let at = if text.char_to_line(at) == line {
            at
        } else {
            start
        };
        Self { at, torn: false }
    }

    const fn shift(&mut self, edit: &Edit) {
        if self.at >= edit.start + edit.removed && self.at > edit.start {
            self.at = self.at - edit.removed + edit.inserted;
        } else if self.at > edit.start {
            self.at = edit.start;
            self.torn = true;
        }
    }

    fn line(self, text: &Rope) -> usize {
        text.char_to_line(self.at.min(text.len_chars()))
    }
}

impl Document {
    /// A document that was opened.
    pub fn new(language: Language, version: i32, text: &str) -> Self {
        Self {
            version,
            open: true,
            language,
            text: Rope::from_str(text),
            outline: None,
            marks: Vec::new(),
        }
    }

    /// Whether it is in this language.
    pub fn is(&self, language: Language) -> bool {
        self.language == language
    }

    /// Opens it again, with what came of it.
    pub fn reopen(&mut self, version: i32, text: String) {
        (self.version, self.open) = (version, true);
        let change = TextDocumentContentChangeEvent {
            range: None,
            range_length: None,
            text,
        };
        let _ = self.change(Encoding::Utf16, &[change]); // without a range it cannot fail
    }

    /// Changes the text, wholly or not at all.
    ///
    /// # Errors
    /// When one of the changes has a range that is none.
    pub fn change(
        &mut self,
        encoding: Encoding,
        changes: &[TextDocumentContentChangeEvent],
    ) -> Result<(), Reversed> {
        let mut text = self.text.clone();
        let mut edits = Vec::with_capacity(changes.len());
        for change in changes {
            edits.push(encoding.change(&mut text, change)?);
        }
        for edit in &edits {
            let lines = self.marks.iter_mut().flat_map(|mark| {
                let trace = mark.trace.iter_mut().map(|(line, _)| line);
                std::iter::once(&mut mark.anchor).chain(trace)
            });
            lines.for_each(|line| line.shift(edit));
        }
        self.text = text;
        self.outline = None;
        Ok(())
    }

    /// The document as it stands.
    pub fn view(&mut self) -> View<'_> {
        if self.outline.is_none() {
            let outline = Outline::of(&self.text, self.language);
            self.settle(&outline);
            self.outline = Some(outline);
        }
        View {
            text: &self.text,
            outline: self.outline.get_or_insert_default(),
            marks: &self.marks,
        }
    }

    /// Notes that a cell is to be run as execution `id`; says what its source is.
    pub fn queue_cell(&mut self, id: u64, cell: usize) -> Option<String> {
        let Cell {
            marked,
            lines,
            source,
            ..
        } = self.view().outline.cells.get(cell)?;
        let (kind, line, source) = (Kind::Cell { marked: *marked }, lines.start, source.clone());
        self.queue(id, kind, cell, line, source.clone());
        Some(source)
    }

    /// Notes that a task is to be run as execution `id`; says what it is.
    pub fn queue_task(&mut self, id: u64, task: usize) -> Option<String> {
        let Task { lines, text, .. } = self.view().outline.tasks.get(task)?;
        let (line, text) = (lines.start, text.clone());
        self.queue(id, Kind::Task, task, line, text.clone());
        Some(text)
    }

    fn queue(&mut self, id: u64, kind: Kind, place: usize, line: usize, source: String) {
        self.marks
            .retain(|mark| mark.kind != kind || mark.place != Some(place));
        let orphans = self
            .marks
            .iter()
            .filter(|mark| mark.place.is_none())
            .count();
        if orphans > MAX_ORPHANS
            && let Some(oldest) = self.marks.iter().position(|mark| mark.place.is_none())
        {
            self.marks.remove(oldest);
        }
        self.marks.push(Mark {
            id,
            kind,
            place: Some(place),
            stale: false,
            state: State::Queued,
            ran: None,
            trace: Vec::new(),
            source,
            anchor: Anchor::new(&self.text, line),
        });
    }

    /// Notes how far an execution has come, if its part is still wanted.
    pub fn set(&mut self, id: u64, state: State) {
        let trace = match &state {
            State::Done(summary) => self.trace(id, summary),
            State::Queued | State::Running(_) => Vec::new(),
        };
        if let Some(mark) = self.marks.iter_mut().find(|mark| mark.id == id) {
            mark.state = state;
            mark.trace = trace;
        }
    }

    /// Notes that an execution has begun a step.
    pub fn began(&mut self, id: u64, session: &str, seq: u64) {
        if let Some(mark) = self.marks.iter_mut().find(|mark| mark.id == id) {
            mark.ran = Some(Ran {
                session: session.to_owned(),
                seq,
                moment: Moment::default(),
            });
        }
    }

    /// Notes where the steps of a session stand; which executions were undone or redone by that: their
    /// number, whether it is a task, whether it is undone.
    pub fn look_back(
        &mut self,
        session: &str,
        moment: impl Fn(u64) -> Moment,
    ) -> Vec<(u64, bool, bool)> {
        let mut changed = Vec::new();
        for mark in &mut self.marks {
            let Some(ran) = mark.ran.as_mut().filter(|ran| ran.session == session) else {
                continue;
            };
            let before = std::mem::replace(&mut ran.moment, moment(ran.seq));
            if before.undone != ran.moment.undone {
                changed.push((mark.id, mark.kind == Kind::Task, ran.moment.undone));
            }
        }
        changed
    }

    /// Notes which checkpoints of a session are still there.
    pub fn keep_checkpoints(&mut self, session: &str, is_kept: impl Fn(&str) -> bool) {
        let ran = self.marks.iter_mut().filter_map(|mark| mark.ran.as_mut());
        for ran in ran.filter(|ran| ran.session == session) {
            ran.moment.checkpoint.take_if(|name| !is_kept(name));
        }
    }

    /// The sessions that its parts ran in.
    pub fn sessions(&self) -> HashSet<String> {
        let ran = self.marks.iter().filter_map(|mark| mark.ran.as_ref());
        ran.map(|ran| ran.session.clone()).collect()
    }

    /// Forgets an execution.
    pub fn forget(&mut self, id: u64) {
        self.marks.retain(|mark| mark.id != id);
    }

    /// Forgets what came of all that has ended.
    pub fn clear(&mut self) {
        self.marks
            .retain(|mark| !matches!(mark.state, State::Done(_)));
    }

    /// The executions that run.
    pub fn running(&self) -> impl Iterator<Item = u64> {
        let running = self.marks.iter();
        let running = running.filter(|mark| matches!(mark.state, State::Running(_)));
        running.map(|mark| mark.id)
    }

    /// Whether anything was run in it.
    pub const fn has_results(&self) -> bool {
        !self.marks.is_empty()
    }

    /// Whether an exception is shown in it.
    pub fn has_faults(&self) -> bool {
        let mut faults = self.marks.iter().filter(|mark| !mark.trace.is_empty());
        faults.any(|mark| !mark.undone())
    }

    /// The lines that a traceback leads through.
    fn trace(&mut self, id: u64, summary: &Summary) -> Vec<(Anchor, Frame)> {
        let view = self.view();
        let session = |mark: &'_ Mark| mark.ran.as_ref().map(|ran| ran.session.clone());
        let ours = view
            .marks
            .iter()
            .find(|mark| mark.id == id)
            .and_then(session);
        let frames = summary.frames.iter().filter_map(|frame| {
            let ran = view.marks.iter().find(|mark| match &mark.state {
                // Going back has steps counted anew, as another session does.
                State::Done(done) => {
                    done.step == Some(frame.step) && !mark.undone() && session(mark) == ours
                }
                _ => mark.id == id && summary.step == Some(frame.step),
            })?;
            let cell = view.cell_of(ran)?;
            let line = (cell.source_line + frame.line).saturating_sub(1);
            let is_there = !ran.stale && cell.lines.contains(&line);
            let line = if is_there { line } else { cell.last_line };
            Some((Anchor::new(view.text, line), frame.clone()))
        });
        frames.collect()
    }

    /// Finds the parts that marks belong to.
    fn settle(&mut self, outline: &Outline) {
        let mut taken: Vec<(Kind, usize)> = Vec::new();
        self.marks.iter_mut().for_each(|mark| mark.place = None);
        // First those whose part has not changed, then those that came back elsewhere, then those whose
        // part has changed, then those that have moved.
        for pass in [Pass::Same, Pass::Back, Pass::Changed, Pass::Moved] {
            for mark in self.marks.iter_mut().filter(|mark| mark.place.is_none()) {
                let line = mark.anchor.line(&self.text);
                let found = parts(outline, mark.kind).find(|(place, start, source)| {
                    let fits = match pass {
                        Pass::Same => *start == line && *source == mark.source,
                        Pass::Back => mark.anchor.torn && *source == mark.source,
                        Pass::Changed => *start == line && !mark.anchor.torn,
                        Pass::Moved => *source == mark.source,
                    };
                    fits && !taken.contains(&(mark.kind, *place))
                });
                let Some((place, start, source)) = found else {
                    continue;
                };
                taken.push((mark.kind, place));
                mark.place = Some(place);
                mark.stale = source != mark.source;
                mark.anchor = Anchor::new(&self.text, start);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Pass {
    Same,
    Back,
    Changed,
    Moved,
}

/// The parts of a kind: number, first line, source.
fn parts(outline: &Outline, kind: Kind) -> impl Iterator<Item = (usize, usize, &str)> {
    let cells = outline.cells.iter().enumerate();
    let cells = cells.filter(move |(_, cell)| {
        kind == Kind::Cell {
            marked: cell.marked,
        }
    });
    let tasks = outline
        .tasks
        .iter()
        .enumerate()
        .filter(move |_| kind == Kind::Task);
    let cells = cells.map(|(place, cell)| (place, cell.lines.start, cell.source.as_str()));
    cells.chain(tasks.map(|(place, task)| (place, task.lines.start, task.text.as_str())))
}

impl<'a> View<'a> {
    /// What came of all that is in the text.
    pub fn marks(self) -> impl Iterator<Item = &'a Mark> {
        self.marks.iter().filter(|mark| mark.place.is_some())
    }

    /// The execution of this number.
    pub fn mark(self, id: u64) -> Option<&'a Mark> {
        self.marks().find(|mark| mark.id == id)
    }

    /// What came of a cell.
    pub fn of_cell(self, cell: usize) -> Option<&'a Mark> {
        self.marks()
            .find(|mark| mark.kind != Kind::Task && mark.place == Some(cell))
    }

    /// What came of a task.
    pub fn of_task(self, task: usize) -> Option<&'a Mark> {
        self.marks()
            .find(|mark| mark.kind == Kind::Task && mark.place == Some(task))
    }

    /// The cell that a mark belongs to.
    pub fn cell_of(self, mark: &Mark) -> Option<&'a Cell> {
        let is_cell = mark.kind != Kind::Task;
        mark.place
            .filter(|_| is_cell)
            .and_then(|place| self.outline.cells.get(place))
    }

    /// The first and the last line of the part that a mark belongs to; results are shown at the last.
    pub fn lines_of(self, mark: &Mark) -> Option<(usize, usize)> {
        let place = mark.place?;
        match mark.kind {
            Kind::Cell { .. } => {
                let cell = self.outline.cells.get(place)?;
                Some((cell.lines.start, cell.last_line))
            }
            Kind::Task => {
                let task = self.outline.tasks.get(place)?;
                Some((task.lines.start, task.lines.end - 1))
            }
        }
    }

    /// The lines that the traceback of a mark leads through, the one at fault last.
    pub fn trace_of(self, mark: &'a Mark) -> impl DoubleEndedIterator<Item = (usize, &'a Frame)> {
        let text = self.text;
        mark.trace
            .iter()
            .map(move |(anchor, frame)| (anchor.line(text), frame))
    }
}

#[cfg(test)]
mod tests;
