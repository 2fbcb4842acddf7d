//! Events: complete, in order, before the answers, and again for those who come later.

use serde_json::{Value, json};

use crate::support::{Daemon, Options, Session, refused, without_times};

#[test]
fn the_events_of_an_exec_come_before_its_answer_and_say_the_same() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["sys"]}));
    let code = "import sys\nprint('a')\nuncertain('u')\nstore('n', 1)\n5";
    let result = session.exec(code);
    let before_the_answer = session.events();
    session.event("checkpoint", |_| true);
    let events: Vec<Value> = session.events().iter().map(without_times).collect();
    let wanted = json!([
        {"session": session.id, "seq": 1, "type": "step.started", "step": 1},
        {"session": session.id, "seq": 2, "type": "code", "step": 1, "code": code},
        {"session": session.id, "seq": 3, "type": "stdout", "step": 1, "text": "a\n"},
        {"session": session.id, "seq": 4, "type": "signal", "step": 1, "kind": "uncertain", "message": "u"},
        {"session": session.id, "seq": 5, "type": "memory", "name": "n", "op": "store"},
        {"session": session.id, "seq": 6, "type": "step.finished", "step": 1, "result": without_times(&result)},
        {"session": session.id, "seq": 7, "type": "checkpoint", "checkpoint": "c1", "step": 1},
    ]);
    assert_eq!(json!(events), wanted);
    assert!(before_the_answer.len() >= 6, "{before_the_answer:?}");
    let info = session.call("session.get", json!({})).unwrap();
    assert_eq!((&info["seq"], &info["step"]), (&json!(7), &json!(1)));
}

#[test]
fn events_of_several_sessions_do_not_mix() {
    let daemon = Daemon::start();
    let sessions = [0; 3].map(|_| daemon.session(json!({})));
    let requests = sessions.each_ref().map(|session| {
        session.start_exec(&format!("for i in range(50): print(i, {:?})", session.id))
    });
    for (session, request) in sessions.iter().zip(requests) {
        let result = daemon.wait(request).unwrap();
        let events = session.events().into_iter();
        let texts = events.filter(|event| event["type"] == "stdout");
        let text: String = texts
            .map(|event| event["text"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(result["output"], text);
        assert_eq!(text.matches(&session.id).count(), 50);
    }
}

/// A session that another client made, as this one sees it.
fn of<'a>(client: &'a crate::support::Client, session: &Session<'_>) -> Session<'a> {
    Session {
        client,
        id: session.id.clone(),
    }
}

#[test]
fn a_client_that_did_not_create_the_session_hears_of_it_once_it_attaches() {
    let daemon = Options::default().socket().start();
    let other = daemon.connect();
    let session = daemon.session(json!({}));
    let seen = of(&other, &session);
    session.exec("print('before')");
    session.event("checkpoint", |_| true);
    let latest = session.events().len();
    assert_eq!(
        seen.call("session.attach", json!({})),
        Ok(json!({"seq": latest}))
    );
    session.exec("print('after')");
    session.event("checkpoint", |event| event["step"] == 2);
    seen.event("checkpoint", |event| event["step"] == 2);
    assert_eq!(seen.events(), session.events()[latest..]);
    assert_eq!(seen.call("session.detach", json!({})), Ok(json!({})));
    let heard = seen.events().len();
    seen.exec("print('detached')");
    other.call("ping", json!({})).unwrap();
    assert_eq!(seen.events().len(), heard);
}

#[test]
fn a_client_that_created_the_session_can_detach() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    session.exec("1");
    session.event("checkpoint", |_| true);
    let heard = session.events().len();
    session.call("session.detach", json!({})).unwrap();
    session.call("session.detach", json!({})).unwrap(); // which is no error
    session.exec("2");
    assert_eq!(session.checkpoints(), ["c0", "c1", "c2"]);
    assert_eq!(session.events().len(), heard);
    let answer = session
        .call("session.attach", json!({"since": heard}))
        .unwrap();
    let latest = answer["seq"].as_u64().unwrap();
    session.event("checkpoint", |event| event["seq"] == latest);
    let seqs: Vec<u64> = session
        .events()
        .iter()
        .map(|event| event["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, (1..=latest).collect::<Vec<u64>>());
}

#[test]
fn attaching_since_a_number_replays_what_follows_without_gap_or_repeat() {
    let daemon = Options::default().socket().start();
    let limits = json!({"max_output_bytes": 16 << 20});
    let session = daemon.session(json!({"limits": limits}));
    session.exec("for i in range(4000): print(i, 'x' * 1000)"); // several megabytes of events
    session.event("checkpoint", |_| true);
    let all = session.events();
    let latest = all.len() as u64;
    for since in [0, 1, latest / 2, latest - 1, latest, latest + 5] {
        let client = daemon.connect();
        let seen = of(&client, &session);
        let answer = seen
            .call("session.attach", json!({"since": since}))
            .unwrap();
        assert_eq!(answer, json!({"seq": latest}), "since {since}");
        let rest = all
            .get(usize::try_from(since).unwrap()..)
            .unwrap_or_default();
        if !rest.is_empty() {
            seen.event("checkpoint", |event| event["seq"] == latest);
        }
        assert!(seen.events() == rest, "since {since}");
    }
}

#[test]
fn a_client_that_attaches_while_code_prints_misses_nothing() {
    let daemon = Options::default().socket().start();
    let limits = json!({"max_output_bytes": 16 << 20});
    let session = daemon.session(json!({"limits": limits}));
    let request = session.start_exec("for i in range(20000): print(i, 'y' * 100)");
    let mut clients = Vec::new();
    for count in [1, 5, 15] {
        session.event("stdout", |event| event["seq"].as_u64() >= Some(count));
        let client = daemon.connect();
        of(&client, &session)
            .call("session.attach", json!({"since": 0}))
            .unwrap();
        clients.push(client);
    }
    let result = daemon.wait(request).unwrap();
    assert_eq!(result["output"].as_str().unwrap().lines().count(), 20_000);
    session.event("checkpoint", |_| true);
    let all = session.events();
    for client in &clients {
        let seen = of(client, &session);
        seen.event("checkpoint", |_| true);
        assert!(seen.events() == all);
    }
}

#[test]
fn clients_on_every_transport_see_the_same_log() {
    let daemon = Options::default().socket().ws().start();
    let session = daemon.session(json!({}));
    let (socket, ws) = (daemon.connect(), daemon.connect_ws());
    let others = [of(&socket, &session), of(&ws, &session)];
    for seen in &others {
        seen.call("session.attach", json!({"since": 0})).unwrap();
    }
    for round in 0..5 {
        let code = format!("for i in range(20): print({round}, i)\nuncertain('u')\n'v'");
        session.exec(&code);
        others[0].exec(&code);
        others[1].exec(&code);
    }
    session.call("session.close", json!({})).unwrap();
    let all = session.events();
    assert_eq!(all.last().unwrap()["type"], "session.closed");
    let finished = all.iter().filter(|event| event["type"] == "step.finished");
    assert_eq!(finished.count(), 15);
    for seen in others {
        seen.event("session.closed", |_| true);
        assert_eq!(seen.events(), all);
    }
}

#[test]
fn attaching_twice_to_the_same_session_does_not_repeat_what_follows() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    let latest = session.call("session.attach", json!({})).unwrap();
    assert_eq!(latest, json!({"seq": 0}));
    session.exec("1");
    session.event("checkpoint", |_| true);
    let seqs: Vec<Value> = session
        .events()
        .iter()
        .map(|event| event["seq"].clone())
        .collect();
    assert_eq!(seqs, [1, 2, 3, 4]);
}

#[test]
fn a_client_that_does_not_read_holds_up_neither_the_code_nor_others() {
    let daemon = Options::default().socket().start();
    let limits = json!({"max_output_bytes": 16 << 20});
    let session = daemon.session(json!({"limits": limits}));
    // A client that writes its requests and never reads an answer.
    let mut deaf = std::os::unix::net::UnixStream::connect(daemon.socket_path()).unwrap();
    let messages = [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "session.attach", "params": {"session": session.id, "since": 0}}),
    ];
    for message in messages {
        let bytes = crate::support::framed(&message.to_string());
        std::io::Write::write_all(&mut deaf, &bytes).unwrap();
    }
    for _ in 0..3 {
        let result = session.exec("for i in range(5000): print(i, 'x' * 1000)");
        assert_eq!(result["error"], Value::Null);
        assert_eq!(result["output_truncated"], false);
    }
    daemon.call("ping", json!({})).unwrap();
}

#[test]
fn an_unknown_session_cannot_be_attached_to() {
    let daemon = Daemon::start();
    let answer = daemon.call("session.attach", json!({"session": "s-1", "since": 0}));
    refused(answer, -31001, "session_not_found");
}
