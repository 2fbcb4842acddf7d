//! Language models: one trait, a client for OpenAI-compatible servers, and recorded replies.
//!
//! Knows nothing of sessions, engines or the wire protocol of the daemon.

mod chat;
mod replay;
mod secret;
mod sse;

use std::ops::AddAssign;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

pub use self::chat::{ChatConfig, ChatModel, Reached, reach, same_server};
pub use self::replay::{Recorder, ReplayModel};
pub use self::secret::Secret;
pub use self::sse::{EventTooLarge, MAX_EVENT_BYTES, SseParser};

/// Who said a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The instructions a conversation starts with.
    System,
    /// The task, and what came of the code.
    User,
    /// The model.
    Assistant,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who said it.
    pub role: Role,
    /// What was said.
    pub content: String,
}

/// Tokens used, as the model's server counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompts.
    pub prompt_tokens: u64,
    /// Tokens of the replies.
    pub completion_tokens: u64,
    /// Number of requests answered.
    pub requests: u64,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.prompt_tokens += other.prompt_tokens;
        self.completion_tokens += other.completion_tokens;
        self.requests += other.requests;
    }
}

/// A whole reply of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The text of the reply.
    pub text: String,
    /// What it cost.
    pub usage: Usage,
}

/// A model did not answer. The conversation is as it was before the request.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ModelError {
    /// What went wrong, in the user's words. Never holds a key.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

/// Sees the text of a reply piece by piece. A name of its own, since `async_trait` would give the
/// `&str` of a spelled-out `dyn FnMut(&str)` one lifetime, which no model's text has.
pub type OnDelta<'a> = dyn FnMut(&str) + Send + 'a;

/// Something that answers a conversation.
#[async_trait]
pub trait Model: Send + Sync {
    /// Answers `messages`. `on_delta` sees each piece of text as it comes; the pieces joined are the
    /// reply's text. Dropping the future gives the request up.
    ///
    /// # Errors
    /// When no whole reply could be had, after the retries that make sense.
    async fn complete(
        &self,
        messages: &[Message],
        on_delta: &mut OnDelta<'_>,
    ) -> Result<Reply, ModelError>;
}

/// A shared model answers as the model itself does.
#[async_trait]
impl<M: Model + ?Sized> Model for Arc<M> {
    async fn complete(
        &self,
        messages: &[Message],
        on_delta: &mut OnDelta<'_>,
    ) -> Result<Reply, ModelError> {
        self.as_ref().complete(messages, on_delta).await
    }
}

/// Which model, and where it is.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name, as its server calls it, or `replay:FILE`.
    pub name: String,
    /// The key for its server.
    pub api_key: Option<Secret>,
    /// Whether its server was named without a key of its own, so that none is sent.
    pub key_withheld: bool,
    /// The base URL of its server.
    pub base_url: String,
    /// A file to which each reply is added.
    pub record: Option<PathBuf>,
}

/// Opens the model. Connects to nothing yet.
///
/// # Errors
/// When the settings cannot be right, or a recording cannot be read or written.
pub fn open(source: &Source) -> Result<Arc<dyn Model>, ModelError> {
    if let Some(file) = source.name.strip_prefix("replay:") {
        return Ok(Arc::new(ReplayModel::open(file)?));
    }
    let mut config = ChatConfig::new(&source.name, &source.base_url);
    config.api_key.clone_from(&source.api_key);
    config.key_withheld = source.key_withheld;
    let model = ChatModel::new(config)?;
    match &source.record {
        Some(file) => Ok(Arc::new(Recorder::open(model, file)?)),
        None => Ok(Arc::new(model)),
    }
}
