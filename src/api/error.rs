//! What clients are told when something went wrong: the only place where errors become wire errors.

use crate::engine::EngineError;
use crate::protocol::{Error, ErrorKind};
use crate::session::{MORE_STEPS, SessionError};

/// The parameters are wrong.
pub fn params(message: &str) -> Error {
    Error::new(ErrorKind::InvalidParams, message)
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        let message = error.to_string();
        match error {
            SessionError::NotFound(_) | SessionError::Closed => {
                Self::new(ErrorKind::SessionNotFound, message)
                    .hint("`session.list` lists the open sessions; `session.create` makes one")
            }
            SessionError::Cancelled => Self::new(ErrorKind::Cancelled, message),
            SessionError::Busy(_) => Self::new(ErrorKind::SessionBusy, message)
                .hint("wait for answers before you send more, or use more sessions"),
            SessionError::Occupied => Self::new(ErrorKind::SessionBusy, message),
            SessionError::TooMany(_) => Self::new(ErrorKind::LimitExceeded, message)
                .hint("close sessions that you no longer need"),
            SessionError::NoTask => {
                Self::new(ErrorKind::InvalidRequest, message).hint("give `task` to begin one")
            }
            SessionError::NoCheckpoint(_) => Self::new(ErrorKind::InvalidParams, message)
                .hint("`session.checkpoints` lists those that there are; the oldest go with time"),
            SessionError::StepLimit(_) => {
                Self::new(ErrorKind::StepLimitReached, message).hint(MORE_STEPS)
            }
            SessionError::NoVariable(_) => Self::new(ErrorKind::InvalidParams, message)
                .hint("`variables.list` lists what the code made"),
            SessionError::Unseen(_) => Self::new(ErrorKind::Internal, message)
                .hint("the code may have broken its Python; `session.reset` gives a fresh one"),
            SessionError::Unanswered(_) => Self::new(ErrorKind::LimitExceeded, message)
                .hint("run the code again that made the variables, but for what takes so long"),
            SessionError::Option { .. } => Self::new(ErrorKind::InvalidParams, message),
            SessionError::Engine(error) => error.into(),
            SessionError::Model(error) => {
                let wire = Self::new(ErrorKind::ModelError, message);
                match error.hint {
                    Some(hint) => wire.hint(hint),
                    None => wire,
                }
            }
        }
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Unavailable { message, hint } => {
                Self::new(ErrorKind::TrustLevelUnavailable, message).hint(hint)
            }
            error @ EngineError::Option { .. } => {
                Self::new(ErrorKind::InvalidParams, error.to_string())
            }
            EngineError::Gone => Self::new(ErrorKind::Internal, error.to_string())
                .hint("`session.checkpoints` lists those that are left"),
        }
    }
}
