//! Turns what came of a step into the text that the model sees next: short and plain. Pure. It must
//! not know the engine or the wire; it sees a step through [`Observation`] alone.

use std::borrow::Cow;
use std::fmt::Write;

use super::prompt;

/// The most characters of what was printed.
const OUTPUT: usize = 4_000;
/// The most characters of each other part: standard error, values, errors, docstrings.
const PART: usize = 1_500;
/// From how few steps on the model is told how many are left.
const STEPS: u32 = 3;

/// What came of a step.
#[derive(Debug, Clone, Copy, Default)]
pub struct Observation<'a> {
    /// What was printed.
    pub output: &'a str,
    /// What was written to standard error.
    pub stderr: &'a str,
    /// The `repr` of a last bare expression.
    pub value: Option<&'a str>,
    /// The exception that ended the code.
    pub error: Option<ErrorView<'a>>,
    /// The engine has cut the output.
    pub truncated: bool,
    /// The code was stopped after so many seconds.
    pub timeout: Option<f64>,
    /// The Python state was lost: variables are gone.
    pub lost: bool,
    /// The Python state is that from before the step.
    pub restored: bool,
    /// Names of ours that the code rebound.
    pub rebound: &'a [String],
    /// The code is that of the step before.
    pub repeated: bool,
    /// How many steps the model has left.
    pub steps_left: Option<u32>,
}

/// An exception as the model sees it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ErrorView<'a> {
    /// The type, such as `ZeroDivisionError`.
    pub kind: &'a str,
    /// What it says.
    pub message: &'a str,
    /// The line of the model's code.
    pub line: Option<u32>,
    /// The text of that line.
    pub source_line: Option<&'a str>,
    /// The traceback as Python prints it; shown if it says more than the rest.
    pub traceback: &'a str,
    /// The docstring of the tool that was called wrongly.
    pub tool_doc: Option<&'a str>,
}

impl Observation<'_> {
    /// The text for the model.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::from("Observation:");
        let output = self.output.trim_matches(['\n', '\r']).trim_end();
        part(&mut text, "", output, OUTPUT);
        part(&mut text, "Standard error:\n", self.stderr.trim(), PART);
        part(&mut text, "Value: ", self.value.unwrap_or_default(), PART);
        if self.truncated {
            part(&mut text, "", prompt::truncated(), PART);
        }
        if let Some(error) = &self.error {
            error.render(&mut text, self.timeout.is_some());
        }
        if let Some(seconds) = self.timeout {
            part(&mut text, "", &prompt::timeout(seconds), PART);
        }
        if self.lost {
            part(&mut text, "", prompt::lost(), PART);
        }
        if self.restored {
            part(&mut text, "", prompt::restored(), PART);
        }
        if !self.rebound.is_empty() {
            part(&mut text, "", &prompt::redefined(self.rebound), PART);
        }
        if self.repeated {
            part(&mut text, "", prompt::repeated(), PART);
        }
        let said_nothing = text.ends_with("Observation:");
        if said_nothing {
            part(&mut text, "", prompt::silent(), PART);
        } else if self.error.is_none()
            && self.rebound.is_empty()
            && !self.repeated
            && self.steps_left != Some(1)
        {
            let _ = write!(text, "\n\n{}", prompt::next());
        }
        if let Some(steps) = self.steps_left.filter(|steps| *steps <= STEPS) {
            let _ = write!(text, "\n\n{}", prompt::steps_left(steps));
        }
        text
    }
}

/// The text for a step that gave the final answer.
#[must_use]
pub fn answered(answer: &str) -> String {
    format!(
        "Observation: the answer was given: {}",
        shorten(answer, PART)
    )
}

/// The text for a reply without code.
#[must_use]
pub fn without_code(steps_left: u32) -> String {
    let mut text = prompt::no_code().to_owned();
    if steps_left <= STEPS {
        let _ = write!(text, "\n\n{}", prompt::steps_left(steps_left));
    }
    text
}

impl ErrorView<'_> {
    /// `stopped` says that the error is only how the code was stopped, which is told elsewhere.
    fn render(&self, text: &mut String, stopped: bool) {
        let place = match (
            self.line,
            self.source_line
                .map(str::trim)
                .filter(|source| !source.is_empty()),
        ) {
            (Some(line), Some(source)) => format!(" in line {line}: {}", shorten(source, 200)),
            (Some(line), None) => format!(" in line {line}"),
            _ => String::new(),
        };
        if stopped {
            return part(text, "Stopped", &place, PART);
        }
        let said = self.message.trim();
        let colon = if said.is_empty() { "" } else { ": " };
        // One frame says no more than the line; without a line the traceback may tell the place.
        let frames = self.traceback.matches("\n  File ").count();
        if frames > 1 || (self.line.is_none() && frames == 1) {
            part(
                text,
                "Error",
                &format!("{place}\n{}", shorten(self.traceback.trim(), PART)),
                2 * PART,
            );
        } else {
            part(text, "Error", &place, PART);
            part(text, "", &format!("{}{colon}{said}", self.kind), PART);
        }
        part(
            text,
            "About this tool: ",
            self.tool_doc.unwrap_or_default().trim(),
            PART,
        );
        part(text, "", prompt::error(self.kind), PART);
    }
}

/// Adds a part on a line of its own, unless there is nothing in it.
fn part(text: &mut String, title: &str, body: &str, most: usize) {
    if !body.is_empty() {
        let _ = write!(text, "\n{title}{}", shorten(body, most));
    }
}

/// Takes the middle out of a text of more than `most` characters and says how much that was. What
/// is printed first and last tells most.
fn shorten(text: &str, most: usize) -> Cow<'_, str> {
    // Bytes are never fewer than characters, so short texts need no counting.
    let count = if text.len() <= most {
        0
    } else {
        text.chars().count()
    };
    if count <= most {
        return Cow::Borrowed(text);
    }
    let half = most / 2;
    let place = |nth: usize| {
        text.char_indices()
            .nth(nth)
            .map_or(text.len(), |(at, _)| at)
    };
    let (head, tail) = (&text[..place(half)], &text[place(count - half)..]);
    Cow::Owned(format!(
        "{head}\n[... {} characters left out ...]\n{tail}",
        count - 2 * half
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares all but the reminder of what to do next.
    fn check(observation: Observation<'_>, wanted: &str) {
        let text = observation.render();
        let text = text.replace(&format!("\n\n{}", prompt::next()), "");
        assert_eq!(text, wanted, "{observation:?}");
    }

    #[test]
    fn reminds_of_what_to_do_with_a_result() {
        let shown = Observation {
            output: "1",
            ..Observation::default()
        };
        let silent = Observation::default();
        let last = Observation {
            steps_left: Some(1),
            ..shown
        };
        for (observation, reminded) in [(shown, true), (silent, false), (last, false)] {
            assert_eq!(observation.render().contains(prompt::next()), reminded);
        }
    }

    #[test]
    fn shows_what_was_printed() {
        let none = Observation::default();
        check(
            Observation {
                output: "\n  a\nb\n\n",
                ..none
            },
            "Observation:\n  a\nb",
        );
        check(
            Observation {
                value: Some("[1]"),
                ..none
            },
            "Observation:\nValue: [1]",
        );
        check(
            Observation {
                output: "a\n",
                stderr: "b\n",
                value: Some("3"),
                ..none
            },
            "Observation:\na\nStandard error:\nb\nValue: 3",
        );
        check(none, &format!("Observation:\n{}", prompt::silent()));
        check(
            Observation {
                output: "\n",
                ..none
            },
            &format!("Observation:\n{}", prompt::silent()),
        );
        check(
            Observation {
                output: "a",
                truncated: true,
                ..none
            },
            &format!("Observation:\na\n{}", prompt::truncated()),
        );
    }

    #[test]
    fn shows_errors() {
        let plain = ErrorView {
            kind: "ZeroDivisionError",
            message: "division by zero",
            line: Some(3),
            source_line: Some("    x = 1 / 0\n"),
            traceback: "Traceback (most recent call last):\n  File \"step\", line 3\nZeroDivisionError: division by zero",
            tool_doc: None,
        };
        let deep = "Traceback (most recent call last):\n  File \"step\", line 3\n  File \"step\", line 1\nE: m";
        let said = "ZeroDivisionError: division by zero";
        let hint = prompt::error("");
        let table = [
            (plain, format!("Error in line 3: x = 1 / 0\n{said}\n{hint}")),
            (
                ErrorView {
                    source_line: None,
                    ..plain
                },
                format!("Error in line 3\n{said}\n{hint}"),
            ),
            (
                ErrorView {
                    line: None,
                    traceback: "",
                    ..plain
                },
                format!("{said}\n{hint}"),
            ),
            (
                ErrorView {
                    line: None,
                    ..plain
                },
                format!("Error\n{}\n{hint}", plain.traceback),
            ),
            (
                ErrorView {
                    traceback: deep,
                    ..plain
                },
                format!("Error in line 3: x = 1 / 0\n{deep}\n{hint}"),
            ),
            (
                ErrorView {
                    kind: "E",
                    message: "",
                    line: None,
                    traceback: "",
                    ..plain
                },
                format!("E\n{hint}"),
            ),
            (
                ErrorView {
                    tool_doc: Some(" Adds.\n"),
                    ..plain
                },
                format!("Error in line 3: x = 1 / 0\n{said}\nAbout this tool: Adds.\n{hint}"),
            ),
            (
                ErrorView {
                    kind: "ImportError",
                    message: "no",
                    line: None,
                    traceback: "",
                    ..plain
                },
                format!("ImportError: no\n{}", prompt::error("ImportError")),
            ),
        ];
        for (error, wanted) in table {
            let observation = Observation {
                output: "a\n",
                error: Some(error),
                ..Observation::default()
            };
            check(observation, &format!("Observation:\na\n{wanted}"));
        }
    }

    #[test]
    fn shows_what_became_of_the_step() {
        let none = Observation::default();
        let error = ErrorView {
            kind: "TimeoutError",
            message: "m",
            line: Some(2),
            ..ErrorView::default()
        };
        check(
            Observation {
                error: Some(error),
                timeout: Some(1.5),
                lost: true,
                ..none
            },
            &format!(
                "Observation:\nStopped in line 2\n{}\n{}",
                prompt::timeout(1.5),
                prompt::lost()
            ),
        );
        let rebound = ["final_answer".to_owned()];
        check(
            Observation {
                rebound: &rebound,
                output: "a",
                ..none
            },
            &format!("Observation:\na\n{}", prompt::redefined(&rebound)),
        );
        check(
            Observation {
                output: "a",
                steps_left: Some(1),
                ..none
            },
            &format!("Observation:\na\n\n{}", prompt::steps_left(1)),
        );
        check(
            Observation {
                output: "a",
                steps_left: Some(9),
                ..none
            },
            "Observation:\na",
        );
    }

    #[test]
    fn shortens_in_the_middle() {
        let table = [
            ("", 4, ""),
            ("abcd", 4, "abcd"),
            ("abcdef", 4, "ab\n[... 2 characters left out ...]\nef"),
            ("éééé", 4, "éééé"),
            ("é😀éé😀é", 4, "é😀\n[... 2 characters left out ...]\n😀é"),
            ("abc", 0, "\n[... 3 characters left out ...]\n"),
        ];
        for (text, most, wanted) in table {
            assert_eq!(shorten(text, most), wanted, "{text}");
        }
        let long = "é".repeat(100_000);
        let error = ErrorView {
            kind: &long,
            message: &long,
            source_line: Some(&long),
            line: Some(1),
            traceback: &long,
            tool_doc: Some(&long),
        };
        let all = Observation {
            output: &long,
            stderr: &long,
            value: Some(&long),
            error: Some(error),
            ..Observation::default()
        };
        assert!(all.render().chars().count() < OUTPUT + 5 * PART);
    }
}
