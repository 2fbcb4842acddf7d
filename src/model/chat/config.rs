//! The settings of a [`super::ChatModel`], and what they are unless told otherwise.
//!
//! Reads neither environment nor files.

use std::fmt;
use std::time::Duration;

use super::super::Secret;

/// Where the model is and how patient to be with it.
#[derive(Clone)]
pub struct ChatConfig {
    /// The name of the model, as its server calls it.
    pub model: String,
    /// Sent as `Authorization: Bearer`. Local servers mostly want none.
    pub api_key: Option<Secret>,
    /// Whether the server was named without a key of its own; an error about a missing key says so.
    pub key_withheld: bool,
    /// What `/chat/completions` is appended to, like `https://api.openai.com/v1`, with or without a
    /// slash at its end.
    pub base_url: String,
    /// For one reply with all its attempts. Default: 600 s.
    pub total_timeout: Duration,
    /// For the time without a byte from the server. Default: 120 s, since a small local model reads
    /// a long prompt slowly.
    pub idle_timeout: Duration,
    /// Attempts at one reply, the first included. Default: 5.
    pub max_attempts: u32,
    /// The longest wait before the second attempt, doubled for each further one. Default: 0.5 s.
    pub backoff_base: Duration,
    /// The longest wait between attempts that the server did not ask for. Default: 20 s.
    pub backoff_cap: Duration,
    /// The longest wait that is granted to a server that asks for one. Default: 60 s.
    pub retry_after_cap: Duration,
    /// Bytes of text that a reply may have. Default: 4 MiB.
    pub max_reply_bytes: usize,
}

impl ChatConfig {
    /// The defaults, with no key.
    pub fn new(model: impl Into<String>, base_url: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            api_key: None,
            key_withheld: false,
            base_url: base_url.into(),
            total_timeout: Duration::from_secs(600),
            idle_timeout: Duration::from_secs(120),
            max_attempts: 5,
            backoff_base: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(20),
            retry_after_cap: Duration::from_secs(60),
            max_reply_bytes: 4 * 1024 * 1024,
        }
    }
}

impl fmt::Debug for ChatConfig {
    /// Leaves the URL out, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatConfig")
            .field("model", &self.model)
            .field("api_key", &self.api_key)
            .field("total_timeout", &self.total_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("max_attempts", &self.max_attempts)
            .finish_non_exhaustive()
    }
}
