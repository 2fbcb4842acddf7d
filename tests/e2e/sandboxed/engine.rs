//! An engine that goes away and comes back.

use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use super::{open, sandboxed};
use crate::support::{Docker, Options, docker, kill, refused, until};

/// An engine of the test's own, with the image. Dropping it ends it.
struct Engine {
    folder: TempDir,
    process: Option<Child>,
}

impl Engine {
    fn new() -> Self {
        let mut engine = Self {
            folder: tempfile::tempdir().unwrap(),
            process: None,
        };
        engine.start();
        let image = engine.path("image.tar");
        docker(&["save", "--output", &image, "tinycode-sandbox"]);
        docker(&["--host", &engine.host(), "load", "--input", &image]);
        engine
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn host(&self) -> String {
        format!("unix://{}", self.path("docker.sock"))
    }

    fn start(&mut self) {
        let process = Command::new("dockerd")
            .args([
                "--data-root",
                &self.path("data"),
                "--exec-root",
                &self.path("exec"),
            ])
            .args(["--pidfile", &self.path("pid"), "--host", &self.host()])
            .args(["--iptables=false", "--ip-forward=false", "--ip-masq=false"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.process = Some(process.unwrap());
        let host = self.host();
        until("the engine answers", || {
            let version = Command::new("docker")
                .args(["--host", &host, "version"])
                .output();
            version.unwrap().status.success()
        });
    }

    fn end(&mut self) {
        if let Some(mut process) = self.process.take() {
            kill(u64::from(process.id()), Signal::TERM);
            process.wait().unwrap();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.end();
    }
}

sandboxed! {
    fn a_session_outlives_its_engine() {
        if !rustix::process::getuid().is_root() {
            // An engine can be started by root alone; with `REQUIRE_DOCKER` that is not enough.
            assert!(std::env::var_os("REQUIRE_DOCKER").is_none());
            return;
        }
        let mut engine = Engine::new();
        let daemon = Options::default().env("DOCKER_HOST", &engine.host()).start();
        let session = open(&daemon, json!({}));
        session.exec("x = 1\nstore('kept', 2)");
        engine.end();
        let result = session.exec("x");
        assert_eq!(result["state"], "lost", "{result}");
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains("stopped from outside, by its engine"), "{message}");
        let answer = session.call("exec", json!({"code": "1"}));
        let (message, hint) = refused(answer, -31007, "trust_level_unavailable");
        assert!(message.contains("engine"), "{message}");
        assert!(!hint.is_empty());
        assert_eq!(daemon.call("ping", json!({})), Ok(json!({"pong": true})));
        engine.start();
        session.check("recall('kept')", json!({"value": "2"}));
        let here = ["--host", &engine.host(), "ps", "--all", "--quiet"].map(str::to_owned);
        let count = || docker(&here.each_ref().map(String::as_str)).lines().count();
        assert_eq!(count(), 1);
        session.call("session.close", json!({})).unwrap();
        assert_eq!(count(), 0);
        assert_eq!(Docker::of(&daemon).containers(), [""; 0]);
        drop(daemon);
    }
}
