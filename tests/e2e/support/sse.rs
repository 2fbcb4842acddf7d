//! What an OpenAI-compatible server answers: the same fields as in `tests/recordings`.

use serde_json::{Value, json};

/// Tokens that each scripted reply says it used.
pub const PROMPT_TOKENS: u64 = 50;
/// See above.
pub const COMPLETION_TOKENS: u64 = 21;

fn usage() -> Value {
    json!({
        "completion_tokens": COMPLETION_TOKENS,
        "prompt_tokens": PROMPT_TOKENS,
        "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
        "prompt_tokens_details": {"cached_tokens": 0},
    })
}

fn answer(object: &str, choices: Value) -> Value {
    json!({
        "choices": choices, "created": 1_795_351_712, "id": "chatcmpl-1", "model": "test-model",
        "system_fingerprint": "b0-unknown", "object": object,
    })
}

/// The chunks of a streamed reply, a few characters each.
pub fn chunks(text: &str) -> Vec<Value> {
    let chunk = |finish: Value, delta: Value| {
        let choices = json!([{"finish_reason": finish, "index": 0, "delta": delta}]);
        answer("chat.completion.chunk", choices)
    };
    let mut chunks = vec![chunk(
        Value::Null,
        json!({"role": "assistant", "content": null}),
    )];
    let characters: Vec<char> = text.chars().collect();
    for piece in characters.chunks(9) {
        let piece: String = piece.iter().collect();
        chunks.push(chunk(Value::Null, json!({"content": piece})));
    }
    chunks.push(chunk(json!("stop"), json!({})));
    let mut last = answer("chat.completion.chunk", json!([]));
    last["usage"] = usage();
    last["timings"] = json!({});
    chunks.push(last);
    chunks
}

/// A reply in one piece.
pub fn whole(text: &str) -> Value {
    let message = json!({"role": "assistant", "content": text});
    let choices = json!([{"finish_reason": "stop", "index": 0, "message": message}]);
    let mut whole = answer("chat.completion", choices);
    whole["usage"] = usage();
    whole["timings"] = json!({});
    whole
}

/// The events of a stream of chunks.
pub fn events(chunks: &[Value]) -> String {
    chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\n\n"))
        .collect()
}
