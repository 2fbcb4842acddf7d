//! Models that fail, models from a file, and what models are told.

use serde_json::{Value, json};

use crate::support::{Daemon, KEY, Model, Options, Reply, chunks, refused, whole};

const ANSWER: &str = "```python\nfinal_answer(1)\n```";

fn params(model: &Model) -> Value {
    let mut params = model.options();
    params["task"] = json!("t");
    params["trust_level"] = json!("isolated");
    params
}

/// Field names and types of a JSON value.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let inner = if name == "timings" {
                    json!("object")
                } else {
                    shape(value)
                };
                (name.clone(), inner)
            })
            .collect(),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::Null => json!("null"),
        Value::String(_) => json!("string"),
        Value::Number(_) => json!("number"),
        Value::Bool(_) => json!("bool"),
    }
}

#[test]
fn the_scripted_server_answers_with_the_fields_of_a_real_one() {
    let recorded = include_str!("../recordings/stream.txt");
    let events = recorded
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "));
    let (mut events, end): (Vec<&str>, Vec<&str>) = events.partition(|event| *event != "[DONE]");
    assert_eq!(end, ["[DONE]"]);
    events.dedup_by_key(|event| shape(&serde_json::from_str(event).unwrap()));
    let recorded: Vec<Value> = events
        .iter()
        .map(|event| shape(&serde_json::from_str(event).unwrap()))
        .collect();
    let mut scripted: Vec<Value> = chunks("a reply of some length").iter().map(shape).collect();
    scripted.dedup();
    assert_eq!(scripted, recorded);

    let recorded: Value = serde_json::from_str(include_str!("../recordings/plain.json")).unwrap();
    assert_eq!(shape(&whole("a reply")), shape(&recorded));
}

#[test]
fn the_recorded_replies_of_a_real_server_are_understood() {
    let model = Model::new([
        Reply::Garbage(include_str!("../recordings/stream.txt")),
        Reply::from(ANSWER),
    ]);
    let daemon = Daemon::start();
    assert_eq!(daemon.call("run", params(&model)), Ok(json!("1")));
    let message = daemon.event("the first message", |event| {
        event["type"] == "model.message"
    });
    assert!(
        message["text"].as_str().unwrap().starts_with("```"),
        "{message}"
    );
    assert_eq!(
        message["usage"],
        json!({"prompt_tokens": 50, "completion_tokens": 21, "total_tokens": 71, "requests": 1})
    );
}

#[test]
fn what_goes_away_by_itself_is_tried_again() {
    let limited = || {
        Reply::Status(
            429,
            "Retry-After: 0\r\n",
            r#"{"error": {"message": "slow down"}}"#.to_owned(),
        )
    };
    let model = Model::new([
        limited(),
        Reply::Status(500, "", "oops".to_owned()),
        Reply::from("```python\nx = 1\n```"),
        Reply::Broken(ANSWER.to_owned()),
        Reply::from(ANSWER),
    ]);
    let daemon = Daemon::start();
    let mut params = params(&model);
    params["return_result"] = json!(true);
    let result = daemon.call("run", params).unwrap();
    assert_eq!(
        (&result["output"], &result["steps_taken"]),
        (&json!("1"), &json!(2))
    );
    assert_eq!(result["metadata"]["usage"]["requests"], 2);
    let session = result["metadata"]["session"].as_str().unwrap();
    let events = daemon.events(session);
    let deltas = events
        .iter()
        .filter(|event| event["type"] == "model.delta" && event["step"] == 2);
    let text: String = deltas
        .map(|event| event["text"].as_str().unwrap())
        .collect();
    assert_eq!(text, ANSWER, "no piece comes twice");
}

#[test]
fn a_server_that_asks_to_wait_is_waited_for() {
    let model = Model::new([
        Reply::Status(429, "Retry-After: 1\r\n", String::new()),
        Reply::from(ANSWER),
    ]);
    let daemon = Daemon::start();
    let mut params = params(&model);
    params["return_result"] = json!(true);
    let result = daemon.call("run", params).unwrap();
    let seconds = result["duration_seconds"].as_f64().unwrap();
    assert!(seconds >= 1.0, "{seconds}");
}

#[test]
fn an_answer_in_one_piece_is_taken_too() {
    let model = Model::new([Reply::Whole(ANSWER.to_owned())]);
    let daemon = Daemon::start();
    assert_eq!(daemon.call("run", params(&model)), Ok(json!("1")));
}

#[test]
fn a_server_that_refuses_is_a_model_error_with_a_hint_and_without_the_key() {
    let echo = format!(r#"{{"error": {{"message": "bad key {KEY}, really {KEY}"}}}}"#);
    let cases = [
        (
            Reply::Status(401, "", echo.clone()),
            "key",
            "OPENAI_API_KEY",
        ),
        (
            Reply::Status(403, "", echo.clone()),
            "key",
            "OPENAI_API_KEY",
        ),
        (Reply::Status(404, "", echo.clone()), "model", "base_url"),
        (
            Reply::Status(302, "Location: http://elsewhere/\r\n", echo),
            "elsewhere",
            "base_url",
        ),
        (
            Reply::Garbage("<html>hello</html>"),
            "no chat completion",
            "base_url",
        ),
        (
            Reply::Garbage("data: {not json}\n\n"),
            "no chat completion",
            "base_url",
        ),
        (
            Reply::Garbage("{\"choices\": 7}"),
            "no chat completion",
            "base_url",
        ),
    ];
    let daemon = Options::default()
        .env("TINYCODE_LOG", "trace")
        .env("RUST_LOG", "trace")
        .start();
    for (reply, says, hints) in cases {
        let model = Model::new([reply]);
        let session = daemon.session(model.options());
        let answer = session.call("run", json!({"task": "t"}));
        let (message, hint) = refused(answer.clone(), -31006, "model_error");
        assert!(message.contains(says), "{says}: {message}");
        assert!(hint.contains(hints), "{message}: {hint}");
        assert!(!message.contains(&hint), "{message}: {hint}");
        let events = session.events();
        let finished = &events.last().unwrap()["result"];
        assert_eq!(
            (&finished["state"], &finished["error"]["type"]),
            (&json!("error"), &json!("model_error"))
        );
        let step = session.call("memory.steps", json!({})).unwrap();
        let info = session.call("session.get", json!({})).unwrap();
        let all = format!("{answer:?} {events:?} {step} {info} {}", daemon.stderr());
        assert!(!all.contains(KEY) && !all.contains(&KEY[..20]), "{all}");
        session.assert_usable();
    }
}

#[test]
fn without_a_key_none_is_sent_and_a_401_says_so() {
    let model = Model::keyless([Reply::Status(401, "", String::new())]);
    let daemon = Daemon::start();
    let mut params = params(&model);
    params.as_object_mut().unwrap().remove("api_key");
    let (_, hint) = refused(daemon.call("run", params), -31006, "model_error");
    assert!(hint.contains("no key was given"), "{hint}");
}

#[test]
fn key_and_url_can_come_from_the_environment() {
    let model = Model::new([ANSWER]);
    let daemon = Options::default()
        .env("OPENAI_API_KEY", KEY)
        .env("OPENAI_BASE_URL", &format!("{}/", model.base_url()))
        .start();
    let params = json!({"task": "t", "trust_level": "isolated", "model": "test-model"});
    assert_eq!(daemon.call("run", params), Ok(json!("1")));
}

#[test]
fn a_server_that_is_not_there_is_a_model_error() {
    let daemon = Daemon::start();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let mut params = json!({"task": "t", "trust_level": "isolated"});
    params["base_url"] = json!(format!("http://127.0.0.1:{port}/v1"));
    let (message, hint) = refused(daemon.call("run", params.clone()), -31006, "model_error");
    assert!(message.contains(&port.to_string()), "{message}");
    assert!(hint.contains("start the server"), "{hint}");
    for url in ["nonsense", "ftp://127.0.0.1/v1", ""] {
        params["base_url"] = json!(url);
        refused(daemon.call("run", params.clone()), -31006, "model_error");
    }
}

#[test]
fn with_return_result_a_model_error_is_in_the_result() {
    let model = Model::new([
        Reply::from("```python\nx = 5\n```"),
        Reply::Status(404, "", String::new()),
    ]);
    let daemon = Daemon::start();
    let session = daemon.session(model.options());
    let params = json!({"task": "t", "return_result": true});
    let result = session.call("run", params).unwrap();
    assert_eq!(
        (&result["state"], &result["steps_taken"]),
        (&json!("error"), &json!(1))
    );
    assert_eq!(result["error"]["type"], "model_error");
    assert!(
        result["error"]["message"]
            .as_str()
            .unwrap()
            .contains("does not know the model")
    );
    assert_eq!(result["metadata"]["usage"]["requests"], 1);
    session.check("x", json!({"value": "5"}));
}

#[test]
fn a_model_is_played_back_from_a_file() {
    let daemon = Daemon::start();
    let folder = daemon.folder();
    let line = |text: &str, tokens: u64| {
        json!({"text": text, "usage": {"prompt_tokens": tokens, "completion_tokens": 1}})
            .to_string()
    };
    let replies = [
        line("```python\nprint(6)\n```", 10),
        line("```python\nfinal_answer(7)\n```", 20),
    ];
    std::fs::write(folder.join("replies.jsonl"), replies.join("\n")).unwrap();
    for model in [
        "replay:replies.jsonl".to_owned(),
        format!("replay:{}/replies.jsonl", folder.display()),
    ] {
        let params = json!({
            "task": "t", "trust_level": "isolated", "model": model, "cwd": folder, "return_result": true,
        });
        let result = daemon.call("run", params).unwrap();
        assert_eq!(result["output"], "7");
        let usage =
            json!({"prompt_tokens": 30, "completion_tokens": 2, "total_tokens": 32, "requests": 2});
        assert_eq!(result["metadata"]["usage"], usage);
    }
}

#[test]
fn what_a_daemon_records_can_be_played_back() {
    let replies = ["```python\nx = 'é'\n```", "```python\nfinal_answer(x)\n```"];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("recorded.jsonl");
    let model = Model::new(replies);
    let daemon = Options::default().arg("--record", &file).start();
    assert_eq!(daemon.call("run", params(&model)), Ok(json!("é")));
    let recorded = format!("replay:{}", file.display());
    let params = json!({"task": "t", "trust_level": "isolated", "model": recorded});
    assert_eq!(daemon.call("run", params), Ok(json!("é")));
    assert!(!std::fs::read_to_string(&file).unwrap().contains(KEY));
}

#[test]
fn a_recording_that_is_missing_or_over_is_a_model_error() {
    let daemon = Daemon::start();
    let folder = daemon.folder();
    std::fs::write(folder.join("short.jsonl"), "{\"text\": \"nothing\"}\n").unwrap();
    std::fs::write(folder.join("bad.jsonl"), "{\"text\": 7}\n").unwrap();
    for (file, says) in [
        ("missing.jsonl", "missing.jsonl"),
        ("short.jsonl", "only 1 reply"),
        ("bad.jsonl", "bad.jsonl:1"),
    ] {
        let model = format!("replay:{file}");
        let params = json!({"task": "t", "trust_level": "isolated", "model": model, "cwd": folder});
        let (message, hint) = refused(daemon.call("run", params), -31006, "model_error");
        assert!(message.contains(says), "{message}");
        assert!(!hint.is_empty(), "{message}");
    }
}

/// The system prompt that a session with these options sends.
fn system_prompt(daemon: &Daemon, options: Value) -> String {
    let session = daemon.session(options);
    let steps = session.call("memory.steps", json!({})).unwrap();
    assert_eq!(steps["steps"][0]["kind"], "system_prompt");
    steps["steps"][0]["text"].as_str().unwrap().to_owned()
}

#[test]
fn the_system_prompt_is_short_and_says_what_there_is() {
    let daemon = Daemon::start();
    let prompt = system_prompt(&daemon, json!({}));
    let tokens = prompt.chars().count() as f64 / 3.5;
    assert!(tokens < 600.0, "{tokens} tokens: {prompt}");
    for needle in [
        "final_answer",
        "store",
        "recall",
        "observe",
        "memory.fail",
        "uncertain",
        "explore",
        "commit",
        "urllib.parse",
        "zoneinfo",
    ] {
        assert!(prompt.contains(needle), "{needle} in {prompt}");
    }
    assert!(!prompt.contains("{{"), "{prompt}");
    let extended = system_prompt(&daemon, json!({"extra_imports": ["pandas"]}));
    assert!(extended.contains("zoneinfo, pandas"), "{extended}");
    let free = system_prompt(&daemon, json!({"extra_imports": ["*"]}));
    assert!(!free.contains("zoneinfo"), "{free}");
}

#[test]
fn the_system_prompt_says_what_files_there_are() {
    let daemon = Daemon::start();
    let (reads, writes) = (
        "reads from the current folder",
        "reads and writes in the current folder",
    );
    for (level, options, said) in [
        ("isolated", json!({}), Some(writes)),
        ("isolated", json!({"sandbox": "strict"}), Some(reads)),
        ("local", json!({"cwd": daemon.folder()}), Some(reads)),
        ("local", json!({}), None),
    ] {
        let session = daemon.session_at(level, options.clone());
        let steps = session.call("memory.steps", json!({})).unwrap();
        let prompt = steps["steps"][0]["text"].as_str().unwrap();
        for sentence in [reads, writes] {
            assert_eq!(
                prompt.contains(sentence),
                said == Some(sentence),
                "{level}, {options}: {prompt}"
            );
        }
    }
}

#[test]
fn the_system_prompt_can_be_replaced_and_added_to() {
    let daemon = Daemon::start();
    let folder = daemon.folder();
    std::fs::write(folder.join("prompt.md"), "You may import {{imports}}.\n").unwrap();
    let suffix = "Answer in French.";
    let usual = system_prompt(&daemon, json!({}));
    let longer = system_prompt(&daemon, json!({"system_suffix": suffix}));
    assert_eq!(longer, format!("{usual}\n\n{suffix}"));
    let options = json!({"prompt_file": "prompt.md", "cwd": folder, "extra_imports": ["*"]});
    assert_eq!(
        system_prompt(&daemon, options),
        "You may import any installed package."
    );
    let path = folder.join("prompt.md");
    let options = json!({"prompt_file": path, "system_suffix": suffix, "extra_imports": ["*"]});
    assert_eq!(
        system_prompt(&daemon, options),
        format!("You may import any installed package.\n\n{suffix}")
    );
}

#[test]
fn the_system_prompt_is_what_the_model_gets() {
    let model = Model::new([ANSWER]);
    let daemon = Daemon::start();
    let mut options = model.options();
    options["system_suffix"] = json!("At the end.");
    let session = daemon.session(options);
    session.call("run", json!({"task": "the task"})).unwrap();
    let steps = session.call("memory.steps", json!({})).unwrap();
    let messages = model.requests()[0].messages();
    assert_eq!(messages[0].1, steps["steps"][0]["text"].as_str().unwrap());
    assert!(messages[0].1.ends_with("At the end."));
}

/// A daemon whose own key and server are those of this environment.
fn configured(key: &str, base_url: &str) -> Daemon {
    Options::default()
        .env("OPENAI_API_KEY", key)
        .env("OPENAI_BASE_URL", base_url)
        .start()
}

#[test]
fn the_key_of_the_daemon_goes_to_its_own_server_alone() {
    let own = Model::new([ANSWER; 4]);
    let daemon = configured(KEY, &own.base_url());
    let port = own.base_url();
    let spelled = [
        Value::Null,
        json!(format!("{port}/")),
        json!(format!(" {port}//")),
        json!(port.replace("http", "HTTP")),
    ];
    for base_url in spelled {
        let options =
            json!({"trust_level": "isolated", "model": "test-model", "base_url": base_url});
        let session = daemon.session(options);
        let info = session.call("session.get", json!({})).unwrap();
        assert_eq!(info["key"], "daemon", "{base_url}");
        let answer = session.call("run", json!({"task": "t"}));
        assert_eq!(answer, Ok(json!("1")), "{base_url}");
    }
    let other = Model::keyless((0..4).map(|_| Reply::Status(401, "", String::new())));
    let foreign = [
        other.base_url(),
        other.base_url().replace("127.0.0.1", "localhost"),
        format!("{}#{port}", other.base_url()),
        format!("{}/chat/completions", other.base_url()),
    ];
    for base_url in foreign {
        let options =
            json!({"trust_level": "isolated", "model": "test-model", "base_url": base_url});
        let session = daemon.session(options);
        let info = session.call("session.get", json!({})).unwrap();
        assert_eq!(info["key"], "withheld", "{base_url}");
        let answer = session.call("run", json!({"task": "t"}));
        let (_, hint) = refused(answer, -31006, "model_error");
        assert!(hint.contains("give api_key beside base_url"), "{hint}");
    }
    assert!(!daemon.stderr().contains(KEY));
}

#[test]
fn a_key_of_a_client_stays_with_its_session() {
    let own = Model::new([ANSWER]);
    let other = Model::with_key("sk-of-a-client-98765", [ANSWER]);
    let daemon = configured(KEY, &own.base_url());
    let options = json!({
        "trust_level": "isolated", "model": "test-model", "base_url": other.base_url(),
        "api_key": "sk-of-a-client-98765",
    });
    let theirs = daemon.session(options);
    let info = theirs.call("session.get", json!({})).unwrap();
    assert_eq!(info["key"], "session");
    assert_eq!(theirs.call("run", json!({"task": "t"})), Ok(json!("1")));
    let ours = daemon.session(json!({"trust_level": "isolated", "model": "test-model"}));
    assert_eq!(ours.call("run", json!({"task": "t"})), Ok(json!("1")));
    let empty = json!({"trust_level": "isolated", "model": "test-model", "api_key": ""});
    let none = daemon.session(empty);
    let info = none.call("session.get", json!({})).unwrap();
    assert_eq!(info["key"], "none");
}

#[test]
fn a_key_is_not_carried_on_by_redirects_or_proxies() {
    for status in [301, 302, 303, 307, 308] {
        let target = Model::keyless([] as [Reply; 0]);
        let location: &'static str =
            Box::leak(format!("Location: {}\r\n", target.base_url()).into_boxed_str());
        let own = Model::new([Reply::Status(status, location, String::new())]);
        let daemon = Options::default()
            .env("OPENAI_API_KEY", KEY)
            .env("OPENAI_BASE_URL", &own.base_url())
            .env("HTTP_PROXY", &target.base_url())
            .env("http_proxy", &target.base_url())
            .env("ALL_PROXY", &target.base_url())
            .start();
        let session = daemon.session(json!({"trust_level": "isolated", "model": "test-model"}));
        let answer = session.call("run", json!({"task": "t"}));
        let (message, _) = refused(answer, -31006, "model_error");
        assert!(message.contains("points to"), "{status}: {message}");
        assert!(target.requests().is_empty(), "{status}");
    }
}
