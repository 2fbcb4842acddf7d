//! What went wrong, told to people, and whether another attempt may cure it.
//!
//! Knows statuses, error bodies and transport errors; decides nothing about how long to wait.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use serde_json::Value;

use super::super::ModelError;
use super::endpoint::Endpoint;
use super::wire::Shape;

/// Characters of a server's own words that are shown.
const MAX_SHOWN_CHARS: usize = 400;

/// Why an attempt brought no reply.
#[derive(Debug)]
pub(super) enum Failure {
    /// No attempt will do better.
    Final(ModelError),
    /// The next attempt may do better, after at least `after` where the server says so.
    Retry {
        /// What to say when it was the last attempt.
        error: ModelError,
        /// What the server asks us to wait.
        after: Option<Duration>,
    },
    /// The server dislikes a part of the request that it can do without.
    Simplify(Shape),
}

impl Failure {
    pub(super) fn retry(error: ModelError) -> Self {
        Self::Retry { error, after: None }
    }
}

/// Names server and model in messages.
pub(super) struct Teller<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) model: &'a str,
    pub(super) has_key: bool,
    pub(super) key_withheld: bool,
}

impl Teller<'_> {
    /// `message` about "the model server at HOST", with the hint, both without secrets.
    pub(super) fn error(&self, message: &str, hint: Option<&str>) -> ModelError {
        ModelError {
            message: self.endpoint.redact(message),
            hint: hint.map(|hint| self.endpoint.redact(hint)),
        }
    }

    fn server(&self) -> String {
        format!("the model server at {}", self.endpoint.host())
    }

    /// An error whose message goes on after "the model server at HOST".
    pub(super) fn about_server(&self, what: &str, hint: Option<&str>) -> ModelError {
        self.error(&format!("{} {what}", self.server()), hint)
    }

    /// The connection could not be made, or broke before the answer began.
    pub(super) fn transport(&self, error: &reqwest::Error) -> Failure {
        let cause = root_cause(error);
        if error.is_builder() {
            let message = format!("the request to {} cannot be made: {cause}", self.server());
            return Failure::Final(self.error(&message, None));
        }
        if find::<rustls::Error>(error).is_some() {
            let message = format!("no secure connection to {}: {cause}", self.server());
            let hint = "check base_url (https or http?) and the system's CA certificates";
            return Failure::Final(self.error(&message, Some(hint)));
        }
        if !error.is_connect() {
            return self.broken(&cause);
        }
        let address = self.endpoint.host_and_port();
        let refused = find::<io::Error>(error)
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
        let message = if refused {
            format!("no model server answers at {address}")
        } else {
            format!("no model server answers at {address}: {cause}")
        };
        let hint = "start the server, or set base_url (or OPENAI_BASE_URL) to where it listens";
        Failure::retry(self.error(&message, Some(hint)))
    }

    /// The connection broke on the way.
    pub(super) fn broken(&self, cause: &str) -> Failure {
        let message = format!("the connection to {} broke: {cause}", self.server());
        let hint = "the server may have crashed or run out of memory: look into its log";
        Failure::retry(self.error(&message, Some(hint)))
    }

    /// The server answered with a status other than success. `body` is the beginning of what it
    /// said, `sent` the request it did not like.
    pub(super) fn status(&self, answer: &Refusal<'_>, sent: Shape) -> Failure {
        let said = said_by(answer.body).map(|text| self.shown(&text));
        match answer.status.as_u16() {
            401 | 403 => Failure::Final(self.unauthorized(answer.status, said)),
            404 | 405 => Failure::Final(self.not_found(said)),
            429 => self.limited(answer, said),
            408 | 500..=599 => Failure::Retry {
                error: self
                    .about_server(&format!("failed: {}", because(answer.status, said)), None),
                after: answer.retry_after,
            },
            300..=399 => Failure::Final(self.redirected(answer)),
            status => {
                let simpler = sent.without(&String::from_utf8_lossy(answer.body));
                match simpler.filter(|_| matches!(status, 400 | 422)) {
                    Some(simpler) => Failure::Simplify(simpler),
                    None => Failure::Final(self.about_server(
                        &format!("refused the request: {}", because(answer.status, said)),
                        None,
                    )),
                }
            }
        }
    }

    fn unauthorized(&self, status: StatusCode, said: Option<String>) -> ModelError {
        if !self.has_key {
            let hint = match self.key_withheld {
                true => {
                    "no key was given with base_url, and the key of the daemon goes to no server \
                     but its own: give api_key beside base_url"
                }
                false => "no key was given: set OPENAI_API_KEY or api_key",
            };
            return self.about_server("wants an API key", Some(hint));
        }
        let hint = "set OPENAI_API_KEY or api_key to a key that is valid for this server";
        // What a 401 says often holds a part of the key; what a 403 says is about rights.
        match said.filter(|_| status == StatusCode::FORBIDDEN) {
            Some(said) => self.about_server(&format!("refused the API key: {said}"), Some(hint)),
            None => self.about_server("refused the API key", Some(hint)),
        }
    }

    fn not_found(&self, said: Option<String>) -> ModelError {
        let said = said.map(|said| format!(": {said}")).unwrap_or_default();
        let hint = format!(
            "check the model's name (\"{}\") and base_url; the request went to {}",
            self.model,
            self.endpoint.shown_url()
        );
        let message = format!("does not know the model or the URL{said}");
        self.about_server(&message, Some(&hint))
    }

    fn limited(&self, answer: &Refusal<'_>, said: Option<String>) -> Failure {
        let message = format!(
            "takes no more requests now: {}",
            because(answer.status, said)
        );
        // OpenAI says 429 also for an empty account, which no waiting fills.
        if contains(answer.body, b"insufficient_quota") {
            let hint = "check the plan and the billing of the account that the key belongs to";
            return Failure::Final(self.about_server(&message, Some(hint)));
        }
        Failure::Retry {
            error: self.about_server(&message, Some("wait a while, or use another model")),
            after: answer.retry_after,
        }
    }

    fn redirected(&self, answer: &Refusal<'_>) -> ModelError {
        let target = answer.headers.get(LOCATION);
        let target = target.and_then(|target| target.to_str().ok()).map_or_else(
            || "another address".to_owned(),
            |target| self.shown(target.split(['?', '#']).next().unwrap_or_default()),
        );
        let hint = "redirects are not followed, to keep the key here; set base_url to where it is";
        self.about_server(&format!("points to {target}"), Some(hint))
    }

    /// A server's own words: without secrets, in one line, cut.
    pub(super) fn shown(&self, text: &str) -> String {
        // First the secrets go: a cut could leave half of one.
        let text = self.endpoint.redact(text);
        let words: Vec<&str> = text
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
            .collect();
        let line = words.join(" ");
        match line.char_indices().nth(MAX_SHOWN_CHARS) {
            Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default().trim_end()),
            None => line,
        }
    }
}

/// An answer with a status other than success.
pub(super) struct Refusal<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    pub(super) retry_after: Option<Duration>,
}

fn because(status: StatusCode, said: Option<String>) -> String {
    let reason = status.canonical_reason().unwrap_or_default();
    match said {
        Some(said) => format!("{said} (HTTP {})", status.as_u16()),
        None => format!("HTTP {} {reason}", status.as_u16())
            .trim_end()
            .to_owned(),
    }
}

/// The words in an error body: of JSON the usual fields, else the text itself unless it is a page.
pub(super) fn said_by(body: &[u8]) -> Option<String> {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(json) => message_in(&json)?,
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let text = text.trim();
    (!text.is_empty() && !text.starts_with('<')).then(|| text.to_owned())
}

/// Finds the message of an error object as OpenAI, FastAPI, llama.cpp, Ollama and Gemini write it.
pub(super) fn message_in(json: &Value) -> Option<String> {
    match json {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => items.first().and_then(message_in),
        Value::Object(fields) => ["error", "message", "detail", "msg"]
            .iter()
            .filter_map(|name| fields.get(*name))
            .find_map(message_in),
        _ => None,
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

/// What lies at the bottom of an error: "Connection refused (os error 111)" rather than "error
/// sending request".
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    chain(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    chain(error).find_map(|error| error.downcast_ref::<E>())
}

/// An error and its causes. An `io::Error` is asked for its inner error, which its `source` skips.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn Error + 'static)| {
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match inner {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}
