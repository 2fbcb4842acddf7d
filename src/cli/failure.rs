//! Why a command came to nothing, as people are told it.

use std::fmt::Display;
use std::io;

use super::exit::Exit;
use super::look::{Look, Tone};
use crate::logging::LogError;
use crate::protocol::{Error, ErrorKind};

/// What the protocol calls what the command line calls otherwise.
const NAMES: &[(&str, &str)] = &[
    ("the option `sandbox: \"off\"`", "--sandbox off"),
    ("the option `sandbox: \"workspace\"`", "--sandbox workspace"),
    ("the option `network: \"host\"`", "--network host"),
    ("the option `limits.max_memory_bytes`", "--max-memory-bytes"),
    ("`limits.max_memory_bytes`", "--max-memory-bytes"),
    ("limits.max_memory_bytes", "--max-memory-bytes"),
    ("limits.timeout_seconds", "--timeout"),
    ("limits.max_output_bytes", "--max-output-bytes"),
    ("limits.max_steps", "--max-steps"),
    ("OPENAI_API_KEY or api_key", "OPENAI_API_KEY"),
    ("trust_level \"isolated\"", "--trust-level isolated"),
    ("the option `python`", "--python"),
    ("add it to extra_imports", "allow it with --import"),
    ("extra_imports", "--import"),
    ("max_steps", "--max-steps"),
    ("base_url", "--base-url"),
    ("prompt_file", "--prompt-file"),
    ("cwd_mode", "--cwd-mode"),
    ("cwd", "--cwd"),
];

/// Why a command came to nothing.
#[derive(Debug)]
pub enum Failure {
    /// It was asked for something that cannot be meant.
    Usage(String),
    /// A method answered an error.
    Wire(Error),
    /// What it has to say cannot be written.
    Output(io::Error),
    /// Somebody stopped it.
    Stopped(Exit),
}

impl Failure {
    /// The exit code for it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Wire(error) => error.data.kind.into(),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::OutputClosed,
            Self::Output(_) => Exit::Engine,
            Self::Stopped(exit) => *exit,
        }
    }

    /// What to tell people, with the end of its last line; nothing where they know already.
    #[must_use]
    pub fn text(&self, look: Look) -> String {
        match self {
            Self::Usage(what) => message(look, what, None),
            Self::Wire(error) => message(
                look,
                &as_options(&error.message),
                error.data.hint.as_deref().map(as_options).as_deref(),
            ),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => String::new(),
            Self::Output(error) => message(look, &format!("cannot write: {error}"), None),
            Self::Stopped(_) => message(look, "stopped", None),
        }
    }
}

fn message(look: Look, what: &str, hint: Option<&str>) -> String {
    let what = look.safe(what);
    let mut text = format!("{} {what}\n", look.paint(Tone::Error, "error:"));
    if let Some(hint) = hint {
        let hint = look.safe(hint);
        text.push_str(&format!("{} {hint}\n", look.paint(Tone::Good, " hint:")));
    }
    text
}

/// `text` of the protocol in the words of the command line.
#[must_use]
pub fn as_options(text: &str) -> String {
    replaced(text, |_| true)
}

/// `text` with the options that are quoted in it in the words of the command line.
#[must_use]
pub fn quoted_as_options(text: &str) -> String {
    replaced(text, |name| name.contains('`'))
}

fn replaced(text: &str, is_meant: impl Fn(&str) -> bool) -> String {
    let mut said = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(next) = rest.chars().next() {
        let name = NAMES.iter().find(|(name, _)| {
            let after = rest.strip_prefix(name).map(|after| after.chars().next());
            is_meant(name)
                && !is_inside(before)
                && after.is_some_and(|after| !after.is_some_and(is_word))
        });
        let (from, to) = name.copied().unwrap_or_default();
        if from.is_empty() {
            said.push(next);
            before = next;
            rest = &rest[next.len_utf8()..];
        } else {
            said.push_str(to);
            before = 'x';
            rest = &rest[from.len()..];
        }
    }
    said
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether what follows `c` is a part of something longer, such as a path.
fn is_inside(c: char) -> bool {
    is_word(c) || matches!(c, '.' | '/' | '-')
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Wire(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::Usage(error.to_string())
    }
}

/// A defect of the program itself.
#[must_use]
pub fn defect(what: impl Display) -> Failure {
    Error::new(ErrorKind::Internal, format!("{what}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_called_what_the_user_typed() {
        let table = [
            (
                "cwd: there is no folder 'x'",
                "--cwd: there is no folder 'x'",
            ),
            (
                "limits.timeout_seconds: 0 is out of range",
                "--timeout: 0 is out of range",
            ),
            (
                "set base_url (or OPENAI_BASE_URL) to where it listens",
                "set --base-url (or OPENAI_BASE_URL) to where it listens",
            ),
            (
                "set OPENAI_API_KEY or api_key to a key",
                "set OPENAI_API_KEY to a key",
            ),
            ("raise max_steps, or", "raise --max-steps, or"),
            (
                "cannot read /cwd/max_steps.md",
                "cannot read /cwd/max_steps.md",
            ),
            ("rebase_url cwds é", "rebase_url cwds é"),
            ("", ""),
        ];
        for (wire, said) in table {
            assert_eq!(as_options(wire), said);
        }
    }

    #[test]
    fn each_failure_has_its_exit_code_and_words() {
        let plain = Look::PLAIN;
        let closed = io::Error::from(io::ErrorKind::BrokenPipe);
        let model = Error::new(ErrorKind::ModelError, "no answer").hint("check base_url");
        let table = [
            (Failure::Usage("what?".into()), 2, "error: what?\n"),
            (
                Failure::Wire(model),
                3,
                "error: no answer\n hint: check --base-url\n",
            ),
            (Failure::Output(closed), 141, ""),
            (Failure::Stopped(Exit::Interrupted), 130, "error: stopped\n"),
            (defect("oh"), 4, "error: oh\n"),
        ];
        for (failure, code, text) in table {
            assert_eq!(
                (failure.exit() as u8, failure.text(plain).as_str()),
                (code, text)
            );
        }
    }
}
