//! The JSON of `/chat/completions`: the request we write and the pieces we read.
//!
//! Pure. Reading is lenient, since every server has its own idea of the format: what is not asked
//! for (reasoning, tool calls, log probabilities) is not looked at.

use serde::Serialize;
use serde_json::Value;

use super::super::{Message, Role, Usage};

/// Which optional parts a request has. Some servers and models refuse them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// `temperature: 0`; some models insist on their own.
    pub(super) temperature: bool,
    /// `stream_options: {include_usage: true}`; some servers do not know it.
    pub(super) stream_options: bool,
}

impl Shape {
    /// The shape without the parts that the complaint of a server names; where it says nothing at
    /// all, without the one that is unknown to the most servers. Nothing if the complaint is about
    /// something else.
    pub(super) fn without(self, complaint: &str) -> Option<Self> {
        let silent = complaint.trim().is_empty();
        let about_options =
            complaint.contains("stream_options") || complaint.contains("include_usage");
        let simpler = Self {
            temperature: self.temperature && !complaint.contains("temperature"),
            stream_options: self.stream_options && !about_options && !silent,
        };
        (simpler != self).then_some(simpler)
    }
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: Vec<RequestMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<u8>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct RequestMessage<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// The body of a request.
pub(super) fn request(
    model: &str,
    messages: &[Message],
    shape: Shape,
) -> serde_json::Result<Vec<u8>> {
    let messages = messages.iter().map(|message| RequestMessage {
        role: match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        },
        content: &message.content,
    });
    serde_json::to_vec(&Request {
        model,
        messages: messages.collect(),
        temperature: shape.temperature.then_some(0),
        stream: true,
        stream_options: shape.stream_options.then_some(StreamOptions {
            include_usage: true,
        }),
    })
}

/// What one JSON object of an answer holds, be it a chunk of a stream or the whole answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    /// Text, absent where the object has no choice (a last chunk with the usage, a ping).
    pub(super) text: Option<String>,
    /// The model has come to its end.
    pub(super) finished: bool,
    pub(super) usage: Option<Usage>,
    /// The server says in the midst of it that it failed.
    pub(super) error: Option<Value>,
}

/// Reads one JSON object.
pub(super) fn piece(json: &mut Value) -> Piece {
    let mut piece = Piece {
        usage: json.get("usage").and_then(usage),
        error: json
            .get_mut("error")
            .filter(|error| !error.is_null())
            .map(Value::take),
        ..Piece::default()
    };
    let Some(choice) = json.pointer_mut("/choices/0") else {
        return piece;
    };
    piece.finished = choice
        .get("finish_reason")
        .is_some_and(|reason| !reason.is_null());
    // Where both are there, `message` repeats what the deltas said.
    let body = ["delta", "message"]
        .into_iter()
        .find(|name| choice[*name].is_object());
    let content = body.map(|name| text(choice[name]["content"].take()));
    piece.text = Some(content.unwrap_or_default());
    piece
}

/// Content is a string, or an array of parts of which the texts count.
fn text(content: Value) -> String {
    match content {
        Value::String(text) => text,
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => String::new(),
    }
}

fn usage(json: &Value) -> Option<Usage> {
    json.is_object().then(|| Usage {
        prompt_tokens: json["prompt_tokens"].as_u64().unwrap_or_default(),
        completion_tokens: json["completion_tokens"].as_u64().unwrap_or_default(),
        requests: 1,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FULL: Shape = Shape {
        temperature: true,
        stream_options: true,
    };

    #[test]
    fn requests() {
        let messages = [
            (Role::System, "s"),
            (Role::User, "u"),
            (Role::Assistant, "a"),
        ];
        let messages = messages.map(|(role, content)| Message {
            role,
            content: content.to_owned(),
        });
        let written = |shape| -> Value {
            serde_json::from_slice(&request("m", &messages, shape).unwrap()).unwrap()
        };
        let mut expected = json!({
            "model": "m", "temperature": 0, "stream": true,
            "stream_options": {"include_usage": true},
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "u"},
                {"role": "assistant", "content": "a"},
            ],
        });
        assert_eq!(written(FULL), expected);
        let fields = expected.as_object_mut().unwrap();
        fields.remove("temperature");
        fields.remove("stream_options");
        let bare = Shape {
            temperature: false,
            stream_options: false,
        };
        assert_eq!(written(bare), expected);
    }

    #[test]
    fn complaints_and_what_they_take_away() {
        let shape = |temperature, stream_options| Shape {
            temperature,
            stream_options,
        };
        let table = [
            (
                "Unsupported value: 'temperature' does not support 0",
                Some(shape(false, true)),
            ),
            ("extra field stream_options", Some(shape(true, false))),
            (
                "unknown: temperature, stream_options",
                Some(shape(false, false)),
            ),
            ("", Some(shape(true, false))),
            ("the prompt is too long", None),
        ];
        for (complaint, simpler) in table {
            assert_eq!(FULL.without(complaint), simpler, "{complaint}");
        }
        // What was not sent cannot be what is complained about.
        assert_eq!(shape(false, true).without("temperature"), None);
        assert_eq!(shape(true, false).without(""), None);
    }

    #[test]
    fn pieces() {
        let text = |text: &str| Piece {
            text: Some(text.to_owned()),
            ..Piece::default()
        };
        let table = [
            (
                json!({"choices": [{"delta": {"content": "a"}, "finish_reason": null}]}),
                text("a"),
            ),
            (
                json!({"choices": [{"delta": {"role": "assistant", "content": null}}]}),
                text(""),
            ),
            (
                json!({"choices": [{"delta": {"reasoning_content": "hm"}}]}),
                text(""),
            ),
            (
                json!({"choices": [{"delta": {"content": [{"type": "text", "text": "a"}, 1]}}]}),
                text("a"),
            ),
            (
                json!({"choices": [{"message": {"content": "a", "reasoning": "hm"}}]}),
                text("a"),
            ),
            (
                json!({"choices": [{"delta": {"content": "a"}, "message": {"content": "aa"}}]}),
                text("a"),
            ),
            (
                json!({"choices": [{"delta": {}, "finish_reason": "length"}], "error": null}),
                Piece {
                    finished: true,
                    ..text("")
                },
            ),
            (
                json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}),
                Piece {
                    usage: Some(Usage {
                        prompt_tokens: 3,
                        completion_tokens: 4,
                        requests: 1,
                    }),
                    ..Piece::default()
                },
            ),
            (json!({"usage": null}), Piece::default()),
            (
                json!({"error": "no"}),
                Piece {
                    error: Some(json!("no")),
                    ..Piece::default()
                },
            ),
            (json!(7), Piece::default()),
            (json!({"choices": 7}), Piece::default()),
            (json!({"choices": ["x"]}), text("")),
        ];
        for (mut json, expected) in table {
            let shown = json.to_string();
            assert_eq!(piece(&mut json), expected, "{shown}");
        }
    }
}
