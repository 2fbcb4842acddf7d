//! However a session ends, nothing of it is left.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{open, sandboxed};
use crate::support::{Daemon, Docker, Session, docker, kill, pause, until};

#[track_caller]
fn assert_ended(session: &Session<'_>, result: &Value, state: &str, cause: &str) {
    assert_eq!(result["state"], state, "{result}");
    let message = result["error"]["message"].as_str().unwrap();
    assert!(message.contains(cause), "{cause}: {message}");
    session.assert_usable();
}

fn until_nothing_is_left(docker: &Docker) {
    until("no container is left", || docker.containers().is_empty());
}

sandboxed! {
    fn crashes_name_their_cause_and_the_session_goes_on() {
        let daemon = Daemon::start();
        let session = open(&daemon, json!({}));
        for (code, cause) in [
            ("import os\nos._exit(3)", "exited with code 3"),
            ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
            ("import os\nos.kill(os.getpid(), 9)", "SIGKILL"),
            ("import os\nos.closerange(0, 1000)", "the Python of the container"),
            ("import os\nfor fd in range(3, 50):\n    try: os.write(fd, b'\\xff' * 100)\n    except OSError: pass", "because"),
        ] {
            let result = session.exec(code);
            assert_ended(&session, &result, "restored", cause);
        }
        assert_eq!(Docker::of(&daemon).containers().len(), 1);
    }

    fn a_container_that_is_killed_from_outside_is_named() {
        let daemon = Daemon::start();
        let session = open(&daemon, json!({}));
        let docker_of = Docker::of(&daemon);
        let request = session.start_exec("print('on')\nwhile True: pass");
        session.until_printed("on");
        docker(&["kill", &docker_of.containers()[0]]);
        let result = daemon.wait(request).unwrap();
        assert_ended(&session, &result, "lost", "stopped from outside");
        docker(&["rm", "--force", &docker_of.containers()[0]]);
        let result = session.exec("1");
        assert_ended(&session, &result, "lost", "stopped from outside");
    }

    fn code_that_does_not_stop_is_ended_and_undone() {
        let daemon = Daemon::start();
        let session = open(&daemon, json!({"limits": {"timeout_seconds": 0.3}}));
        let code = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\nwhile True: pass";
        let result = session.exec(code);
        assert_eq!(result["timeout"], true);
        assert_ended(&session, &result, "restored", "did not stop when asked");
    }

    fn code_whose_container_stands_still_is_ended_with_it() {
        let daemon = Daemon::start();
        let session = open(&daemon, json!({"limits": {"timeout_seconds": 4.0}}));
        let docker_of = Docker::of(&daemon);
        let container = docker_of.containers().remove(0);
        let request = session.start_exec("print('on')\nwhile True: pass");
        session.until_printed("on");
        pause(&container);
        let result = daemon.wait(request).unwrap();
        assert_eq!(result["timeout"], true);
        assert_ended(&session, &result, "lost", "did not stop when asked");
        assert_eq!(docker_of.containers().len(), 1);
    }

    fn a_daemon_that_is_killed_leaves_no_container() {
        let mut daemon = Daemon::start();
        let docker_of = Docker::of(&daemon);
        let (one, other) = (open(&daemon, json!({})), open(&daemon, json!({})));
        other.exec("import os, signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError): pass");
        let request = other.start_exec("print('on')\nwhile True: pass");
        other.until_printed("on");
        one.assert_usable();
        assert_eq!(docker_of.containers().len(), 2);
        kill(daemon.pid(), Signal::KILL);
        daemon.exit_status();
        daemon.forget(request);
        until_nothing_is_left(&docker_of);
        std::fs::read_dir(daemon.temp_folder()).unwrap().flatten().for_each(|left| {
            std::fs::remove_dir_all(left.path()).unwrap(); // the next daemon there would
        });
    }

    fn what_a_killed_daemon_could_not_end_the_next_one_removes() {
        let mut daemon = Daemon::start();
        let docker_of = Docker::of(&daemon);
        open(&daemon, json!({})).assert_usable();
        let id = docker_of.containers()[0].clone();
        pause(&id); // it cannot see that its daemon is gone
        kill(daemon.pid(), Signal::KILL);
        daemon.exit_status();
        std::fs::read_dir(daemon.temp_folder()).unwrap().flatten().for_each(|left| {
            std::fs::remove_dir_all(left.path()).unwrap();
        });
        assert_eq!(docker_of.containers(), [id]);
        let _next = crate::support::Options::default().env("TINYCODE_SANDBOX_READY", "1").start();
        until_nothing_is_left(&docker_of);
    }

    fn fifty_sessions_closed_in_every_way_leave_nothing() {
        let daemon = Daemon::start();
        let docker_of = Docker::of(&daemon);
        let requests: Vec<u64> = (0..50)
            .map(|_| daemon.start("session.create", json!({"trust_level": "sandboxed", "extra_imports": ["*"]})))
            .collect();
        let mut ending = Vec::new();
        for (n, request) in requests.into_iter().enumerate() {
            let id = daemon.wait(request).unwrap()["session"].as_str().unwrap().to_owned();
            let session = Session { client: &daemon, id };
            match n % 5 {
                0 => {}
                1 => ending.push(session.start_exec("import os\nos._exit(1)")),
                2 => ending.push(session.start_exec("import os\nwhile True:\n    try: os.fork()\n    except OSError: break")),
                3 => ending.push(session.start_exec("while True: pass")),
                _ => ending.push(session.start("session.reset", json!({}))),
            }
            let close = session.start("session.close", json!({}));
            ending.push(close);
        }
        for request in ending {
            let _ = daemon.wait(request); // an answer or an error: the session was closed meanwhile
        }
        assert_eq!(docker_of.containers(), [""; 0]);
        let sessions = daemon.call("session.list", json!({})).unwrap();
        assert_eq!(sessions, json!({"sessions": []}));
    }
}
