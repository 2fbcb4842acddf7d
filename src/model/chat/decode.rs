//! Turns the body of a successful answer into text, whichever of the two forms it has: a stream of
//! events, or one JSON object from a server that does not stream.
//!
//! Pure: bytes in, text to the outlet; knows nothing of connections, hosts or retries.

use serde_json::Value;

use super::super::Usage;
use super::super::sse::{EventTooLarge, SseParser};
use super::outlet::{Outlet, OutletError};
use super::wire;

/// Bytes that an answer in one piece may take: 16 MiB, as JSON writes a text up to six times as long.
const MAX_PLAIN_BYTES: usize = 16 * 1024 * 1024;

/// What is wrong with a body.
#[derive(Debug, PartialEq)]
pub(super) enum Fault {
    /// It is not what a chat server sends. The text says in which way.
    Malformed(String),
    /// It stops before the reply is whole.
    Incomplete,
    /// The server says in the midst of it that it failed.
    Server(Value),
    /// The text could not be passed on.
    Outlet(OutletError),
}

impl From<OutletError> for Fault {
    fn from(error: OutletError) -> Self {
        Self::Outlet(error)
    }
}

impl From<EventTooLarge> for Fault {
    fn from(error: EventTooLarge) -> Self {
        Self::Malformed(format!("it holds {error}"))
    }
}

enum Form {
    /// Nothing but white space has come.
    Unknown,
    Stream(SseParser),
    Plain(Vec<u8>),
}

/// The state between two pieces of a body.
pub(super) struct Decoder {
    form: Form,
    usage: Option<Usage>,
    /// Some choice was seen, be its text empty.
    answered: bool,
    /// The reply's text is whole; the usage may still come.
    finished: bool,
    /// Nothing more will come.
    done: bool,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self {
            form: Form::Unknown,
            usage: None,
            answered: false,
            finished: false,
            done: false,
        }
    }

    /// Whether the reply's text is whole.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether there is nothing more to wait for.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Takes the next bytes of the body.
    pub(super) fn push(&mut self, bytes: &[u8], outlet: &mut Outlet<'_>) -> Result<(), Fault> {
        let bytes = match self.form {
            // The form is told by the first character: servers' content types are not reliable.
            Form::Unknown => {
                let bytes = bytes.trim_ascii_start();
                self.form = match bytes.first() {
                    None => return Ok(()),
                    Some(b'{') => Form::Plain(Vec::new()),
                    Some(b'<') => return Err(Fault::Malformed("it is a web page".to_owned())),
                    Some(_) => Form::Stream(SseParser::default()),
                };
                bytes
            }
            _ => bytes,
        };
        match &mut self.form {
            Form::Unknown => Ok(()),
            Form::Plain(body) => {
                if body.len() + bytes.len() > MAX_PLAIN_BYTES {
                    return Err(OutletError::TooLarge.into());
                }
                body.extend_from_slice(bytes);
                Ok(())
            }
            Form::Stream(parser) => {
                let events = parser.push(bytes)?;
                events
                    .iter()
                    .try_for_each(|event| self.event(event, outlet))
            }
        }
    }

    /// The body has ended; `cleanly` tells whether as announced. Returns what the reply cost.
    pub(super) fn end(mut self, cleanly: bool, outlet: &mut Outlet<'_>) -> Result<Usage, Fault> {
        match std::mem::replace(&mut self.form, Form::Unknown) {
            Form::Plain(body) if cleanly => {
                self.object(&body, outlet)?;
                self.finished = true;
                if !self.answered {
                    return Err(Fault::Malformed("it holds no choices".to_owned()));
                }
            }
            Form::Stream(parser) if cleanly && !self.done => {
                if let Some(event) = parser.finish() {
                    // Half an event is no fault of its own: the stream was cut.
                    match self.event(&event, outlet) {
                        Err(Fault::Malformed(_)) => {}
                        result => result?,
                    }
                }
            }
            _ => {}
        }
        if !self.finished {
            return Err(Fault::Incomplete);
        }
        outlet.check_end()?;
        Ok(Usage {
            requests: 1,
            ..self.usage.unwrap_or_default()
        })
    }

    fn event(&mut self, data: &str, outlet: &mut Outlet<'_>) -> Result<(), Fault> {
        let data = data.trim();
        if self.done || data.is_empty() {
            return Ok(());
        }
        if data != "[DONE]" {
            return self.object(data.as_bytes(), outlet);
        }
        if !self.answered {
            return Err(Fault::Malformed("it ends without a choice".to_owned()));
        }
        self.finished = true;
        self.done = true;
        Ok(())
    }

    fn object(&mut self, json: &[u8], outlet: &mut Outlet<'_>) -> Result<(), Fault> {
        let mut json: Value = serde_json::from_slice(json).map_err(|error| {
            // The error's own words may repeat what the server sent.
            let (line, column) = (error.line(), error.column());
            Fault::Malformed(format!("bad JSON at line {line}, column {column}"))
        })?;
        let piece = wire::piece(&mut json);
        if let Some(error) = piece.error {
            return Err(Fault::Server(error));
        }
        self.usage = piece.usage.or(self.usage);
        self.finished |= piece.finished;
        if let Some(text) = piece.text {
            self.answered = true;
            outlet.push(&text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text passed on and what comes of a body.
    fn decode(body: &str, cleanly: bool) -> (String, Result<Usage, Fault>) {
        let mut text = String::new();
        let mut on_delta = |piece: &str| text.push_str(piece);
        let mut outlet = Outlet::new(&mut on_delta, 100);
        let mut decoder = Decoder::new();
        let mut result = Ok(());
        for byte in body.as_bytes().chunks(1) {
            result = result.and_then(|()| decoder.push(byte, &mut outlet));
        }
        let result = result.and_then(|()| decoder.end(cleanly, &mut outlet));
        (text, result)
    }

    fn usage(prompt_tokens: u64, completion_tokens: u64) -> Usage {
        Usage {
            prompt_tokens,
            completion_tokens,
            requests: 1,
        }
    }

    const A: &str = r#"data: {"choices": [{"delta": {"content": "a"}}]}"#;
    const STOP: &str = r#"data: {"choices": [{"delta": {}, "finish_reason": "length"}]}"#;
    const COST: &str = r#"data: {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}"#;

    #[test]
    fn whole_replies() {
        let plain = r#" {"choices": [{"message": {"content": "a"}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4}}"#;
        let table = [
            (plain.to_owned(), usage(3, 4)),
            (format!("{A}\n\ndata: [DONE]\n\n"), usage(0, 0)),
            (format!("{A}\n\ndata: [DONE]"), usage(0, 0)),
            (
                format!("{A}\n\ndata: [DONE]\n\n{A}\n\ndata: x\n\n"),
                usage(0, 0),
            ),
            (
                format!(": ping\r\n\r\n{A}\r\n\r\n{STOP}\r\n\r\n{COST}\r\n\r\n"),
                usage(3, 4),
            ),
            (
                format!("{A}\n\n{STOP}\n\n{COST}\n\ndata: [DONE]\n\n"),
                usage(3, 4),
            ),
            (format!("{A}\n\n{STOP}\n\ndata: {{\"cho"), usage(0, 0)),
        ];
        for (body, cost) in table {
            assert_eq!(decode(&body, true), ("a".to_owned(), Ok(cost)), "{body}");
        }
        // After the end of the text, a broken connection takes nothing away.
        let stopped = format!("{A}\n\n{STOP}\n\n");
        assert_eq!(decode(&stopped, false), ("a".to_owned(), Ok(usage(0, 0))));
    }

    #[test]
    fn faulty_bodies() {
        let malformed = |what: &str| Fault::Malformed(what.to_owned());
        let table = [
            ("", Fault::Incomplete),
            ("hello", Fault::Incomplete),
            (A, Fault::Incomplete),
            ("data: {\"cho", Fault::Incomplete),
            (
                "data: {\"cho\n\n",
                malformed("bad JSON at line 1, column 5"),
            ),
            ("data: [DONE]\n\n", malformed("it ends without a choice")),
            ("<html>", malformed("it is a web page")),
            ("{\"cho", malformed("bad JSON at line 1, column 5")),
            ("{}", malformed("it holds no choices")),
            ("{\"error\": \"no\"}", Fault::Server("no".into())),
            ("data: {\"error\": \"no\"}\n\n", Fault::Server("no".into())),
        ];
        for (body, fault) in table {
            assert_eq!(decode(body, true).1, Err(fault), "{body}");
        }
        assert_eq!(decode("{\"cho", false).1, Err(Fault::Incomplete));
        let long = A.replace("\"a\"", &format!("\"{}\"", "a".repeat(101)));
        assert_eq!(
            decode(&format!("{long}\n\n"), true).1,
            Err(Fault::Outlet(OutletError::TooLarge))
        );
    }
}
