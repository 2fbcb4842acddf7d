//! What the program tells whoever started it by its exit code.

use std::process::ExitCode;

use crate::protocol::ErrorKind;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// With an answer.
    Answer = 0,
    /// Without one: the steps were used up, or the code failed.
    NoAnswer = 1,
    /// It was asked for something that cannot be meant.
    Usage = 2,
    /// The model did not answer.
    Model = 3,
    /// No Python could be had, or tinycode itself failed.
    Engine = 4,
    /// By Ctrl-C (SIGINT), as shells count it.
    Interrupted = 130,
    /// Nobody reads the output any more: what SIGPIPE would have given.
    OutputClosed = 141,
    /// By SIGTERM, or SIGHUP, which says the same.
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<ErrorKind> for Exit {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::InvalidParams => Self::Usage,
            ErrorKind::ModelError => Self::Model,
            ErrorKind::StepLimitReached | ErrorKind::Cancelled => Self::NoAnswer,
            _ => Self::Engine,
        }
    }
}
