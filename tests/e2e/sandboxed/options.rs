//! What a client may ask of a sandbox, and what it is told.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::{open, sandboxed};
use crate::support::{Daemon, Options, python_tool, refused};

fn create(daemon: &Daemon, mut options: Value) -> Result<Value, Value> {
    options["trust_level"] = json!("sandboxed");
    daemon.call("session.create", options)
}

sandboxed! {
    fn the_folder_is_copied_in() {
        let daemon = Daemon::start();
        let folder = daemon.folder();
        fs::create_dir(folder.join("below")).unwrap();
        fs::write(folder.join("below/data.txt"), "é").unwrap();
        fs::write(folder.join("helper.py"), "def twice(x): return 2 * x").unwrap();
        symlink("/etc/hostname", folder.join("link")).unwrap();
        let session = open(&daemon, json!({"cwd": folder.to_str().unwrap()}));
        session.check("open('below/data.txt').read()", json!({"value": "'é'"}));
        session.check("import helper\nhelper.twice(21)", json!({"value": "42"}));
        session.check("open('link').read().strip()", json!({"value": "'sandbox'"})); // its own
        session.exec("open('below/data.txt', 'w').write('changed')\nopen('new', 'w').write('x')");
        assert_eq!(fs::read_to_string(folder.join("below/data.txt")).unwrap(), "é");
        assert!(!folder.join("new").exists());
        session.call("session.reset", json!({})).unwrap();
        session.check("open('below/data.txt').read()", json!({"value": "'é'"}));
    }

    fn a_folder_that_is_too_large_or_missing_is_refused() {
        let daemon = Daemon::start();
        let folder = daemon.folder();
        let file = fs::File::create(folder.join("large")).unwrap();
        file.set_len(65 << 20).unwrap();
        let (message, _) = refused(create(&daemon, json!({"cwd": folder.to_str().unwrap()})), -32602, "invalid_params");
        assert_eq!(message, "cwd: it holds more than 64 MiB, the most that is copied into a sandbox; `cwd_mode` \"mount\" has it read in place");
        let (message, _) = refused(create(&daemon, json!({"cwd": "/no/such"})), -32602, "invalid_params");
        assert_eq!(message, "cwd: there is no folder '/no/such'");
    }

    fn modules_that_the_image_lacks_are_refused_with_what_to_do() {
        let daemon = Daemon::start();
        let options = json!({"extra_imports": ["os", "nosuchmodule", "json.tool"]});
        let (message, _) = refused(create(&daemon, options), -32602, "invalid_params");
        assert_eq!(
            message,
            "extra_imports: the image 'tinycode-sandbox:latest' has no 'nosuchmodule'; \
             `tinycode setup --sandbox --with nosuchmodule` makes an image that has"
        );
    }

    fn what_a_sandbox_does_not_have_is_refused() {
        let daemon = Daemon::start();
        let (message, _) = refused(create(&daemon, json!({"python": "python3"})), -32602, "invalid_params");
        assert!(message.starts_with("python: "), "{message}");
        let (message, _) = refused(create(&daemon, json!({"image": "no-such-image"})), -32602, "invalid_params");
        assert!(message.starts_with("image: the Docker engine has no image 'no-such-image'"), "{message}");
    }

    fn a_network_is_there_when_it_is_asked_for_and_shown() {
        let daemon = Daemon::start();
        let networks = |options| {
            let info = create(&daemon, options).unwrap();
            let session = info["session"].clone();
            let code = "import socket\nprint(*[name for _, name in socket.if_nameindex()])";
            let result = daemon.call("exec", json!({"session": session, "code": code})).unwrap();
            (info["network"].clone(), result["output"].clone())
        };
        let options = json!({"extra_imports": ["socket"]});
        assert_eq!(networks(options), (json!("none"), json!("lo\n")));
        let options = json!({"extra_imports": ["socket"], "network": "host"});
        assert_eq!(networks(options), (json!("host"), json!("lo eth0\n")));
    }

    fn tools_of_python_are_checked_without_being_run() {
        let daemon = Daemon::start();
        let session = open(&daemon, json!({}));
        session.register(json!([python_tool("twice", "def twice(x):\n    return 2 * x")]));
        session.check("twice(21)", json!({"value": "42"}));
        let tool = python_tool("bad", "def bad(:\n    pass");
        let (message, _) = refused(session.call("tools.register", json!({"tools": [tool]})), -32602, "invalid_params");
        assert!(message.contains("tool 'bad': line 1"), "{message}");
    }

    fn status_says_what_is_enforced() {
        let daemon = Daemon::start();
        let status = daemon.call("status", json!({})).unwrap();
        let level = &status["trust_levels"]["sandboxed"];
        let enforced: Vec<&str> = level["enforced"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        for what in ["own processes", "not root", "no capabilities", "no new privileges", "system calls", "read-only files", "no network", "disk", "time"] {
            assert!(enforced.contains(&what), "{what} in {enforced:?}");
        }
        assert_eq!(level["available"], true);
        let version = open(&daemon, json!({})).printed("import platform\nprint(platform.python_version())");
        assert_eq!(level["python_version"], version.trim());
    }
}

#[test]
fn without_an_engine_there_is_an_error_that_says_what_to_do() {
    let daemon = Options::default()
        .env("DOCKER_HOST", "unix:///no/engine.sock")
        .start();
    let (message, hint) = refused(
        create(&daemon, json!({})),
        -31007,
        "trust_level_unavailable",
    );
    assert!(
        message.starts_with("the Docker engine at unix:///no/engine.sock does not answer"),
        "{message}"
    );
    assert!(hint.contains("DOCKER_HOST"), "{hint}");
    let status = daemon.call("status", json!({})).unwrap();
    let level = &status["trust_levels"]["sandboxed"];
    assert_eq!(
        (&level["available"], &level["reason"]),
        (&json!(false), &json!(message))
    );
}
