//! Tells people what happens in a run: from events to text. Pure.

use super::failure::{as_options, quoted_as_options};
use super::look::{Look, Tone, time};
use crate::protocol::{Event, EventEnvelope, ExecResult, PyErrorInfo, SignalKind};

/// Most characters that are shown of a reply without code.
const MAX_WORDS: usize = 300;

/// What there is to show of an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Text to add.
    pub text: Text,
    /// What goes on from now on, where that changes.
    pub now: Option<String>,
}

/// Text to add to what was shown before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Text {
    /// Nothing.
    #[default]
    None,
    /// Where the text before ended, as a program prints it.
    Stream(String),
    /// Whole lines.
    Lines(String),
}

/// What is known of the run so far.
#[derive(Clone, Debug)]
pub struct Story {
    look: Look,
    /// When the step began.
    began: f64,
    /// The model's reply, until its code is shown.
    reply: Option<String>,
}

impl Story {
    /// The story from its beginning.
    #[must_use]
    pub const fn new(look: Look) -> Self {
        Self {
            look,
            began: 0.0,
            reply: None,
        }
    }

    /// What there is to show of the next event.
    pub fn tell(&mut self, event: &EventEnvelope) -> Told {
        let look = self.look;
        match &event.event {
            Event::StepStarted { step, .. } => {
                self.began = event.time;
                now(format!("step {step}: thinking"))
            }
            Event::ModelDelta { step, .. } => now(format!("step {step}: writing")),
            Event::ModelMessage { text, .. } => {
                self.reply = Some(text.clone());
                Told::default()
            }
            Event::Code { step, code } => {
                self.reply = None;
                let thought = event.time - self.began;
                Told {
                    text: Text::Lines(heading(look, *step, thought) + &code_lines(look, code)),
                    now: Some(format!("step {step}: running")),
                }
            }
            Event::Stdout {
                text, background, ..
            } if !background => stream(look.safe(text).into_owned()),
            Event::Stdout { text, .. } | Event::Stderr { text, .. } => {
                stream(look.paint(Tone::Dim, &look.safe(text)))
            }
            Event::Signal { kind, message, .. } => lines(signal(look, *kind, message)),
            Event::Display { data, .. } => {
                let kinds: Vec<&str> = data.keys().map(String::as_str).collect();
                let shown = look.safe(&kinds.join(", ")).into_owned();
                lines(look.paint(Tone::Dim, &format!("[{shown}]")) + "\n")
            }
            Event::StepFinished { step, result } => lines(match result {
                Some(result) => outcome(look, result),
                None => self.wordy(*step, event.time),
            }),
            _ => Told::default(),
        }
    }

    /// A step without code.
    fn wordy(&mut self, step: u64, ended: f64) -> String {
        let Some(reply) = self.reply.take() else {
            return String::new(); // the step was given up
        };
        let look = self.look;
        let words = reply.split_whitespace().collect::<Vec<_>>().join(" ");
        let end = words.char_indices().nth(MAX_WORDS).map(|(end, _)| end);
        let words = match end {
            Some(end) => format!("{}...", &words[..end]),
            None => words,
        };
        let said = match words.as_str() {
            "" => "the model said nothing".to_owned(),
            words => format!("the model wrote no code: {}", look.safe(words)),
        };
        heading(look, step, ended - self.began) + &look.paint(Tone::Warn, &said) + "\n"
    }
}

fn now(what: String) -> Told {
    Told {
        now: Some(what),
        ..Told::default()
    }
}

fn stream(text: String) -> Told {
    Told {
        text: Text::Stream(text),
        now: None,
    }
}

fn lines(text: String) -> Told {
    Told {
        text: if text.is_empty() {
            Text::None
        } else {
            Text::Lines(text)
        },
        now: None,
    }
}

fn heading(look: Look, step: u64, thought: f64) -> String {
    let title = look.paint(Tone::Bold, &format!("step {step}"));
    let gap = if step > 1 { "\n" } else { "" };
    let thought = format!("{}thought for {}", look.dot(), time(thought));
    format!("{gap}{title}{}\n", look.paint(Tone::Dim, &thought))
}

fn code_lines(look: Look, code: &str) -> String {
    let rule = look.paint(Tone::Dim, look.rule());
    let shown = look.safe(code);
    shown
        .trim_end()
        .lines()
        .map(|line| format!("{rule}{}\n", look.paint(Tone::Code, line)))
        .collect()
}

/// A signal, as a line with its mark.
#[must_use]
pub fn signal(look: Look, kind: SignalKind, message: &str) -> String {
    let (mark, name, tone) = match kind {
        SignalKind::Uncertain => ("?", "uncertain", Tone::Warn),
        SignalKind::Explore => ("~", "explore", Tone::Note),
        SignalKind::Commit => ("!", "commit", Tone::Good),
    };
    let message = match message.trim() {
        "" => name.to_owned(),
        message => look.safe(message).replace('\n', "\n  "),
    };
    format!("{} {message}\n", look.paint(tone, mark))
}

fn outcome(look: Look, result: &ExecResult) -> String {
    let mut text = String::new();
    if let Some(value) = &result.value {
        let arrow = look.paint(Tone::Dim, look.arrow());
        text.push_str(&format!("{arrow}{}\n", look.safe(value)));
    }
    if let Some(error) = &result.error {
        text.push_str(&look.paint(Tone::Error, &look.safe(&last_line(error))));
        text.push('\n');
    }
    text
}

/// The last line of a traceback, and where in the step's code it happened.
#[must_use]
pub fn last_line(error: &PyErrorInfo) -> String {
    let mut text = error.kind.clone();
    if !error.message.trim().is_empty() {
        text.push_str(": ");
        text.push_str(&in_options(error, error.message.trim_end()));
    }
    if let Some(line) = error.line {
        text.push_str(&format!(" (line {line})"));
    }
    text
}

/// What a refusal says names an option, for which the command line has another name. The rest is the code's own words.
#[must_use]
pub fn in_options(error: &PyErrorInfo, text: &str) -> String {
    match error.kind.as_str() {
        "ImportError" => as_options(text),
        _ => quoted_as_options(text),
    }
}

#[cfg(test)]
mod tests;
