//! Containers that are ready before a session wants them.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{open, sandboxed};
use crate::support::{Daemon, Docker, Options, docker, until};

fn daemon(ready: &str) -> Daemon {
    Options::default()
        .env("TINYCODE_SANDBOX_READY", ready)
        .start()
}

fn until_ready(docker: &Docker, count: usize) {
    until(&format!("{count} containers run"), || {
        let all = docker.containers();
        all.len() == count
            && all
                .iter()
                .all(|id| docker.inspect(id)["State"]["Running"] == true)
    });
}

sandboxed! {
    fn it_fills_with_the_first_session_and_is_gone_with_the_daemon() {
        let mut daemon = daemon("2");
        let docker = Docker::of(&daemon);
        assert_eq!(docker.containers(), [""; 0]);
        let first = open(&daemon, json!({}));
        until_ready(&docker, 3);
        first.call("session.close", json!({})).unwrap();
        until_ready(&docker, 2);
        daemon.call("shutdown", json!(null)).unwrap();
        daemon.notify("exit", json!(null));
        assert_eq!(daemon.exit_code(), Some(0));
        assert_eq!(docker.containers(), [""; 0]);
    }

    fn no_container_is_used_twice() {
        let daemon = daemon("1");
        let docker = Docker::of(&daemon);
        for _ in 0..3 {
            let session = open(&daemon, json!({}));
            assert_eq!(session.printed("import os\nprint(os.path.exists('/tmp/used'))"), "False\n");
            session.exec("open('/tmp/used', 'w').close()");
            session.call("session.close", json!({})).unwrap();
            until_ready(&docker, 1);
        }
    }

    fn a_container_that_was_killed_while_it_waited_is_passed_over() {
        let daemon = daemon("1");
        let docker_of = Docker::of(&daemon);
        open(&daemon, json!({})).call("session.close", json!({})).unwrap();
        until_ready(&docker_of, 1);
        docker(&["kill", &docker_of.containers()[0]]);
        until("it is gone", || docker_of.containers().is_empty());
        open(&daemon, json!({})).assert_usable();
    }

    fn a_session_begins_ten_times_sooner_than_a_container() {
        let daemon = daemon("2");
        let docker_of = Docker::of(&daemon);
        open(&daemon, json!({})).call("session.close", json!({})).unwrap();
        let median = |mut work: Box<dyn FnMut() -> Duration + '_>| {
            let mut took: Vec<Duration> = (0..5).map(|_| work()).collect();
            took.sort();
            took[2]
        };
        let ready = median(Box::new(|| {
            until_ready(&docker_of, 2);
            let begun = Instant::now();
            let session = open(&daemon, json!({}));
            let took = begun.elapsed();
            session.call("session.close", json!({})).unwrap();
            took
        }));
        let run = ["run", "--rm", "--network=none", "tinycode-sandbox", "python3", "-c", "pass"];
        let container = median(Box::new(|| {
            let begun = Instant::now();
            docker(&run);
            begun.elapsed()
        }));
        assert!(ready * 10 < container, "{ready:?} against {container:?}");
    }
}
