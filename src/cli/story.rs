//! Tells people what happens in a run: from events to text. Pure.

use super::failure::as_options;
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
            Event::Stdout { text, .. } => stream(look.safe(text).into_owned()),
            Event::Stderr { text, .. } => stream(look.paint(Tone::Dim, &look.safe(text))),
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

/// What a refused import says names an option, for which the command line has another name.
#[must_use]
pub fn in_options(error: &PyErrorInfo, text: &str) -> String {
    match error.kind.as_str() {
        "ImportError" => as_options(text),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What is shown of events given as `(time, event)`.
    fn told(look: Look, events: &[(f64, Value)]) -> String {
        let mut story = Story::new(look);
        let mut shown = String::new();
        for (time, event) in events {
            let mut event = event.clone();
            event["session"] = json!("s");
            event["seq"] = json!(1);
            event["time"] = json!(time);
            let told = story.tell(&serde_json::from_value(event).unwrap());
            match told.text {
                Text::None => {}
                Text::Stream(text) => shown.push_str(&text),
                Text::Lines(text) => shown.push_str(&text),
            }
            if let Some(now) = told.now {
                shown.push_str(&format!("[{now}]\n"));
            }
        }
        shown
    }

    fn result(fields: &Value) -> Value {
        let mut result = json!({
            "step": 1, "output": "", "stderr": "", "output_truncated": false, "value": null,
            "is_final": false, "final_value": null, "error": null, "timeout": false,
            "interrupted": false, "duration_ms": 1.0, "signals": [], "display": [], "state": "kept",
        });
        for (name, value) in fields.as_object().unwrap() {
            result[name] = value.clone();
        }
        json!({"type": "step.finished", "step": 1, "result": result})
    }

    #[test]
    fn a_step_is_told_as_it_goes() {
        let events = [
            (10.0, json!({"type": "step.started", "step": 1})),
            (11.0, json!({"type": "model.delta", "step": 1, "text": "x"})),
            (
                12.1,
                json!({"type": "code", "step": 1, "code": "x = 1\n\nprint(x)\n"}),
            ),
            (12.2, json!({"type": "stdout", "step": 1, "text": "1\n"})),
            (
                12.2,
                json!({"type": "signal", "step": 1, "kind": "commit", "message": "it is 1"}),
            ),
            (12.3, result(&json!({"value": "1"}))),
        ];
        let expected = "[step 1: thinking]\n[step 1: writing]\n\
            step 1, thought for 2.1 s\n| x = 1\n| \n| print(x)\n[step 1: running]\n\
            1\n! it is 1\n=> 1\n";
        assert_eq!(told(Look::PLAIN, &events), expected);
    }

    #[test]
    fn each_kind_of_event_has_its_line() {
        let error = |line: Value, message: &str| {
            let error =
                json!({"type": "ValueError", "message": message, "traceback": "", "line": line});
            result(&json!({"error": error}))
        };
        let signal = |kind: &str, message: &str| json!({"type": "signal", "step": 1, "kind": kind, "message": message});
        let table = [
            (signal("uncertain", "a\nb"), "? a\n  b\n"),
            (signal("explore", ""), "~ explore\n"),
            (error(json!(3), "bad"), "ValueError: bad (line 3)\n"),
            (error(json!(null), ""), "ValueError\n"),
            (result(&json!({})), ""),
            (json!({"type": "stderr", "step": 1, "text": "oh"}), "oh"),
            (
                json!({"type": "display", "step": 1, "data": {"text/html": ""}}),
                "[text/html]\n",
            ),
            (
                json!({"type": "step.finished", "step": 1, "result": null}),
                "",
            ),
            (json!({"type": "memory", "name": "x", "op": "store"}), ""),
        ];
        for (event, shown) in table {
            assert_eq!(told(Look::PLAIN, &[(0.0, event.clone())]), shown, "{event}");
        }
    }

    #[test]
    fn a_reply_without_code_is_told_in_a_few_words() {
        let usage =
            json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "requests": 1});
        let reply = |text: &str| {
            [
                (
                    0.0,
                    json!({"type": "model.message", "step": 2, "text": text, "usage": usage}),
                ),
                (
                    1.0,
                    json!({"type": "step.finished", "step": 2, "result": null}),
                ),
            ]
        };
        let table = [
            (
                "I  think\nso",
                "the model wrote no code: I think so".to_owned(),
            ),
            ("", "the model said nothing".to_owned()),
            (
                &"é".repeat(400),
                format!("the model wrote no code: {}...", "é".repeat(300)),
            ),
        ];
        for (text, shown) in table {
            let expected = format!("\nstep 2, thought for 1.0 s\n{shown}\n");
            assert_eq!(told(Look::PLAIN, &reply(text)), expected);
        }
    }

    #[test]
    fn terminals_get_colours_and_no_commands() {
        let look = Look {
            live: true,
            colours: true,
        };
        let code = json!({"type": "code", "step": 1, "code": "print('\x1b[2J')"});
        let expected = "\x1b[1mstep 1\x1b[0m\x1b[2m · thought for 0 ms\x1b[0m\n\
            \x1b[2m│ \x1b[0m\x1b[36mprint('␛[2J')\x1b[0m\n[step 1: running]\n";
        assert_eq!(told(look, &[(0.0, code)]), expected);
    }
}
