//! The client against a scripted server.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Message, Model, ModelError, Reply, Role, Secret, Usage};
use super::script::{Request, Script, Turn};
use super::{ChatConfig, ChatModel};

const KEY: &str = "sk-swordfish-12345";

/// Defaults for a server, but with next to no waits.
fn config(base_url: String) -> ChatConfig {
    ChatConfig {
        api_key: Some(Secret::new(KEY)),
        backoff_base: Duration::from_millis(1),
        retry_after_cap: Duration::from_millis(1),
        ..ChatConfig::new("tiny", base_url)
    }
}

async fn ask(model: &ChatModel) -> (Result<Reply, ModelError>, Vec<String>) {
    let messages = [Message {
        role: Role::User,
        content: "how?".to_owned(),
    }];
    let mut pieces = Vec::new();
    let mut on_delta = |piece: &str| pieces.push(piece.to_owned());
    let result = model.complete(&messages, &mut on_delta).await;
    let shown = format!("{model:?} {result:?}");
    assert!(!shown.contains(KEY), "{shown}");
    if let Ok(reply) = &result {
        assert_eq!(pieces.concat(), reply.text);
    }
    (result, pieces)
}

/// What comes of one question to a server that plays `turns`.
async fn play(turns: impl IntoIterator<Item = Turn>) -> (Result<Reply, ModelError>, Vec<Request>) {
    play_with(turns, |_| {}).await
}

async fn play_with(
    turns: impl IntoIterator<Item = Turn>,
    change: impl FnOnce(&mut ChatConfig),
) -> (Result<Reply, ModelError>, Vec<Request>) {
    let script = Script::play(turns).await;
    let mut config = config(script.base_url());
    change(&mut config);
    let (result, _) = ask(&ChatModel::new(config).unwrap()).await;
    let host = script.host();
    // Ports differ from run to run; the tests speak of HOST.
    let result = result.map_err(|error| ModelError {
        message: error.message.replace(&host, "HOST"),
        hint: error.hint.map(|hint| hint.replace(&host, "HOST")),
    });
    (result, script.finish().await)
}

fn delta(text: &str) -> String {
    let chunk =
        json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]});
    format!("data: {chunk}\n\n")
}

fn stop() -> String {
    let stop = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    format!("data: {stop}\n\n")
}

const COST: &str =
    "data: {\"choices\": [], \"usage\": {\"prompt_tokens\": 7, \"completion_tokens\": 2}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// A whole streamed reply "ab".
fn good() -> Turn {
    Turn::stream([delta("a"), delta("b"), stop(), COST.into(), DONE.into()])
}

fn good_reply() -> Reply {
    Reply {
        text: "ab".to_owned(),
        usage: Usage {
            prompt_tokens: 7,
            completion_tokens: 2,
            requests: 1,
        },
    }
}

fn error_body(message: &str) -> String {
    json!({"error": {"message": message, "type": "t"}}).to_string()
}

#[tokio::test]
async fn a_streamed_reply() {
    let script = Script::play([good()]).await;
    let (result, pieces) = ask(&ChatModel::new(config(script.base_url())).unwrap()).await;
    assert_eq!(result.unwrap(), good_reply());
    assert_eq!(pieces, ["a", "b"]);
    let [request] = script.finish().await.try_into().ok().unwrap();
    assert!(
        request
            .head
            .starts_with("post /v1/chat/completions http/1.1\r\n")
    );
    assert!(
        request
            .head
            .contains(&format!("\r\nauthorization: bearer {KEY}\r\n"))
    );
    assert!(
        request
            .head
            .contains("\r\ncontent-type: application/json\r\n")
    );
    let expected = json!({
        "model": "tiny", "temperature": 0, "stream": true,
        "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "how?"}],
    });
    assert_eq!(request.body, expected);
}

#[tokio::test]
async fn chunk_borders_anywhere() {
    let stream = [delta("äß"), delta("€😀"), stop(), DONE.into()].concat();
    let (result, _) = play([Turn::stream(stream.as_bytes().chunks(1))]).await;
    assert_eq!(result.unwrap().text, "äß€😀");
    let (result, _) = play([Turn::stream([stream.replace('\n', "\r\n")])]).await;
    assert_eq!(result.unwrap().text, "äß€😀");
}

#[tokio::test]
async fn a_server_that_does_not_stream() {
    let body = json!({
        "choices": [{"message": {"content": "ab", "reasoning_content": "hm"}, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2},
    });
    let (result, _) = play([Turn::answer("200 OK", &body.to_string())]).await;
    assert_eq!(result.unwrap(), good_reply());
}

#[tokio::test]
async fn the_end_of_the_text_is_enough() {
    for turn in [
        Turn::stream([delta("ab"), stop()]),
        Turn::broken([delta("ab"), stop()]),
        Turn::stuck([delta("ab"), DONE.into()]),
    ] {
        let (result, _) = play([turn]).await;
        let expected = Usage {
            requests: 1,
            ..Usage::default()
        };
        let reply = result.unwrap();
        assert_eq!((reply.text.as_str(), reply.usage), ("ab", expected));
    }
    // The usage is not waited for as long as the text is.
    let turn = Turn::stuck([delta("ab"), stop()]);
    let idle = |config: &mut ChatConfig| config.idle_timeout = Duration::from_millis(500);
    assert_eq!(play_with([turn], idle).await.0.unwrap().text, "ab");
}

#[tokio::test]
async fn what_goes_away_is_retried() {
    let server_error = || Turn::answer("500 Internal Server Error", "oops");
    let limit = |wait: &str| {
        let head = format!("429 Too Many Requests\r\nretry-after: {wait}");
        Turn::answer(&head, &error_body("slow down"))
    };
    let table: Vec<Vec<Turn>> = vec![
        vec![server_error(), server_error(), good()],
        vec![limit("1"), limit("Tue, 05 Jan 2100 10:00:00 GMT"), good()],
        vec![Turn::answer("408 Request Timeout", ""), good()],
        vec![Turn::silence(false), good()],
        vec![Turn::broken([""; 0]), good()],
        vec![Turn::broken([delta("a")]), good()],
        vec![Turn::stream([delta("a")]), good()],
        vec![
            Turn::broken([delta("a")]),
            server_error(),
            Turn::broken([delta("ab")]),
            good(),
        ],
        vec![
            Turn::stream(["data: {\"error\": {\"code\": 503, \"message\": \"busy\"}}\n\n"]),
            good(),
        ],
    ];
    for turns in table {
        let count = turns.len();
        let (result, requests) = play(turns).await;
        assert_eq!(result.unwrap(), good_reply());
        assert_eq!(requests.len(), count);
    }
}

#[tokio::test]
async fn a_retry_is_not_seen_by_the_listener() {
    let script = Script::play([Turn::broken([delta("a")]), good()]).await;
    let (_, pieces) = ask(&ChatModel::new(config(script.base_url())).unwrap()).await;
    assert_eq!(pieces, ["a", "b"]);
    script.finish().await;
}

#[tokio::test]
async fn attempts_have_an_end() {
    let turn = || Turn::answer("503 Service Unavailable", &error_body("loading model"));
    let (result, _) = play((0..5).map(|_| turn())).await;
    let message = "the model server at HOST failed: loading model (HTTP 503) (5 attempts)";
    assert_eq!(result.unwrap_err().message, message);
    // A wait that would pass the total time is not begun.
    let limit = Turn::answer("429 Too Many Requests\r\nretry-after: 30", "");
    let (result, _) = play_with([limit], |config| {
        config.total_timeout = Duration::from_secs(20);
        config.retry_after_cap = Duration::from_secs(60);
    })
    .await;
    let message = "the model server at HOST takes no more requests now: HTTP 429 Too Many Requests";
    assert_eq!(result.unwrap_err().message, message);
}

#[tokio::test]
async fn what_stays_is_told_at_once() {
    let quota = json!({"error": {"message": "You are broke", "code": "insufficient_quota"}});
    let long = error_body(&"long ".repeat(1000));
    let table: &[(&str, &str, &str, &str)] = &[
        (
            "401 Unauthorized",
            "{}",
            "HOST refused the API key",
            "OPENAI_API_KEY",
        ),
        (
            "403 Forbidden",
            "<html>",
            "HOST refused the API key",
            "api_key",
        ),
        (
            "404 Not Found",
            &error_body("no tiny"),
            "HOST does not know the model or the URL: no tiny",
            "(\"tiny\") and base_url; the request went to http://HOST/v1/chat/completions",
        ),
        (
            "400 Bad Request",
            &error_body("the prompt\nis too long"),
            "HOST refused the request: the prompt is too long (HTTP 400)",
            "",
        ),
        (
            "422 Unprocessable Entity",
            r#"{"detail": [{"loc": [], "msg": "no model"}]}"#,
            "HOST refused the request: no model (HTTP 422)",
            "",
        ),
        ("400 Bad Request", &long, "long...", ""),
        ("400 Bad Request", &"long ".repeat(100_000), "long...", ""),
        (
            "429 Too Many Requests",
            &quota.to_string(),
            "You are broke (HTTP 429)",
            "billing",
        ),
        (
            "301 Moved Permanently\r\nlocation: https://elsewhere/v1?a=b",
            "",
            "HOST points to https://elsewhere/v1",
            "base_url",
        ),
        (
            "200 OK",
            "<html>",
            "no chat completion: it is a web page",
            "/v1",
        ),
        (
            "200 OK",
            "{\"choices\": [",
            "no chat completion: bad JSON at line 1, column 13",
            "",
        ),
        (
            "200 OK",
            "data: {\"choices\": [\n\ndata: [DONE]\n\n",
            "no chat completion: bad JSON",
            "",
        ),
        (
            "200 OK",
            "data: {\"error\": {\"message\": \"out of memory\"}}\n\n",
            "HOST failed in its reply: out of memory",
            "",
        ),
    ];
    for (head, body, message, hint) in table {
        let (result, _) = play([Turn::answer(head, body)]).await;
        let error = result.unwrap_err();
        assert!(
            error.message.starts_with("the model server at HOST "),
            "{error}"
        );
        assert!(error.message.contains(message), "{error}");
        assert!(error.message.len() < 600, "{error}");
        assert!(error.hint.unwrap_or_default().contains(hint), "{hint}");
    }
}

#[tokio::test]
async fn without_a_key_none_is_sent() {
    let turn = Turn::answer("401 Unauthorized", "");
    let (result, requests) = play_with([turn], |config| config.api_key = None).await;
    let error = result.unwrap_err();
    assert_eq!(error.message, "the model server at HOST wants an API key");
    assert!(error.hint.unwrap().starts_with("no key was given"));
    assert!(!requests[0].head.contains("authorization"));
}

#[tokio::test]
async fn an_echoed_key_is_not_shown() {
    let echo = format!("you sent {KEY}, {KEY}");
    let padded = format!("{}{KEY}", "x".repeat(390));
    let table = [
        ("400 Bad Request", error_body(&echo), "you sent ***, ***"),
        ("403 Forbidden", echo.clone(), "you sent ***, ***"),
        ("404 Not Found", echo.clone(), "you sent ***, ***"),
        ("400 Bad Request", padded, "xxx***"),
        ("200 OK", error_body(&echo), "you sent ***, ***"),
    ];
    for (head, body, shown) in table {
        let (result, _) = play([Turn::answer(head, &body)]).await;
        let error = format!("{:?}", result.unwrap_err());
        assert!(error.contains(shown), "{error}");
        assert!(!error.contains("sword"), "{error}");
    }
    let head = format!("302 Found\r\nlocation: https://elsewhere/{KEY}");
    let (result, _) = play([Turn::answer(&head, "")]).await;
    assert!(
        result
            .unwrap_err()
            .message
            .ends_with("https://elsewhere/***")
    );
}

#[test]
fn settings_show_no_secret() {
    let config = config(format!("http://user:{KEY}@127.0.0.1:1/v1?key={KEY}"));
    let model = ChatModel::new(config.clone()).unwrap();
    let shown = format!("{config:?} {model:?}");
    assert!(!shown.contains(KEY) && shown.contains("***"), "{shown}");
}

#[test]
fn broken_settings_are_told() {
    let told = |model, base_url| {
        let error = ChatModel::new(ChatConfig::new(model, base_url)).unwrap_err();
        assert!(error.hint.is_some());
        error.message
    };
    assert_eq!(told(" ", "http://a/v1"), "no model is named");
    assert!(told("tiny", "http://").starts_with("the base_url of the model server is not a URL"));
}

#[tokio::test]
async fn parts_that_a_server_refuses_are_left_out_from_then_on() {
    let no_temperature = || error_body("Unsupported value: 'temperature' does not support 0");
    let no_options = || error_body("Extra inputs are not permitted: stream_options");
    let script = Script::play([
        Turn::answer("400 Bad Request", &no_options()),
        Turn::answer("422 Unprocessable Entity", &no_temperature()),
        good(),
        good(),
    ])
    .await;
    let model = ChatModel::new(config(script.base_url())).unwrap();
    for _ in 0..2 {
        assert_eq!(ask(&model).await.0.unwrap(), good_reply());
    }
    let requests = script.finish().await;
    let has = |field: &str| -> Vec<bool> {
        let field = |request: &Request| request.body.get(field).is_some_and(|v| *v != Value::Null);
        requests.iter().map(field).collect()
    };
    assert_eq!(has("stream_options"), [true, false, false, false]);
    assert_eq!(has("temperature"), [true, true, false, false]);
    // Once is enough: the second complaint is the user's to read.
    let turns = [no_temperature(), no_temperature()];
    let (result, _) = play(turns.map(|body| Turn::answer("400 Bad Request", &body))).await;
    assert!(result.unwrap_err().message.contains("does not support 0"));
}

#[tokio::test]
async fn another_text_on_the_retry_is_an_error() {
    let (result, _) = play([Turn::broken([delta("b")]), good()]).await;
    let message =
        "the model server at HOST broke off a reply, and its next attempt says something else";
    assert_eq!(result.unwrap_err().message, message);
}

#[tokio::test]
async fn nobody_listens() {
    let address = Script::play([]).await;
    let host = address.host();
    let config = config(address.base_url());
    address.finish().await;
    let error = ask(&ChatModel::new(config).unwrap()).await.0.unwrap_err();
    assert_eq!(
        error.message,
        format!("no model server answers at {host} (5 attempts)")
    );
    assert!(error.hint.unwrap().contains("base_url"));
}

#[tokio::test]
async fn silence_has_an_end() {
    let idle = |config: &mut ChatConfig| config.idle_timeout = Duration::from_millis(200);
    for turn in [Turn::silence(true), Turn::stuck([delta("a")])] {
        let (result, _) = play_with([turn], idle).await;
        let message = "the model server at HOST sent nothing for 0.2 s";
        assert_eq!(result.unwrap_err().message, message);
    }
    let total = |config: &mut ChatConfig| config.total_timeout = Duration::from_millis(200);
    let (result, _) = play_with([Turn::stuck([delta("a")])], total).await;
    let message = "the model server at HOST did not finish its reply within 0.2 s";
    assert_eq!(result.unwrap_err().message, message);
}

#[tokio::test]
async fn replies_are_bounded() {
    let small = |config: &mut ChatConfig| config.max_reply_bytes = 3;
    assert_eq!(play_with([good()], small).await.0.unwrap().text, "ab");
    let turn = Turn::stream([delta("a"), delta("bcd"), DONE.into()]);
    let (result, _) = play_with([turn], small).await;
    assert!(
        result
            .unwrap_err()
            .message
            .ends_with("sent more than 3 bytes")
    );
    let comment = format!(":{}", "x".repeat(1024 * 1024));
    let (result, _) = play([Turn::stream([comment])]).await;
    assert!(
        result
            .unwrap_err()
            .message
            .contains("an event of more than 1048576 bytes")
    );
}
