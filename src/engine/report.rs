//! Between engines and workers: a step as a worker is asked for it, and what came of it as engines say it.

use std::time::Duration;

use serde_json::Value;

use super::{
    Emit, Event, Final, MemoryChange, Outcome, PyError, Spec, State, Step, Stored, ToolFunction,
    Unanswered,
};
use crate::worker::{
    Change, Done, Ended, Happening, Memory, Report, Request, Stop, TRUNCATED, ToolSpec,
};

/// A step as a worker is asked for it.
pub fn request<'a>(step: &'a Step<'_>, spec: &Spec) -> Request<'a> {
    Request {
        nonce: getrandom::u64().unwrap_or(step.number),
        step: step.number,
        code: step.code,
        memory: Memory {
            clear: step.memory.clear,
            set: &step.memory.set,
        },
        tools: step.tools.as_deref().map(tool_specs),
        max_text: spec.max_output,
    }
}

/// The tools as a worker is told them.
fn tool_specs(tools: &[ToolFunction]) -> Vec<ToolSpec<'_>> {
    let specs = tools.iter().map(|tool| ToolSpec {
        name: &tool.name,
        doc: &tool.doc,
        source: tool.source.as_deref(),
    });
    specs.collect()
}

/// Passes on what the code does, if it is an event of its step.
pub fn pass_on(happening: Happening, events: &dyn Emit<Event>) {
    if let Some(event) = event(happening) {
        events.emit(event);
    }
}

fn event(happening: Happening) -> Option<Event> {
    Some(match happening {
        Happening::Output(stream, text) => Event::Output(stream, text),
        Happening::Background(stream, text) => Event::Background(stream, text),
        Happening::Signal(kind, message) => Event::Signal(kind, message),
        Happening::Memory(Change::Store { name, value, repr }) => {
            let value = match (value, repr) {
                (Some(value), _) => Stored::Json(value),
                (None, Some(repr)) => Stored::Repr(repr),
                (None, None) => Stored::Json(Value::Null),
            };
            Event::Memory(MemoryChange::Store { name, value })
        }
        Happening::Call(call) => Event::Call(call),
        Happening::Memory(Change::Observe { text }) => Event::Memory(MemoryChange::Observe(text)),
        Happening::Memory(Change::Fail { text }) => Event::Memory(MemoryChange::Fail(text)),
        Happening::Refused => return None,
    })
}

/// Passes on what threads of the code do while no step runs.
pub fn aside(events: &dyn Emit<Event>) -> impl FnMut(Happening) + Send {
    move |happening| {
        if matches!(happening, Happening::Memory(_) | Happening::Background(..)) {
            pass_on(happening, events);
        }
    }
}

/// Why a query has no answer where no Python could be started after the last one.
pub fn none_runs(python: &str) -> Unanswered {
    Unanswered {
        message: format!("{python} is gone; the next step starts a fresh one"),
        state: State::Lost,
    }
}

/// Why a query has no answer; `python` is what errors call that which was asked, and `state` what it has
/// now.
pub fn unanswered(ended: Ended, python: &str, state: State) -> Unanswered {
    let how = match ended {
        Ended::Stubborn => {
            "was killed: it was asked about its variables, did not answer and did not stop"
                .to_owned()
        }
        Ended::Died(how) | Ended::Failed { how, .. } => how,
        Ended::Broken(what) => format!("was ended because {what}"),
        Ended::Done(_) => "was ended".to_owned(),
    };
    let message = format!("{python} {how}. {}", now(state));
    Unanswered { message, state }
}

/// What the session has where its Python was ended.
const fn now(state: State) -> &'static str {
    match state {
        State::Kept | State::Restored => "The session is as it was before this",
        State::Lost => "Its variables are gone; the session has a fresh Python",
    }
}

/// The outcome of a step, whose rich output is told too; `python` is what errors call that which ran it,
/// and `state` what it has where it was ended.
pub fn outcome(
    report: Report,
    spec: &Spec,
    duration: Duration,
    python: &str,
    state: State,
    events: &dyn Emit<Event>,
) -> Outcome {
    let truncated = report.stdout.is_cut() || report.stderr.is_cut();
    let mut outcome = Outcome {
        output: report.stdout.into_text(),
        stderr: report.stderr.into_text(),
        truncated,
        value: None,
        answer: None,
        error: None,
        timeout: report.stop == Some(Stop::Timeout),
        interrupted: report.stop == Some(Stop::Interrupt),
        duration,
        display: Vec::new(),
        rebound: Vec::new(),
        state,
    };
    let now = now(state);
    let stopped = report.stop.map(|stop| match stop {
        Stop::Timeout => {
            let seconds = spec.timeout.as_secs_f64();
            (
                "TimeoutError",
                format!("the step took longer than {seconds} s and was stopped"),
            )
        }
        Stop::Interrupt => ("KeyboardInterrupt", "the step was interrupted".to_owned()),
    });
    match report.ended {
        Ended::Done(done) => finish(&mut outcome, *done, stopped, spec.max_output),
        Ended::Stubborn => {
            let (kind, message) =
                stopped.unwrap_or(("TimeoutError", "the step was stopped".to_owned()));
            let message =
                format!("{message}; it did not stop when asked, so {python} was killed. {now}");
            outcome.error = Some(ended(kind, message));
        }
        Ended::Died(how) => {
            outcome.error = Some(ended("ProcessDied", format!("{python} {how}. {now}")));
        }
        Ended::Failed { kind, how } => {
            outcome.error = Some(ended(kind, format!("{python} {how}. {now}")));
        }
        Ended::Broken(what) => {
            let message = format!("{python} was ended because {what}. {now}");
            outcome.error = Some(ended("ProcessBroken", message));
        }
    }
    for data in &outcome.display {
        events.emit(Event::Display(data.clone()));
    }
    outcome
}

fn ended(kind: &str, message: String) -> PyError {
    PyError {
        kind: kind.to_owned(),
        traceback: format!("{kind}: {message}\n"),
        message,
        line: None,
        tool: None,
    }
}

fn finish(outcome: &mut Outcome, done: Done, stopped: Option<(&str, String)>, limit: usize) {
    outcome.state = State::Kept;
    outcome.rebound = done.rebound;
    outcome.display = done.display;
    outcome.value = done.value.map(|value| {
        let (value, cut) = cut(value, limit);
        outcome.truncated |= cut;
        value
    });
    outcome.error = done.error.map(|fault| PyError {
        kind: fault.kind,
        message: fault.message,
        traceback: fault.traceback,
        line: fault.line,
        tool: fault.tool,
    });
    if let Some((kind, message)) = stopped {
        let error = outcome
            .error
            .get_or_insert_with(|| ended(kind, message.clone()));
        kind.clone_into(&mut error.kind);
        // It ends with the exception that the worker raised for it, which is not the code's business.
        let places = error
            .traceback
            .trim_end()
            .rfind('\n')
            .map_or(0, |at| at + 1);
        error.traceback.truncate(places);
        error.traceback.push_str(&format!("{kind}: {message}\n"));
        error.message = message;
    } else if outcome.error.is_none() {
        outcome.answer = done.answer.map(|answer| Final {
            value: answer.value,
            text: answer.text,
        });
    }
}

/// Cuts `text` to `limit` bytes; says whether it had to.
fn cut(mut text: String, limit: usize) -> (String, bool) {
    let long = text.len() > limit;
    if long {
        text.truncate(text.floor_char_boundary(limit));
        text.push_str(TRUNCATED);
    }
    (text, long)
}
