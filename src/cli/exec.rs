//! `tinycode exec`: the user's own Python, without a model.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::client::{Client, Show};
use super::exit::Exit;
use super::failure::Failure;
use super::json::JsonLines;
use super::look::{Look, Tone};
use super::options::{SessionArgs, file_or_stdin, warn_of_missing};
use super::screen::{Looks, complain, print};
use super::stop::Stop;
use super::story::{in_options, signal};
use crate::protocol::{
    Event, EventEnvelope, ExecResult, PyErrorInfo, SessionInfo, SessionOptions, StateAfter,
    TrustLevel,
};

const EXAMPLES: &str = "\
Examples:
  tinycode exec report.py
  tinycode exec --timeout 600 --cwd data report.py
  echo '6 * 7' | tinycode exec -                     prints 42
  tinycode exec --import numpy generated.py          imports as a model's code may have them

The code runs in a fresh isolated Python process. Its stdin is empty; the value of a last bare
expression is printed.

Exit codes: 0 ran to its end, 1 Python error or timeout, 2 usage, 4 engine, 130 Ctrl-C, 143 SIGTERM";

/// Programs end when their threads have: first Python's own hooks, by which the threads of pools end, which would wait
/// for work for ever.
const WAIT_FOR_THREADS: &str = "\
import threading
for end_pool in reversed(getattr(threading, '_threading_atexits', ())):
    end_pool()
for thread in threading.enumerate():
    if not thread.daemon and thread is not threading.current_thread() and thread is not threading.main_thread():
        thread.join()
";

/// Options of `tinycode exec`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ExecArgs {
    /// File of Python code; `-` reads it from stdin
    file: PathBuf,
    /// Allow only this package beyond the harmless part of the standard library [default: all]
    #[arg(long = "import", value_name = "PKG")]
    imports: Vec<String>,
    /// Bytes of output that are let through
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    max_output_bytes: u64,
    #[command(flatten)]
    session: SessionArgs,
    /// Write every event as one JSON line to stdout, and nothing else
    #[arg(long)]
    json: bool,
}

/// Code that is ready to run.
#[derive(Debug)]
pub struct Job {
    code: String,
    /// What tracebacks call it.
    name: String,
    options: SessionOptions,
    json: bool,
}

impl ExecArgs {
    /// Reads what the options name.
    ///
    /// # Errors
    /// When they cannot be meant.
    pub fn job(&self) -> Result<Job, Failure> {
        let mut options = SessionOptions {
            trust_level: TrustLevel::Isolated,
            extra_imports: self.imports.clone(),
            ..SessionOptions::default()
        };
        if options.extra_imports.is_empty() {
            options.extra_imports.push("*".to_owned());
        }
        options.limits.max_output_bytes = self.max_output_bytes;
        self.session.fill(&mut options)?;
        let name = match self.file.to_string_lossy() {
            name if name == "-" => "<stdin>".to_owned(),
            name => name.into_owned(),
        };
        Ok(Job {
            code: file_or_stdin(&self.file, "Python code")?,
            name,
            options,
            json: self.json,
        })
    }
}

/// Runs the code and passes on what it prints.
///
/// # Errors
/// When it cannot be run at all.
pub async fn run(
    job: Job,
    client: &mut Client,
    stop: &Stop,
    looks: Looks,
) -> Result<Exit, Failure> {
    let session: SessionInfo = client.call("session.create", &job.options).await?;
    warn_of_missing(&session)?;
    let id = session.session.as_str();
    let params = json!({"session": id, "code": job.code});
    let mut view = View {
        json: job.json,
        printed_only: false,
        look: looks.err,
        open: false,
    };
    let mut result: ExecResult = client.follow(id, "exec", &params, &mut view).await?;
    if result.error.is_none() {
        let params = json!({"session": id, "code": WAIT_FOR_THREADS});
        view.printed_only = true;
        let waited: ExecResult = client.follow(id, "exec", &params, &mut view).await?;
        result.error = waited.error.map(without_places);
        (result.timeout, result.interrupted) = (waited.timeout, waited.interrupted);
    }
    if !job.json {
        print(&value(looks.out, &result, view.open))?;
        complain(&complaint(looks.err, &result, &job.name))?;
    }
    match (&result.error, stop.exit()) {
        (None, _) => Ok(Exit::Answer),
        (Some(_), Some(exit)) if result.interrupted => Ok(exit),
        (Some(_), _) => Ok(Exit::NoAnswer),
    }
}

/// An error of code that is not the user's.
fn without_places(error: PyErrorInfo) -> PyErrorInfo {
    PyErrorInfo {
        traceback: format!("{}: {}", error.kind, error.message),
        ..error
    }
}

/// What the code came to, on a line of its own; `open` says whether it left one unfinished.
fn value(look: Look, result: &ExecResult, open: bool) -> String {
    let end = if open { "\n" } else { "" };
    let value = match (&result.value, &result.final_value) {
        (Some(value), _) => value.clone(),
        (None, _) if !result.is_final => {
            // What follows on stderr is not to stand behind it.
            let more = result.output_truncated || (look.live && result.error.is_some());
            return if more { end } else { "" }.to_owned();
        }
        (None, Value::String(answer)) => answer.clone(),
        (None, answer) => answer.to_string(),
    };
    format!("{end}{value}\n")
}

/// What went wrong and what can be done about it.
fn complaint(look: Look, result: &ExecResult, name: &str) -> String {
    let mut text = String::new();
    let mut hint = |what: &str| text.push_str(&look.paint(Tone::Dim, what));
    if result.output_truncated {
        hint("The output was cut; --max-output-bytes lets more of it through.\n");
    }
    if result.timeout {
        hint("The code ran into its time limit; --timeout SECONDS gives it more.\n");
    }
    match &result.error {
        Some(error) => traceback(look, error, result, name) + &text,
        None => text,
    }
}

fn traceback(look: Look, error: &PyErrorInfo, result: &ExecResult, name: &str) -> String {
    let whole = match error.kind.as_str() {
        "SystemExit" => format!("SystemExit: {}", error.message),
        // What was stopped from outside has no place in the code that would say anything.
        _ if result.state != StateAfter::Kept => {
            let message = error.message.split(". Its variables").next();
            format!("{}: {}", error.kind, message.unwrap_or_default())
        }
        _ => error.traceback.replace(
            &format!("File \"<step {}>\"", result.step),
            &format!("File \"{name}\""),
        ),
    };
    let whole = whole.trim_end();
    let (places, last) = match whole.rfind(&format!("\n{}", error.kind)) {
        Some(at) => whole.split_at(at + 1),
        None => ("", whole),
    };
    let last = in_options(error, last);
    format!("{places}{}\n", look.paint(Tone::Error, &last))
}

/// Passes on what the code prints.
struct View {
    /// Whether events are passed on as they are.
    json: bool,
    /// Whether only what is printed is passed on.
    printed_only: bool,
    look: Look,
    /// Whether the last line on stdout has not ended.
    open: bool,
}

impl Show for View {
    fn event(&mut self, params: &RawValue) -> io::Result<()> {
        let EventEnvelope { event, .. } = serde_json::from_str(params.get())?;
        let is_printed = matches!(event, Event::Stdout { .. } | Event::Stderr { .. });
        if self.printed_only && !is_printed {
            return Ok(());
        }
        if self.json {
            return JsonLines.event(params);
        }
        match event {
            Event::Stdout { text, .. } => {
                self.open = !text.ends_with('\n');
                print(&text)
            }
            Event::Stderr { text, .. } => complain(&text),
            Event::Signal { kind, message, .. } => complain(&signal(self.look, kind, &message)),
            _ => Ok(()),
        }
    }

    fn stopping(&mut self) -> io::Result<()> {
        if self.json {
            return JsonLines.stopping();
        }
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(fields: &Value) -> ExecResult {
        let mut result = json!({
            "step": 1, "output": "", "stderr": "", "output_truncated": false, "value": null,
            "is_final": false, "final_value": null, "error": null, "timeout": false,
            "interrupted": false, "duration_ms": 1.0, "signals": [], "display": [], "state": "kept",
        });
        for (name, value) in fields.as_object().unwrap() {
            result[name] = value.clone();
        }
        serde_json::from_value(result).unwrap()
    }

    #[test]
    fn values_stand_on_a_line_of_their_own() {
        let error = json!({"type": "E", "message": "", "traceback": "", "line": null});
        let live = Look {
            live: true,
            colours: false,
        };
        let table = [
            (json!({}), true, ""),
            (json!({"value": "42"}), false, "42\n"),
            (json!({"value": "42"}), true, "\n42\n"),
            (
                json!({"is_final": true, "final_value": "text"}),
                false,
                "text\n",
            ),
            (
                json!({"is_final": true, "final_value": [1]}),
                false,
                "[1]\n",
            ),
            (json!({"is_final": true}), false, "null\n"),
            (json!({"output_truncated": true}), true, "\n"),
            (json!({"error": error}), true, "\n"),
        ];
        for (fields, open, text) in table {
            assert_eq!(value(live, &result(&fields), open), text, "{fields}");
        }
        let failed = result(&json!({"error": error}));
        assert_eq!(value(Look::PLAIN, &failed, true), "");
    }

    #[test]
    fn tracebacks_name_the_file_and_end_with_what_to_do() {
        let error = |kind: &str, message: &str, places: &str| {
            let traceback = format!("{places}{kind}: {message}\n");
            json!({"type": kind, "message": message, "traceback": traceback, "line": 1})
        };
        let places = "Traceback:\n  File \"<step 1>\", line 1\n";
        let named = "Traceback:\n  File \"a.py\", line 1\n";
        let died = "the process exited with code 3. Its variables are gone; it has a fresh one";
        let hint = "The code ran into its time limit; --timeout SECONDS gives it more.\n";
        let table = [
            (json!({}), String::new()),
            (
                json!({"error": error("ValueError", "a\nb", places)}),
                format!("{named}ValueError: a\nb\n"),
            ),
            (
                json!({"error": error("ImportError", "add it to extra_imports", places)}),
                format!("{named}ImportError: allow it with --import\n"),
            ),
            (
                json!({"error": error("SystemExit", "3", places)}),
                "SystemExit: 3\n".to_owned(),
            ),
            (
                json!({"error": error("ProcessDied", died, ""), "state": "lost"}),
                "ProcessDied: the process exited with code 3\n".to_owned(),
            ),
            (
                json!({"error": error("TimeoutError", "too long", places), "timeout": true}),
                format!("{named}TimeoutError: too long\n{hint}"),
            ),
            (
                json!({"output_truncated": true}),
                "The output was cut; --max-output-bytes lets more of it through.\n".to_owned(),
            ),
        ];
        for (fields, text) in table {
            assert_eq!(
                complaint(Look::PLAIN, &result(&fields), "a.py"),
                text,
                "{fields}"
            );
        }
    }
}
