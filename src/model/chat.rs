//! A client for any server that speaks the OpenAI way of `/chat/completions`.
//!
//! Streams the reply, retries what may go away, and tells people in their words what will not. It
//! knows nothing of prompts, agents or Python, and reads neither environment nor files: what it
//! needs to know is in [`ChatConfig`].

mod config;
mod decode;
mod endpoint;
mod failure;
mod outlet;
mod reach;
mod retry;
#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, Response};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout, timeout_at};

pub use self::config::ChatConfig;
use self::decode::{Decoder, Fault};
use self::endpoint::Endpoint;
pub use self::endpoint::same_server;
use self::failure::{Failure, Refusal, Teller, message_in};
use self::outlet::{Outlet, OutletError};
pub use self::reach::{Reached, reach};
use self::wire::Shape;
use super::{Message, Model, ModelError, OnDelta, Reply, Usage};

/// Bytes of an error body that are read.
const MAX_ERROR_BYTES: usize = 8 * 1024;

/// How long the usage may come after the end of the text.
const USAGE_GRACE: Duration = Duration::from_secs(5);

/// What a timeout beyond all sense is cut to, so that adding it to now cannot overflow.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// A model behind an OpenAI-compatible server. Takes several requests at a time.
pub struct ChatModel {
    config: ChatConfig,
    endpoint: Endpoint,
    /// Made at the first request: reading the system's certificates takes a while, and many sessions
    /// never ask their model.
    client: OnceLock<Client>,
    /// The server refused these once; they are left out from then on.
    no_temperature: AtomicBool,
    no_stream_options: AtomicBool,
}

impl fmt::Debug for ChatModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatModel")
            .field("model", &self.config.model)
            .field("url", &self.endpoint.shown_url())
            .finish_non_exhaustive()
    }
}

impl ChatModel {
    /// A client as `config` says. Connects to nothing yet.
    ///
    /// # Errors
    /// When `base_url` is no HTTP URL, the key cannot be sent in a header, or there is no model name.
    pub fn new(config: ChatConfig) -> Result<Self, ModelError> {
        if config.model.trim().is_empty() {
            return Err(ModelError {
                message: "no model is named".to_owned(),
                hint: Some("set model to a name that the model server knows".to_owned()),
            });
        }
        let endpoint = Endpoint::new(&config.base_url, config.api_key.as_ref())?;
        Ok(Self {
            config,
            endpoint,
            client: OnceLock::new(),
            no_temperature: AtomicBool::new(false),
            no_stream_options: AtomicBool::new(false),
        })
    }

    fn teller(&self) -> Teller<'_> {
        Teller {
            endpoint: &self.endpoint,
            model: &self.config.model,
            has_key: self.endpoint.authorization().is_some(),
            key_withheld: self.config.key_withheld,
        }
    }

    fn client(&self) -> Result<&Client, ModelError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = self.endpoint.client()?;
        Ok(self.client.get_or_init(|| client))
    }

    fn shape(&self) -> Shape {
        Shape {
            temperature: !self.no_temperature.load(Ordering::Relaxed),
            stream_options: !self.no_stream_options.load(Ordering::Relaxed),
        }
    }

    fn simplify(&self, shape: Shape) {
        tracing::debug!(host = self.endpoint.host(), ?shape, "simpler requests");
        if !shape.temperature {
            self.no_temperature.store(true, Ordering::Relaxed);
        }
        if !shape.stream_options {
            self.no_stream_options.store(true, Ordering::Relaxed);
        }
    }

    /// One request and its answer.
    async fn attempt(
        &self,
        messages: &[Message],
        outlet: &mut Outlet<'_>,
    ) -> Result<Usage, Failure> {
        outlet.rewind();
        let shape = self.shape();
        let mut response = self.send(messages, shape).await?;
        if response.status().is_success() {
            self.read_reply(&mut response, outlet).await
        } else {
            Err(self.read_refusal(response, shape).await)
        }
    }

    async fn send(&self, messages: &[Message], shape: Shape) -> Result<Response, Failure> {
        let body = wire::request(&self.config.model, messages, shape).map_err(|error| {
            let message = format!("the request cannot be written as JSON: {error}");
            Failure::Final(self.teller().error(&message, None))
        })?;
        let client = self.client().map_err(Failure::Final)?;
        let mut request = client.post(self.endpoint.url()).body(body);
        request = request.header(CONTENT_TYPE, "application/json");
        if let Some(authorization) = self.endpoint.authorization() {
            request = request.header(AUTHORIZATION, authorization);
        }
        match timeout(self.config.idle_timeout, request.send()).await {
            Ok(sent) => sent.map_err(|error| self.teller().transport(&error)),
            Err(_) => Err(self.idle()),
        }
    }

    async fn read_reply(
        &self,
        response: &mut Response,
        outlet: &mut Outlet<'_>,
    ) -> Result<Usage, Failure> {
        let mut decoder = Decoder::new();
        let mut cause = None;
        while !decoder.is_done() {
            let finished = decoder.is_finished();
            let patience = if finished {
                USAGE_GRACE.min(self.config.idle_timeout)
            } else {
                self.config.idle_timeout
            };
            match timeout(patience, response.chunk()).await {
                Ok(Ok(Some(bytes))) => decoder
                    .push(&bytes, outlet)
                    .map_err(|fault| self.faulty(fault, None))?,
                Ok(Ok(None)) => break,
                Ok(Err(error)) => {
                    cause = Some(failure::root_cause(&error));
                    break;
                }
                Err(_) if finished => break,
                Err(_) => return Err(self.idle()),
            }
        }
        decoder
            .end(cause.is_none(), outlet)
            .map_err(|fault| self.faulty(fault, cause))
    }

    /// Reads the beginning of an error body. What cannot be read is not missed.
    async fn read_refusal(&self, mut response: Response, shape: Shape) -> Failure {
        let mut body = Vec::new();
        while body.len() < MAX_ERROR_BYTES {
            match timeout(self.config.idle_timeout, response.chunk()).await {
                Ok(Ok(Some(bytes))) => body.extend_from_slice(&bytes),
                _ => break,
            }
        }
        body.truncate(MAX_ERROR_BYTES);
        let refusal = Refusal {
            status: response.status(),
            headers: response.headers(),
            body: &body,
            retry_after: retry::retry_after(response.headers(), SystemTime::now()),
        };
        self.teller().status(&refusal, shape)
    }

    fn faulty(&self, fault: Fault, cause: Option<String>) -> Failure {
        let teller = self.teller();
        match fault {
            Fault::Incomplete => {
                let cause = cause.unwrap_or_else(|| "it ended before the reply did".to_owned());
                teller.broken(&cause)
            }
            Fault::Malformed(how) => Failure::Final(teller.about_server(
                &format!("sent something that is no chat completion: {how}"),
                Some("check base_url; for most servers it ends in /v1"),
            )),
            Fault::Server(error) => {
                let said = message_in(&error).map_or_else(String::new, |text| teller.shown(&text));
                let error_code = error.get("code").and_then(Value::as_u64);
                let error = teller.about_server(&format!("failed in its reply: {said}"), None);
                match error_code {
                    Some(408 | 429 | 500..=599) => Failure::retry(error),
                    _ => Failure::Final(error),
                }
            }
            Fault::Outlet(OutletError::TooLarge) => Failure::Final(teller.about_server(
                &format!("sent more than {} bytes", self.config.max_reply_bytes),
                Some("the model may be caught in a loop: word the task differently"),
            )),
            Fault::Outlet(OutletError::Diverged) => Failure::Final(teller.about_server(
                "broke off a reply, and its next attempt says something else",
                Some("run the task again"),
            )),
        }
    }

    fn idle(&self) -> Failure {
        let seconds = self.config.idle_timeout.as_secs_f64();
        Failure::Final(self.teller().about_server(
            &format!("sent nothing for {seconds} s"),
            Some("it may be overloaded, or still reading a long prompt: see its log"),
        ))
    }

    fn out_of_time(&self) -> ModelError {
        let seconds = self.config.total_timeout.as_secs_f64();
        self.teller().about_server(
            &format!("did not finish its reply within {seconds} s"),
            Some("a smaller model or a shorter task is answered sooner"),
        )
    }

    /// Waits before the attempt after number `attempt`, or gives up with `error` where no further
    /// one is left or would begin in time.
    async fn wait(
        &self,
        attempt: u32,
        deadline: Instant,
        mut error: ModelError,
        after: Option<Duration>,
    ) -> Result<(), ModelError> {
        let ChatConfig {
            backoff_base,
            backoff_cap,
            ..
        } = self.config;
        let wait = retry::full_jitter(attempt, backoff_base, backoff_cap, retry::dice())
            .max(after.unwrap_or_default().min(self.config.retry_after_cap));
        if attempt >= self.config.max_attempts
            || wait >= deadline.saturating_duration_since(Instant::now())
        {
            if attempt > 1 {
                error.message.push_str(&format!(" ({attempt} attempts)"));
            }
            return Err(error);
        }
        tracing::debug!(
            attempt,
            ?wait,
            reason = error.message,
            "model request is retried"
        );
        sleep(wait).await;
        Ok(())
    }
}

#[async_trait]
impl Model for ChatModel {
    async fn complete(
        &self,
        messages: &[Message],
        on_delta: &mut OnDelta<'_>,
    ) -> Result<Reply, ModelError> {
        let deadline = Instant::now() + self.config.total_timeout.min(FOREVER);
        let mut outlet = Outlet::new(on_delta, self.config.max_reply_bytes);
        let mut attempt = 1;
        loop {
            match timeout_at(deadline, self.attempt(messages, &mut outlet)).await {
                Ok(Ok(usage)) => {
                    let text = outlet.into_text();
                    return Ok(Reply { text, usage });
                }
                // Ends by itself, for a part that is left out is not complained about again.
                Ok(Err(Failure::Simplify(shape))) => self.simplify(shape),
                Ok(Err(Failure::Retry { error, after })) => {
                    self.wait(attempt, deadline, error, after).await?;
                    attempt += 1;
                }
                Ok(Err(Failure::Final(error))) => return Err(error),
                Err(_) => return Err(self.out_of_time()),
            }
        }
    }
}
