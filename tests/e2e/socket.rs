//! `serve --socket`: many clients on a Unix socket.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Daemon, Options, Session, kill, refused};

#[test]
fn the_socket_is_the_users_own_and_goes_with_the_daemon() {
    let mut daemon = Options::default().socket().no_stdio().start();
    let path = daemon.socket_path();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let client = daemon.connect();
    assert_eq!(client.call("ping", json!({})), Ok(json!({"pong": true})));
    kill(daemon.pid(), Signal::TERM);
    assert_eq!(daemon.exit_code(), Some(0));
    assert!(!path.exists());
    client.wait_for_end();
}

#[test]
fn each_connection_has_a_life_cycle_of_its_own() {
    let daemon = Options::default().socket().start();
    let client = daemon.connect_uninitialized();
    refused(client.call("ping", json!({})), -32002, "not_initialized");
    client.initialize();
    client.call("ping", json!({})).unwrap();
    let leaving = daemon.connect();
    assert_eq!(leaving.call("shutdown", Value::Null), Ok(Value::Null));
    refused(leaving.call("ping", json!({})), -32600, "invalid_request");
    leaving.notify("exit", Value::Null);
    leaving.wait_for_end();
    client.call("ping", json!({})).unwrap();
    daemon.call("ping", json!({})).unwrap();
}

#[test]
fn clients_share_sessions_and_outlive_each_other() {
    let daemon = Options::default().socket().no_stdio().start();
    let (one, other) = (daemon.connect(), daemon.connect());
    let session = one.session(json!({}));
    session.exec("x = 5");
    let same = Session {
        client: &other,
        id: session.id.clone(),
    };
    same.check("x", json!({"value": "5"}));
    one.close();
    same.check("x + 1", json!({"value": "6"}));
    let later = daemon.connect();
    let list = later.call("session.list", json!({})).unwrap();
    assert_eq!(list["sessions"][0]["session"], session.id.as_str());
}

#[test]
fn a_socket_that_a_dead_daemon_left_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    drop(UnixListener::bind(&path).unwrap());
    assert!(UnixStream::connect(&path).is_err() && path.exists());
    let daemon = Options::default().socket_at(&path).start();
    daemon.connect().call("ping", json!({})).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

/// Tries to start a daemon on this socket; what it says.
#[track_caller]
fn refused_start(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tinycode"))
        .arg("serve")
        .args(arguments)
        .env("XDG_STATE_HOME", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_socket_that_is_in_use_is_not_taken_away() {
    let daemon = Options::default().socket().start();
    let path = daemon.socket_path();
    let said = refused_start(&["--socket", path.to_str().unwrap()]);
    assert!(said.contains("another daemon listens there"), "{said}");
    daemon.connect().call("ping", json!({})).unwrap();
}

#[test]
fn a_file_that_is_no_socket_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, "precious").unwrap();
    let said = refused_start(&["--socket", path.to_str().unwrap()]);
    assert!(said.contains("not a socket"), "{said}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    let missing = folder.path().join("no/such/folder/socket");
    let said = refused_start(&["--socket", missing.to_str().unwrap()]);
    assert!(said.contains("no/such/folder"), "{said}");
}

#[test]
fn an_address_that_others_reach_needs_to_be_allowed() {
    let said = refused_start(&["--ws", "0.0.0.0:0"]);
    assert!(said.contains("--allow-remote"), "{said}");
    refused_start(&["--ws", "127.0.0.1:notaport"]);
}

#[test]
fn a_token_that_can_be_guessed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let path = file.to_str().unwrap();
    for (token, says) in [
        ("short", "16 characters"),
        ("two words of some length", "one word"),
    ] {
        std::fs::write(&file, token).unwrap();
        let said = refused_start(&["--ws", "127.0.0.1:0", "--token-file", path]);
        assert!(said.contains(says) && !said.contains(token), "{said}");
    }
}

#[test]
fn many_clients_at_once_are_served() {
    let daemon = Options::default().socket().start();
    let clients: Vec<_> = (0..40).map(|_| daemon.connect()).collect();
    let requests: Vec<u64> = clients
        .iter()
        .map(|client| client.start("status", json!({})))
        .collect();
    for (client, request) in clients.iter().zip(requests) {
        assert_eq!(client.wait(request).unwrap()["sessions"], 0);
    }
}

#[test]
fn a_daemon_that_is_interrupted_ends_cleanly() {
    let mut daemon = Daemon::start();
    kill(daemon.pid(), Signal::INT);
    assert_eq!(daemon.exit_code(), Some(0));
}
