//! What can go wrong between a session and those who use it. Each says what survives.

use crate::engine::{EngineError, Unanswered};
use crate::model::ModelError;

/// What to do when the steps were used up.
pub const MORE_STEPS: &str =
    "raise max_steps, or run again in the same session: its variables are kept";

/// A request to a session came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// There is no such session.
    #[error("there is no session '{0}'")]
    NotFound(String),
    /// The session was closed before the request was served.
    #[error("the session was closed before it came to this request")]
    Closed,
    /// The request was cancelled. The session is as it was, or as far as the code came.
    #[error("the request was cancelled")]
    Cancelled,
    /// Too many requests wait. None of them is lost, but this one is not taken.
    #[error("{0} requests are waiting on this session already")]
    Busy(usize),
    /// Too many sessions are open. None of them is touched.
    #[error("{0} sessions are open already")]
    TooMany(usize),
    /// There is no task to go on with.
    #[error("no task has been begun in this session")]
    NoTask,
    /// The session cannot go back there. It is as it was.
    #[error("there is no checkpoint '{0}' in this session")]
    NoCheckpoint(String),
    /// The run used up its steps. The session is kept.
    #[error("no answer was found in {0} {plural}", plural = if *.0 == 1 { "step" } else { "steps" })]
    StepLimit(u32),
    /// The model did not answer. The conversation is as it was before the turn.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The engine could not run the code. The session's memory is kept.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Something runs or waits, and the request wanted its answer at once.
    #[error("the session is busy")]
    Occupied,
    /// There is no such name in its Python.
    #[error("name: there is no variable '{0}'")]
    NoVariable(String),
    /// The names could not be looked at. They are as they were.
    #[error("the variables cannot be looked at: {0}")]
    Unseen(String),
    /// The Python did not survive being asked about its names. The session's memory is kept.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    /// An option cannot be met. No session was made.
    #[error("{field}: {message}")]
    Option {
        /// The option.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
}
