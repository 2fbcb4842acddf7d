//! What came of an execution, as people are shown it.
//!
//! Pure. It knows results, and nothing of documents or editors.

use std::fmt::Write as _;

use crate::protocol::{Error, ExecResult, PyErrorInfo, RunResult, RunState};

/// Most characters of a label.
const MAX_LABEL: usize = 80;

/// What came of an execution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Whether it went well.
    pub ok: bool,
    /// One short line.
    pub label: String,
    /// All of it, in Markdown.
    pub detail: String,
    /// The exception, where one ended it.
    pub error: Option<PyErrorInfo>,
    /// The lines of steps that its traceback leads through.
    pub frames: Vec<Frame>,
    /// The step that it was.
    pub step: Option<u64>,
    /// The code that the agent wrote.
    pub code: Option<String>,
}

/// A line that a traceback leads through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The step whose code it is in.
    pub step: u64,
    /// The line in that code, from 1.
    pub line: usize,
    /// The function.
    pub function: String,
}

impl Summary {
    /// What came of a cell.
    pub fn of_cell(result: &ExecResult) -> Self {
        // What the user stopped is nothing that is wrong with the code.
        let error = result.error.as_ref().filter(|_| !result.interrupted);
        let frames = error.map(|error| frames(error, result.step));
        Self {
            ok: result.error.is_none() && !result.interrupted,
            label: label_of_cell(result),
            detail: detail_of_cell(result),
            error: error.cloned(),
            frames: frames.unwrap_or_default(),
            step: Some(result.step),
            code: None,
        }
    }

    /// What came of a task, for which the agent wrote this code.
    pub fn of_task(result: &RunResult, code: &[String]) -> Self {
        let ok = result.state == RunState::Completed;
        let label = match &result.error {
            None => format!("= {}", one_line(&result.output)),
            Some(_) if result.state == RunState::Cancelled => "■ stopped".to_owned(),
            Some(error) => format!("✗ {}", one_line(&error.message)),
        };
        let code = (!code.is_empty()).then(|| code.join("\n\n"));
        let mut detail = String::new();
        match &result.error {
            None => detail.push_str(&fenced("", &result.output)),
            Some(error) => {
                let hint = error.hint.as_deref().unwrap_or_default();
                detail.push_str(&fenced("", &format!("{}\n{hint}", error.message)));
            }
        }
        if let Some(code) = &code {
            detail.push_str(&fenced("python", code));
        }
        let steps = result.steps_taken;
        let tokens = result.metadata.usage.total_tokens;
        let plural = if steps == 1 { "step" } else { "steps" };
        let _ = write!(
            detail,
            "{steps} {plural} · {:.1} s · {tokens} tokens",
            result.duration_seconds
        );
        Self {
            ok,
            label: short(&label),
            detail,
            code,
            ..Self::default()
        }
    }

    /// That it could not be run.
    pub fn of_error(error: &Error) -> Self {
        let hint = error.data.hint.as_deref().unwrap_or_default();
        Self {
            label: short(&format!("✗ {}", one_line(&error.message))),
            detail: fenced("", &format!("{}\n{hint}", error.message)),
            ..Self::default()
        }
    }
}

fn label_of_cell(result: &ExecResult) -> String {
    let label = match (&result.error, &result.value) {
        _ if result.interrupted => "■ interrupted".to_owned(),
        (Some(error), _) => match error.message.is_empty() {
            true => format!("✗ {}", error.kind),
            false => format!("✗ {}: {}", error.kind, one_line(&error.message)),
        },
        (None, _) if result.is_final => format!("= {}", one_line(&text_of(&result.final_value))),
        (None, Some(value)) => format!("= {}", one_line(value)),
        (None, None) => match last_line(&result.output).or_else(|| last_line(&result.stderr)) {
            Some(line) => format!("→ {line}"),
            None => format!("✓ {}", duration(result.duration_ms)),
        },
    };
    short(&label)
}

fn detail_of_cell(result: &ExecResult) -> String {
    let mut detail = String::new();
    if result.is_final {
        detail.push_str(&fenced("python", &text_of(&result.final_value)));
    }
    if let Some(value) = &result.value {
        detail.push_str(&fenced("python", value));
    }
    for text in [&result.output, &result.stderr] {
        if !text.is_empty() {
            detail.push_str(&fenced("", text));
        }
    }
    for display in &result.display {
        let kinds: Vec<&str> = display.keys().map(String::as_str).collect();
        let _ = write!(detail, "*{}*\n\n", kinds.join(", "));
    }
    if let Some(error) = &result.error {
        detail.push_str(&fenced("", &error.traceback));
    }
    let _ = write!(
        detail,
        "step {} · {}",
        result.step,
        duration(result.duration_ms)
    );
    detail
}

fn text_of(value: &serde_json::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn duration(milliseconds: f64) -> String {
    match milliseconds {
        short if short < 1_000.0 => format!("{short:.0} ms"),
        long => format!("{:.1} s", long / 1_000.0),
    }
}

/// The first line of a text, and how many follow.
fn one_line(text: &str) -> String {
    let text = text.trim();
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default().trim_end();
    match lines.count() {
        0 => first.to_owned(),
        more => format!("{} … +{more}", cut(first, MAX_LABEL - 15)),
    }
}

/// The last line of a text that says something.
pub fn last_line(text: &str) -> Option<&str> {
    let mut lines = text.split(['\n', '\r']).rev();
    lines
        .find(|line| !line.trim().is_empty())
        .map(str::trim_end)
}

fn short(label: &str) -> String {
    cut(label, MAX_LABEL)
}

/// The text, cut to so many characters.
pub fn cut(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}

/// A block of Markdown that shows the text as it is, whatever is in it.
pub fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}{language}\n{}\n{fence}\n\n", text.trim_end())
}

/// The lines of steps that a traceback leads through; where it names none, the line that is known.
fn frames(error: &PyErrorInfo, step: u64) -> Vec<Frame> {
    let mut frames: Vec<Frame> = error.traceback.lines().filter_map(frame).collect();
    let known = error.line.map(|line| line as usize);
    if let Some(line) = known
        && frames
            .last()
            .is_none_or(|last| (last.step, last.line) != (step, line))
    {
        frames.push(Frame {
            step,
            line,
            function: "<module>".to_owned(),
        });
    }
    frames
}

/// Reads a line such as `File "<step 3>", line 2, in f`.
fn frame(line: &str) -> Option<Frame> {
    let (step, rest) = line
        .trim_start()
        .strip_prefix("File \"<step ")?
        .split_once(">\", line ")?;
    let (line, function) = rest.split_once(", in ").unwrap_or((rest, "<module>"));
    let (step, line) = (step.parse().ok()?, line.parse().ok()?);
    Some(Frame {
        step,
        line,
        function: function.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "`json!` is a value")]
    fn cell(changes: serde_json::Value) -> Summary {
        let mut result = json!({
            "step": 3, "output": "", "stderr": "", "output_truncated": false, "value": null,
            "is_final": false, "final_value": null, "error": null, "timeout": false,
            "interrupted": false, "duration_ms": 12.3, "signals": [], "display": [], "state": "kept",
        });
        for (name, value) in changes.as_object().unwrap() {
            result[name] = value.clone();
        }
        Summary::of_cell(&serde_json::from_value(result).unwrap())
    }

    #[test]
    fn labels_are_short_and_say_the_most_important() {
        let long = "x".repeat(200);
        let cases = [
            (json!({}), "✓ 12 ms".to_owned()),
            (json!({"duration_ms": 61_234.0}), "✓ 61.2 s".to_owned()),
            (json!({"value": "42", "output": "a\n"}), "= 42".to_owned()),
            (json!({"value": "a\nb\nc"}), "= a … +2".to_owned()),
            (json!({"output": "a\nb\n\n"}), "→ b".to_owned()),
            (json!({"output": "10%\r20%"}), "→ 20%".to_owned()),
            (json!({"stderr": "careful\n"}), "→ careful".to_owned()),
            (json!({"value": long}), format!("= {}…", "x".repeat(78))),
            (
                json!({"is_final": true, "final_value": "yes"}),
                "= yes".to_owned(),
            ),
            (
                json!({"is_final": true, "final_value": [1]}),
                "= [1]".to_owned(),
            ),
            (json!({"interrupted": true}), "■ interrupted".to_owned()),
            (
                json!({"error": {"type": "ValueError", "message": "bad\nworse", "traceback": "", "line": 1}}),
                "✗ ValueError: bad … +1".to_owned(),
            ),
            (
                json!({"error": {"type": "KeyboardInterrupt", "message": "", "traceback": "", "line": null}}),
                "✗ KeyboardInterrupt".to_owned(),
            ),
        ];
        for (result, label) in cases {
            assert_eq!(cell(result).label, label);
        }
    }

    #[test]
    fn what_is_shown_cannot_end_its_block() {
        assert_eq!(fenced("", "a"), "```\na\n```\n\n");
        assert_eq!(fenced("", "a ```` b"), "`````\na ```` b\n`````\n\n");
        let detail = cell(json!({"output": "```\n", "value": "1"})).detail;
        assert_eq!(
            detail,
            "```python\n1\n```\n\n````\n```\n````\n\nstep 3 · 12 ms"
        );
    }

    #[test]
    fn a_traceback_is_followed_through_the_steps() {
        let traceback = "Traceback (most recent call last):\n  File \"<step 3>\", line 2, in <module>\n    \
                         f()\n  File \"<step 1>\", line 7, in f\n    1 / 0\n  File \"/lib/x.py\", line 3, in g\n";
        let error = |traceback: &str, line| json!({"error": {"type": "E", "message": "m", "traceback": traceback, "line": line}});
        let frame = |step, line, function: &str| Frame {
            step,
            line,
            function: function.to_owned(),
        };
        assert_eq!(
            cell(error(traceback, Some(2))).frames,
            [
                frame(3, 2, "<module>"),
                frame(1, 7, "f"),
                frame(3, 2, "<module>")
            ]
        );
        let syntax = "  File \"<step 3>\", line 4\n    x =\nSyntaxError: invalid syntax\n";
        assert_eq!(
            cell(error(syntax, Some(4))).frames,
            [frame(3, 4, "<module>")]
        );
        assert_eq!(cell(error("", Some(5))).frames, [frame(3, 5, "<module>")]);
        assert_eq!(cell(error("", None)).frames, []);
    }
}
