//! An engine with which no socket can be shared: everything goes over the stream that it attaches.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;

use serde_json::json;

use super::{open, sandboxed};
use crate::support::{Daemon, Docker, Options, calculate, returns, until};

/// Lets the engine be reached over TCP, as one on another machine is; returns its address.
pub fn far_engine() -> String {
    far(&std::env::var("DOCKER_HOST").unwrap_or("unix:///var/run/docker.sock".to_owned()))
}

/// The same for the engine at this address.
pub fn far(near: &str) -> String {
    let near = near.strip_prefix("unix://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(engine) = UnixStream::connect(&near) else {
                return;
            };
            let (client_end, engine_end) =
                (client.try_clone().unwrap(), engine.try_clone().unwrap());
            thread::spawn(move || forward(client, engine));
            thread::spawn(move || {
                let (mut from, mut to) = (engine_end, client_end);
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
        }
    });
    format!("tcp://127.0.0.1:{port}")
}

fn forward(mut from: TcpStream, mut to: UnixStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

fn daemon() -> Daemon {
    Options::default().env("DOCKER_HOST", &far_engine()).start()
}

sandboxed! {
    fn status_says_that_it_is_attached() {
        let daemon = daemon();
        let status = daemon.call("status", json!({})).unwrap();
        let level = &status["trust_levels"]["sandboxed"];
        assert_eq!(level["engine"], "CPython in a container, over its attached stream (slower)");
        assert!(level["enforced"].to_string().contains("no network"), "{level}");
    }

    fn steps_are_as_ever() {
        let daemon = daemon();
        let session = open(&daemon, json!({}));
        session.check("x = 6\nx * 7", json!({"value": "42"}));
        session.check("import sys\nprint('é' * 3)\nprint('e', file=sys.stderr)", json!({"output": "ééé\n", "stderr": "e\n"}));
        for _ in 0..20 {
            // What was printed comes before the end of its step.
            let printed = session.printed("print('y' * 5_000)");
            assert_eq!(printed, "y".repeat(5_000) + "\n");
        }
        let large = "z".repeat(3 << 20);
        let result = session.exec(&format!("len('{large}')"));
        assert_eq!(result["value"], large.len().to_string());
        session.register(json!([calculate()]));
        let result = session.exec_with("calculate(40, 2)", |_| returns(json!(42)));
        assert_eq!(result["value"], "42", "{result}");
        let hasty = open(&daemon, json!({"limits": {"timeout_seconds": 0.5}}));
        assert_eq!(hasty.exec("while True: pass")["timeout"], true);
        session.check("x", json!({"value": "6"}));
    }

    fn interrupts_and_crashes_are_as_ever() {
        let daemon = daemon();
        let session = open(&daemon, json!({}));
        let request = session.start_exec("print('on')\nwhile True: pass");
        session.until_printed("on");
        session.call("interrupt", json!({})).unwrap();
        assert_eq!(daemon.wait(request).unwrap()["state"], "kept");
        let result = session.exec("print('said')\nimport os\nos._exit(3)");
        assert!(result["error"]["message"].as_str().unwrap().contains("exited with code 3"), "{result}");
        session.assert_usable();
    }

    fn nothing_is_left_when_it_is_closed_or_the_daemon_killed() {
        let mut daemon = daemon();
        let docker = Docker::of(&daemon);
        let (one, other) = (open(&daemon, json!({})), open(&daemon, json!({})));
        one.call("session.close", json!({})).unwrap();
        assert_eq!(docker.containers().len(), 1);
        other.assert_usable();
        crate::support::kill(daemon.pid(), rustix::process::Signal::KILL);
        daemon.exit_status();
        until("no container is left", || docker.containers().is_empty());
    }
}
