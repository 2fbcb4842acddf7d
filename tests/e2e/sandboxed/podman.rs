//! Podman, where it is installed: sessions are as they are with Docker.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::attached::far;
use super::{open, raises, sandboxed};
use crate::support::{Daemon, Options, calculate, docker, kill, refused, returns, until};

/// Limits that Podman may set even where it is root without all of root's rights.
const CONFIGURATION: &str =
    "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n";

/// An engine of the test's own, with the image. Dropping it ends it.
struct Podman {
    folder: TempDir,
    service: Child,
}

impl Podman {
    /// None where there cannot be one, which this says aloud; with `REQUIRE_PODMAN` that is an error.
    fn start() -> Option<Self> {
        let started = Self::try_start();
        if let Err(why) = &started {
            assert!(std::env::var_os("REQUIRE_PODMAN").is_none(), "{why}");
            let _ = writeln!(std::io::stderr(), "SKIPPED a test with Podman: {why}");
        }
        started.ok()
    }

    fn try_start() -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(path("containers.conf"), CONFIGURATION).unwrap();
        let mut service = Command::new("podman");
        if Path::new("/usr/sbin/runc").exists() {
            service.args(["--runtime", "/usr/sbin/runc"]); // an older crun knows no hybrid control groups
        }
        let service = service
            .args(["--root", &path("root"), "--runroot", &path("run")])
            .args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"])
            .args(["system", "service", "--time=0"])
            .arg(format!("unix://{}", path("podman.sock")))
            .env("CONTAINERS_CONF", path("containers.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("podman does not start: {error}"))?;
        let podman = Self { folder, service };
        until("podman answers", || podman.try_run(&["version"]).is_ok());
        let image = podman.folder.path().join("image.tar");
        let image = image.to_str().unwrap();
        docker(&["save", "--output", image, "tinycode-sandbox"]);
        podman.try_run(&["load", "--input", image])?;
        podman.try_run(&[
            "run",
            "--rm",
            "--network=none",
            "tinycode-sandbox",
            "python3",
            "-c",
            "pass",
        ])?;
        Ok(podman)
    }

    fn host(&self) -> String {
        format!(
            "unix://{}",
            self.folder.path().join("podman.sock").display()
        )
    }

    /// Has Docker's own client do something with it.
    fn try_run(&self, args: &[&str]) -> Result<String, String> {
        let mut command = Command::new("docker");
        let output = command.args(["--host", &self.host()]).args(args).output();
        let output = output.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(format!("docker {args:?}: {}", text(&output.stderr))),
        }
    }

    fn daemon(&self) -> Daemon {
        Options::default().env("DOCKER_HOST", &self.host()).start()
    }

    /// Waits until it has so many containers: while one goes, Podman may fail to list them.
    fn until_containers(&self, count: usize) {
        until(&format!("there are {count} containers"), || {
            let said = self.try_run(&["ps", "--all", "--quiet"]);
            said.is_ok_and(|ids| ids.lines().count() == count)
        });
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        kill(u64::from(self.service.id()), Signal::TERM);
        self.service.wait().unwrap();
    }
}

fn folder(daemon: &Daemon) -> Value {
    use std::os::unix::fs::PermissionsExt;
    let folder = daemon.folder().join("data");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.join("data.txt"), "42").unwrap();
    json!(folder)
}

fn what_protects_the_machine_holds(daemon: &Daemon) {
    let status = daemon.call("status", json!({})).unwrap();
    let enforced = status["trust_levels"]["sandboxed"]["enforced"].to_string();
    for what in [
        "own processes",
        "not root",
        "no capabilities",
        "system calls",
        "read-only files",
        "no network",
        "disk",
    ] {
        assert!(enforced.contains(what), "{what} in {status}");
    }
    let session = open(daemon, json!({}));
    for path in ["/x", "/run/x", "/var/tmp/x"] {
        let kind = raises(&session, &format!("open('{path}', 'w')"));
        assert!(
            ["OSError", "PermissionError"].contains(&kind.as_str()),
            "{path}: {kind}"
        );
    }
    session.call("session.close", json!({})).unwrap();
}

fn sessions_live(daemon: &Daemon) {
    let folder = folder(daemon);
    let session = open(daemon, json!({"cwd": folder}));
    session.check(
        "x = int(open('data.txt').read())\nx",
        json!({"value": "42"}),
    );
    session.register(json!([calculate()]));
    let result = session.exec_with("calculate(40, 2)", |_| returns(json!(42)));
    assert_eq!(result["value"], "42", "{result}");
    let request = session.start_exec("print('on')\nwhile True: pass");
    session.until_printed("on");
    session.call("interrupt", json!({})).unwrap();
    assert_eq!(daemon.wait(request).unwrap()["state"], "kept");
    session.check("x", json!({"value": "42"}));
    let result = session.exec("import os\nos._exit(3)");
    assert!(
        result["error"]["message"]
            .as_str()
            .unwrap()
            .contains("exited with code 3"),
        "{result}"
    );
    session.check("open('data.txt').read()", json!({"value": "'42'"}));
    session.call("session.close", json!({})).unwrap();
    let session = open(daemon, json!({"cwd": folder, "cwd_mode": "mount"}));
    session.check("open('data.txt').read()", json!({"value": "'42'"}));
    assert_eq!(raises(&session, "open('data.txt', 'w')"), "OSError");
    session.call("session.close", json!({})).unwrap();
}

sandboxed! {
    fn sessions_are_as_ever_and_leave_nothing() {
        let Some(podman) = Podman::start() else { return };
        let mut daemon = podman.daemon();
        what_protects_the_machine_holds(&daemon);
        sessions_live(&daemon);
        let _left = open(&daemon, json!({}));
        podman.until_containers(1);
        kill(daemon.pid(), Signal::KILL);
        daemon.exit_status();
        podman.until_containers(0);
        fs::read_dir(daemon.temp_folder()).unwrap().flatten().for_each(|left| {
            fs::remove_dir_all(left.path()).unwrap(); // the next daemon there would
        });
        // It opens the filter of system calls itself, which is a file of this machine.
        let daemon = Options::default().env("DOCKER_HOST", &far(&podman.host())).start();
        let answer = daemon.call("session.create", json!({"trust_level": "sandboxed"}));
        let (message, _) = refused(answer, -31007, "trust_level_unavailable");
        assert!(message.contains("is Podman, which takes its filter"), "{message}");
    }
}
