//! `serve --ws`: WebSocket and HTTP, for those who have the token.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Daemon, Options, WsAddress, kill, peak, refused, upgrade};

/// Posts a body with these headers; the status and the body of the answer.
fn post(port: u16, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut head = format!(
        "POST / HTTP/1.1\r\nContent-Length: {}\r\nConnection: close\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream
        .write_all(format!("{head}\r\n{body}").as_bytes())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// Posts a body as those do who may.
fn post_as_allowed(address: &WsAddress, body: &str) -> (u16, Value) {
    let token = format!("Bearer {}", address.token);
    let headers = [
        ("Host", "127.0.0.1"),
        ("Authorization", &token),
        ("Content-Type", "application/json"),
    ];
    post(address.port, &headers, body)
}

const PING: &str = r#"{"jsonrpc": "2.0", "id": 1, "method": "ping"}"#;

#[test]
fn the_token_is_in_a_file_of_the_users_own_that_goes_with_the_daemon() {
    let mut daemon = Options::default().ws().no_stdio().start();
    let address = daemon.ws_address();
    let file = Path::new(&address.token_file);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        file.parent()
            .unwrap()
            .metadata()
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o700
    );
    assert!(address.token.len() >= 32, "{}", address.token);
    assert!(!daemon.stderr().contains(&address.token));
    kill(daemon.pid(), Signal::TERM);
    assert_eq!(daemon.exit_code(), Some(0));
    assert!(!file.exists());
}

#[test]
fn a_token_of_the_users_own_is_taken_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "  chosen-by-the-user-0123  \n").unwrap();
    let mut daemon = Options::default().arg("--token-file", &file).ws().start();
    let address = daemon.ws_address();
    assert_eq!(
        (&*address.token, Path::new(&address.token_file)),
        ("chosen-by-the-user-0123", &*file)
    );
    assert_eq!(
        daemon.connect_ws().call("ping", json!({})),
        Ok(json!({"pong": true}))
    );
    kill(daemon.pid(), Signal::TERM);
    assert_eq!(daemon.exit_code(), Some(0));
    assert!(file.exists());
}

#[test]
fn a_client_with_the_token_is_served_without_a_life_cycle() {
    let daemon = Options::default().ws().start();
    let client = daemon.connect_ws();
    assert_eq!(client.call("ping", json!({})), Ok(json!({"pong": true})));
    // A checkpoint comes about when the answer does.
    let session = client.session(json!({"checkpoints": false}));
    session.check("print('é')\n1", json!({"output": "é\n", "value": "1"}));
    assert_eq!(
        session.event_types(),
        ["step.started", "code", "stdout", "step.finished"]
    );
    let again = daemon.connect_ws();
    assert_eq!(
        again.call("session.list", json!({})).unwrap()["sessions"][0]["session"],
        session.id.as_str()
    );
}

#[test]
fn without_the_right_token_nothing_is_had() {
    let daemon = Options::default().ws().start();
    let address = daemon.ws_address();
    let right = format!("Bearer {}", address.token);
    let almost = format!("Bearer {}x", address.token);
    let basic = format!("Basic {}", address.token);
    for token in [
        None,
        Some("Bearer wrong"),
        Some("Bearer "),
        Some(&*almost),
        Some(&*basic),
        Some(""),
    ] {
        let mut headers = vec![("host", "127.0.0.1")];
        headers.extend(token.map(|token| ("authorization", token)));
        let (status, body) = post(address.port, &headers, PING);
        assert_eq!(
            (status, &body["error"]["code"]),
            (401, &json!(-31009)),
            "{token:?}"
        );
        assert_eq!(body["error"]["data"]["kind"], "unauthorized");
        assert_eq!(upgrade_status(&address, &headers), 401, "{token:?}");
    }
    let in_query = format!("GET /?token={} HTTP/1.1", address.token);
    assert!(!in_query.is_empty() && upgrade_status(&address, &[]) == 401);
    assert_eq!(upgrade_status(&address, &[("authorization", &right)]), 101);
    assert!(!daemon.stderr().contains(&address.token));
}

/// The status of the answer to a request for a WebSocket.
fn upgrade_status(address: &WsAddress, headers: &[(&str, &str)]) -> u16 {
    match upgrade(address.port, headers) {
        Ok((_, response)) => response.status().as_u16(),
        Err(error) => match *error {
            tungstenite::Error::Http(response) => response.status().as_u16(),
            error => panic!("{error}"),
        },
    }
}

#[test]
fn pages_of_other_sites_get_nothing_even_with_the_token() {
    let daemon = Options::default().ws().start();
    let address = daemon.ws_address();
    let token = format!("Bearer {}", address.token);
    let own = format!("http://127.0.0.1:{}", address.port);
    let (host, token) = (format!("127.0.0.1:{}", address.port), token.as_str());
    for origin in [
        "https://evil.example",
        "null",
        "http://127.0.0.1:1",
        "http://localhost.evil.example",
        "file://",
    ] {
        let headers = [
            ("host", &*host),
            ("authorization", token),
            ("origin", origin),
        ];
        let (status, body) = post(address.port, &headers, PING);
        assert_eq!(
            (status, &body["error"]["code"]),
            (403, &json!(-31009)),
            "{origin}"
        );
        assert_eq!(
            upgrade_status(&address, &[("authorization", token), ("origin", origin)]),
            403,
            "{origin}"
        );
    }
    for foreign in ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""] {
        let headers = [("host", foreign), ("authorization", token)];
        let (status, _) = post(address.port, &headers, PING);
        assert!(matches!(status, 400 | 403), "{foreign}: {status}");
    }
    assert_eq!(
        upgrade_status(&address, &[("authorization", token), ("origin", &own)]),
        101
    );
}

#[test]
fn requests_and_batches_can_be_posted() {
    let daemon = Options::default().ws().start();
    let address = daemon.ws_address();
    let pong = json!({"jsonrpc": "2.0", "id": 1, "result": {"pong": true}});
    assert_eq!(post_as_allowed(&address, PING), (200, pong.clone()));
    let unknown = r#"{"jsonrpc": "2.0", "id": "a", "method": "nope"}"#;
    let batch = format!(r#"[{PING}, {unknown}, {{"id": "b"}}]"#);
    let (status, answers) = post_as_allowed(&address, &batch);
    assert_eq!(status, 200);
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 3);
    assert!(answers.contains(&pong), "{answers:?}");
    for (id, code, kind) in [
        ("a", -32601, "method_not_found"),
        ("b", -32600, "invalid_request"),
    ] {
        let answer = answers.iter().find(|answer| answer["id"] == id).unwrap();
        refused(Err(answer["error"].clone()), code, kind);
    }
}

#[test]
fn a_session_can_be_driven_by_posts_alone() {
    let daemon = Options::default().ws().start();
    let address = daemon.ws_address();
    let call = |method: &str, params: Value| {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let (status, answer) = post_as_allowed(&address, &request.to_string());
        assert_eq!(status, 200);
        answer
    };
    let created = call("session.create", json!({"trust_level": "isolated"}));
    let session = created["result"]["session"].clone();
    for (code, value) in [("x = 4\nx", "4"), ("x + 1", "5")] {
        let answer = call("exec", json!({"session": session, "code": code}));
        assert_eq!(answer["result"]["value"], value);
    }
    let answer = call("session.attach", json!({"session": session}));
    assert_eq!(answer["error"]["code"], -32600, "{answer}");
    assert!(
        answer["error"]["data"]["hint"]
            .as_str()
            .unwrap()
            .contains("WebSocket")
    );
    assert_eq!(
        call("session.close", json!({"session": session}))["result"],
        json!({})
    );
}

#[test]
fn bad_messages_get_the_same_errors_as_elsewhere() {
    let daemon = Options::default().ws().start();
    let address = daemon.ws_address();
    let ws = daemon.connect_ws();
    for (body, code) in [
        ("not json", -32700),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": 7}"#, -32600),
        ("[]", -32600),
        (r#"{"jsonrpc": "2.0", "id": 1, "method": "nope"}"#, -32601),
        (
            r#"{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}"#,
            -32602,
        ),
        (
            r#"{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"colour": 1}}"#,
            -32602,
        ),
    ] {
        let (_, answer) = post_as_allowed(&address, body);
        assert_eq!(answer["error"]["code"], code, "{body}: {answer}");
        ws.send_text(body);
        let answer = match ws.next_answer() {
            Err(error) => error,
            Ok(result) => panic!("{body}: {result}"),
        };
        assert_eq!(answer["code"], code, "{body}: {answer}");
        assert_eq!(
            ws.call("ping", json!({})),
            Ok(json!({"pong": true})),
            "after {body}"
        );
    }
}

#[test]
fn an_error_on_a_websocket_has_a_kind_and_a_hint() {
    let daemon = Options::default().ws().start();
    let ws = daemon.connect_ws();
    let answer = ws.call(
        "session.create",
        json!({"trust_level": "isolated", "colour": 1}),
    );
    let (message, _) = refused(answer, -32602, "invalid_params");
    assert!(message.contains("colour"), "{message}");
    let answer = ws.call("exec", json!({"session": "s-1", "code": "1"}));
    let (_, hint) = refused(answer, -31001, "session_not_found");
    assert!(!hint.is_empty());
}

#[test]
fn a_request_on_a_websocket_can_be_cancelled() {
    let daemon = Options::default().ws().start();
    let ws = daemon.connect_ws();
    let session = ws.session(json!({}));
    let running = session.start_exec("print('on')\nwhile True: pass");
    session.until_printed("on");
    let waiting = session.start_exec("x = 1");
    ws.cancel(waiting);
    refused(ws.wait(waiting), -32800, "cancelled");
    ws.cancel(running);
    refused(ws.wait(running), -32800, "cancelled");
    session.check("'x' in globals()", json!({"value": "False"}));
}

#[test]
fn a_websockets_requests_are_first_in_first_out_and_do_not_block() {
    let daemon = Options::default().ws().start();
    let ws = daemon.connect_ws();
    let session = ws.session(json!({}));
    session.exec("seen = []");
    let requests: Vec<u64> = (0..50)
        .map(|n| session.start_exec(&format!("seen.append({n})\nseen[-1]")))
        .collect();
    for (number, request) in requests.into_iter().enumerate() {
        assert_eq!(ws.wait(request).unwrap()["value"], number.to_string());
    }
    session.check("seen == list(range(50))", json!({"value": "True"}));
    let running = session.start_exec("print('on')\nwhile True: pass");
    session.until_printed("on");
    assert_eq!(ws.call("ping", json!({})), Ok(json!({"pong": true})));
    assert!(!ws.has_answer(running));
    session.call("interrupt", json!({})).unwrap();
    ws.wait(running).unwrap();
}

#[test]
fn a_long_output_comes_whole_over_a_websocket() {
    let daemon = Options::default().ws().start();
    let ws = daemon.connect_ws();
    let limits = json!({"max_output_bytes": 16 << 20});
    let session = ws.session(json!({"limits": limits}));
    let result = session.exec("print('é' * 2_000_000)");
    assert_eq!(
        result["output"].as_str().unwrap().chars().count(),
        2_000_001
    );
    let texts = session
        .events()
        .into_iter()
        .filter(|event| event["type"] == "stdout");
    let text: String = texts
        .map(|event| event["text"].as_str().unwrap().to_owned())
        .collect();
    assert!(result["output"] == text);
}

/// A connection that has sent `bytes` after the head of a request.
fn open_with(address: &WsAddress, head: &str, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", address.port)).unwrap();
    let token = &address.token;
    let head = format!("{head}\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

const UPGRADE: &str = "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

/// The header of a masked text frame of this length.
fn frame(length: usize) -> Vec<u8> {
    let length = (length as u64).to_be_bytes();
    [&[0x81, 0xff], &length[..], &[0; 4]].concat()
}

/// Reads until the answer to the upgrade is whole.
fn upgraded(mut stream: &TcpStream) {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(
        answer.starts_with(b"HTTP/1.1 101"),
        "{}",
        answer.escape_ascii()
    );
}

#[test]
fn messages_that_are_only_claimed_take_no_memory() {
    let daemon = Options::default().ws().start();
    let address = daemon.ws_address();
    let before = peak(daemon.pid());
    let claim = [frame(60 << 20), b"{".to_vec()].concat();
    let mut held = Vec::new();
    for _ in 0..30 {
        let mut stream = open_with(&address, UPGRADE, b"");
        upgraded(&stream);
        stream.write_all(&claim).unwrap();
        held.push(stream);
        // Together with the request, and before its answer.
        let stream = open_with(&address, UPGRADE, &claim);
        upgraded(&stream);
        held.push(stream);
        let length = 60 << 20;
        let post = format!(
            "POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {length}"
        );
        held.push(open_with(&address, &post, b"{"));
    }
    let ws = daemon.connect_ws();
    assert_eq!(ws.call("ping", json!({})), Ok(json!({"pong": true})));
    let grown = peak(daemon.pid()) - before;
    assert!(grown < 32 << 20, "{grown} bytes");
}

#[test]
fn what_is_half_received_is_bounded_over_all_websockets() {
    let daemon = Options::default().ws().start();
    let address = daemon.ws_address();
    let before = peak(daemon.pid());
    let half = [frame(60 << 20), vec![b' '; 50 << 20]].concat();
    let mut ended = 0;
    let held: Vec<TcpStream> = (0..12)
        .map(|_| {
            let mut stream = open_with(&address, UPGRADE, b"");
            upgraded(&stream);
            ended += usize::from(stream.write_all(&half).is_err());
            stream
        })
        .collect();
    let ws = daemon.connect_ws();
    assert_eq!(ws.call("ping", json!({})), Ok(json!({"pong": true})));
    assert!(ended >= 4, "{ended}");
    let grown = peak(daemon.pid()) - before;
    assert!(grown < 900 << 20, "{grown} bytes");
    drop(held);
}

#[test]
fn a_message_of_a_websocket_that_is_too_long_is_skipped() {
    let daemon: Daemon = Options::default().ws().start();
    let ws = daemon.connect_ws();
    ws.send_text(&" ".repeat((64 << 20) + 1));
    let answer = ws.next_answer();
    let (message, _) = refused(answer, -32700, "parse_error");
    assert!(message.contains("67108864"), "{message}");
    assert_eq!(ws.call("ping", json!({})), Ok(json!({"pong": true})));
    let session = ws.session(json!({}));
    let code = format!("# {}\nprint('end')", "é".repeat(2 << 20));
    assert_eq!(session.printed(&code), "end\n");
    let long = format!("# {}", "x".repeat(17 << 20));
    let answer = session.call("exec", json!({"code": long}));
    refused(answer, -32602, "invalid_params");
}

#[test]
fn a_connection_on_which_a_websocket_was_refused_ends() {
    let daemon = Options::default().ws().start();
    let mut stream = TcpStream::connect(("127.0.0.1", daemon.ws_address().port)).unwrap();
    let head = format!("{UPGRADE}\r\nHost: 127.0.0.1\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}
