//! Messages that are not as they should be: the right error, and the next request is served.

use serde_json::{Value, json};

use crate::support::{Client, Daemon, Options, framed, peak, refused};

#[track_caller]
fn assert_serves(client: &Client) {
    assert_eq!(client.call("ping", json!({})), Ok(json!({"pong": true})));
}

/// Sends bytes that deserve an error without an id.
#[track_caller]
fn check_bytes(client: &Client, bytes: &[u8], code: i64, kind: &str) {
    client.send_bytes(bytes);
    refused(client.nameless_error(), code, kind);
    assert_serves(client);
}

#[test]
fn bytes_that_are_no_frame_are_a_parse_error() {
    let daemon = Daemon::start();
    let cases: &[&[u8]] = &[
        b"Content-Length: ten\r\n\r\n",
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: 99999999999999999999999\r\n\r\n",
        b"Content-Length:\r\n\r\n",
        b"Content-Type: application/json\r\n\r\n",
        b"no header at all\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"ping\"}\n",
        b"\xff\xfe\x00\x80\r\n\r\n",
        b"Content-Length: +5\r\n\r\n{\"a\"}",
        b"Content-Length: 0x10\r\n\r\n{\"a\"}",
        b"Content-Length: 5, 5\r\n\r\n{\"a\"}",
        b"Content-Length 5\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{\"a\"}",
        b"Content-Length: 6\r\nContent-Length: 5\r\n\r\n{\"ab\"}",
        b"Content-Length: 5\r\nContent-Length: 4000000000\r\n\r\n{\"a\"}",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{\"a\"}",
        b"Content-Length: 5\r\n folded\r\n\r\n{\"a\"}",
    ];
    for bytes in cases {
        check_bytes(&daemon, bytes, -32700, "parse_error");
        assert!(
            daemon.take_other().is_none(),
            "one error for {}",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn a_flood_of_bytes_without_a_header_is_thrown_away() {
    let daemon = Daemon::start();
    daemon.send_bytes(&vec![b'x'; 300_000]);
    daemon.send_bytes(b"\r\n\r\n");
    refused(daemon.nameless_error(), -32700, "parse_error");
    daemon.call("ping", json!({})).unwrap();
    while daemon.take_other().is_some() {} // how many errors it is told in does not matter
}

#[test]
fn headers_are_read_as_lsp_says() {
    let daemon = Daemon::start();
    let ping = json!({"jsonrpc": "2.0", "id": "p", "method": "ping"}).to_string();
    let length = ping.len();
    let mime = "application/vscode-jsonrpc; charset=utf-8";
    for headers in [
        format!("Content-Length: {length}\r\nContent-Type: {mime}\r\n\r\n"),
        format!("Content-Type: {mime}\r\nContent-Length: {length}\r\n\r\n"),
        format!("content-length: {length}\r\n\r\n"),
        format!("Content-Length:{length}\r\n\r\n"),
        format!("Content-Length: \t00{length} \r\n\r\n"),
        format!("Content-Length: {length}\r\nContent-Length: 0{length}\r\n\r\n"),
        format!("Content-Length: {length}\n\n"),
    ] {
        daemon.send_bytes(format!("{headers}{ping}").as_bytes());
        assert_eq!(daemon.wait_for_id(&json!("p")), Ok(json!({"pong": true})));
    }
}

#[test]
fn a_body_that_is_no_json_is_a_parse_error() {
    let daemon = Daemon::start();
    let bodies: &[&[u8]] = &[
        b"",
        b"hello",
        b"{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"ping\"",
        b"{'jsonrpc': '2.0'}",
        b"{\"jsonrpc\": \"2.0\"} {}",
        b"\"\xff\"",
        b"{\"id\": NaN}",
    ];
    for body in bodies {
        let frame = [
            format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(),
            body,
        ]
        .concat();
        check_bytes(&daemon, &frame, -32700, "parse_error");
    }
}

#[test]
fn json_that_is_no_request_is_an_invalid_request() {
    let daemon = Daemon::start();
    let ping = r#"{"jsonrpc": "2.0", "id": 1, "method": "ping"}"#;
    let batch = format!("[{ping}, {ping}]");
    for body in [
        "[]",
        &batch,
        "7",
        "null",
        "\"ping\"",
        r#"{"jsonrpc": "2.0", "id": {}, "method": "ping"}"#,
        r#"{"jsonrpc": "2.0", "id": [1], "method": "ping"}"#,
        r#"{"jsonrpc": "2.0", "id": true, "method": "ping"}"#,
        r#"{"method": "ping"}"#,
        r#"{"jsonrpc": "2.0"}"#,
        "{}",
    ] {
        check_bytes(&daemon, &framed(body), -32600, "invalid_request");
    }
}

#[test]
fn an_invalid_request_that_has_an_id_is_answered_under_it() {
    let daemon = Daemon::start();
    for (number, message) in [
        json!({"jsonrpc": "1.0", "method": "ping"}),
        json!({"method": "ping"}),
        json!({"jsonrpc": 2.0, "method": "ping"}),
        json!({"jsonrpc": "2.0", "method": 7}),
        json!({"jsonrpc": "2.0", "method": null}),
        json!({"jsonrpc": "2.0"}),
    ]
    .into_iter()
    .enumerate()
    {
        let (mut message, id) = (message, json!(format!("bad {number}")));
        message["id"] = id.clone();
        daemon.send(&message);
        refused(daemon.wait_for_id(&id), -32600, "invalid_request");
        assert_serves(&daemon);
    }
}

#[test]
fn ids_come_back_as_they_were_sent() {
    let daemon = Daemon::start();
    for id in [
        json!(0),
        json!(-1),
        json!(9_007_199_254_740_993_u64),
        json!(""),
        json!("a \"quoted\" é"),
    ] {
        daemon.send(&json!({"jsonrpc": "2.0", "id": id, "method": "ping"}));
        assert_eq!(daemon.wait_for_id(&id), Ok(json!({"pong": true})));
    }
}

#[test]
fn an_unknown_method_is_named() {
    let daemon = Daemon::start();
    for method in ["no.such.method", "", "Ping", "$/noSuchRequest", "session"] {
        let answer = daemon.call(method, json!({}));
        let (message, _) = refused(answer, -32601, "method_not_found");
        assert!(message.contains(method), "{message}");
        assert_serves(&daemon);
    }
}

#[test]
fn messages_that_want_no_answer_get_none() {
    let daemon = Daemon::start();
    daemon.notify("no.such.method", json!({}));
    daemon.notify("$/noSuchNotification", json!({}));
    daemon.notify("$/cancelRequest", json!({"id": "never sent"}));
    daemon.notify("$/cancelRequest", json!({"id": {}}));
    daemon.notify("$/cancelRequest", Value::Null);
    daemon.notify("exec", json!({"session": "nowhere", "code": "1"}));
    daemon.notify("ping", json!({"wrong": 1}));
    daemon.send(&json!({"jsonrpc": "2.0", "id": 12_345, "result": {}}));
    daemon.send(&json!({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "m"}}));
    assert_serves(&daemon);
}

#[test]
fn params_are_an_object() {
    let daemon = Daemon::start();
    for params in [
        json!([]),
        json!([1]),
        json!("session"),
        json!(7),
        json!(true),
    ] {
        for method in ["ping", "session.create", "exec", "run"] {
            let answer = daemon.call(method, params.clone());
            refused(answer, -32602, "invalid_params");
        }
    }
    assert_serves(&daemon);
    assert_eq!(daemon.call("ping", Value::Null), Ok(json!({"pong": true})));
    daemon.send(&json!({"jsonrpc": "2.0", "id": "none", "method": "ping"}));
    assert_eq!(
        daemon.wait_for_id(&json!("none")),
        Ok(json!({"pong": true}))
    );
}

#[test]
fn params_that_nest_without_end_are_an_error_like_any() {
    let daemon = Daemon::start();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let message = format!(
        r#"{{"jsonrpc": "2.0", "id": "deep", "method": "memory.store", "params":
            {{"session": "s", "name": "n", "value": {deep}}}}}"#
    );
    daemon.send_bytes(&framed(&message));
    refused(daemon.wait_for_id(&json!("deep")), -32602, "invalid_params");
    assert_serves(&daemon);
}

#[test]
fn a_message_that_is_too_long_is_skipped() {
    let daemon = Daemon::start();
    let length = (64 << 20) + 1;
    daemon.send_bytes(format!("Content-Length: {length}\r\n\r\n").as_bytes());
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..64 {
        daemon.send_bytes(&piece);
    }
    daemon.send_bytes(b"x");
    refused(daemon.nameless_error(), -32700, "parse_error");
    assert_serves(&daemon);
}

#[test]
fn a_long_message_is_served() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let code = format!("# {}\nprint('end')", "é".repeat(2 << 20));
    assert_eq!(session.printed(&code), "end\n");
    let code = format!("# {}", "x".repeat(17 << 20));
    let (message, _) = refused(
        session.call("exec", json!({"code": code})),
        -32602,
        "invalid_params",
    );
    assert!(message.contains("code"), "{message}");
    session.assert_usable();
}

#[test]
fn bad_messages_on_a_socket_hold_up_neither_their_sender_nor_others() {
    let daemon = Options::default().socket().start();
    let (bad, good) = (daemon.connect(), daemon.connect());
    check_bytes(&bad, b"rubbish\r\n\r\n", -32700, "parse_error");
    check_bytes(&bad, &framed("[]"), -32600, "invalid_request");
    let half_a_frame = &framed("{}")[..10];
    bad.send_bytes(half_a_frame);
    assert_serves(&good);
    bad.close();
    assert_serves(&good);
}

#[test]
fn messages_that_are_only_claimed_take_no_memory() {
    let daemon = Options::default().socket().start();
    let before = peak(daemon.pid());
    let claim = format!("Content-Length: {}\r\n\r\n{{", 60 << 20);
    let clients: Vec<Client> = (0..30).map(|_| daemon.connect()).collect();
    for client in &clients {
        client.send_bytes(claim.as_bytes());
    }
    assert_serves(&daemon.connect());
    let grown = peak(daemon.pid()) - before;
    assert!(grown < 16 << 20, "{grown} bytes");
}

#[test]
fn what_is_half_received_is_bounded_over_all_connections() {
    let daemon = Options::default().socket().start();
    let before = peak(daemon.pid());
    let half = [
        format!("Content-Length: {}\r\n\r\n", 60 << 20).into_bytes(),
        vec![b' '; 50 << 20],
    ]
    .concat();
    let clients: Vec<Client> = (0..12).map(|_| daemon.connect()).collect();
    for client in &clients {
        client.send_bytes(&half);
    }
    let good = daemon.connect();
    assert_serves(&good);
    let refused = clients
        .iter()
        .filter(|client| client.take_other().is_some());
    assert!(refused.count() >= 5);
    let grown = peak(daemon.pid()) - before;
    assert!(grown < 900 << 20, "{grown} bytes");
    drop(clients);
    let session = good.session(json!({}));
    assert_eq!(session.printed("print(1)"), "1\n");
}
