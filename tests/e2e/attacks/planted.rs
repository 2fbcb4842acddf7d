//! What code puts where the daemon finds its interpreters: it must not run outside of the sandbox.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{SYSTEMS, System, World};
use crate::support::{Daemon, python_tool};

/// Programs and folders of an interpreter in the project, where code of the session can write.
fn venv(project: &Path) {
    // One that ordinary users may run.
    let made = Command::new("/usr/bin/python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(project.join("venv"))
        .status();
    assert!(made.unwrap().success());
}

/// Plants something that leaves a file in the home folder when it runs outside of the sandbox, and reads a secret.
const PLANT: &str = r##"
import glob, os, sys
does = "import os\nfor name in ('~/.planted', '~/planted'):\n    try: open(os.path.expanduser(name), 'w').write('x')\n    except OSError: pass\n"
for folder in glob.glob("venv/lib/python3*/site-packages"):
    with open(folder + "/sitecustomize.py", "w") as file: file.write(does)
    with open(folder + "/planted.pth", "w") as file: file.write("import sitecustomize\n")
os.rename("venv/bin/python3", "venv/bin/real")
with open("venv/bin/python3", "w") as file:
    file.write("#!/bin/sh\ntouch \"$HOME/.planted\" \"$HOME/planted\"\nexec " + os.path.realpath("venv/bin/real") + " \"$@\"\n")
os.chmod("venv/bin/python3", 0o755)
"##;

fn check(system: System) {
    let world = World::new(system.user);
    let home = world.home.path();
    let project = world.project();
    venv(&project);
    if system.user {
        let owner = format!("{}", super::USER);
        let owned = Command::new("chown")
            .args(["-R", &owner])
            .arg(&project)
            .status();
        assert!(owned.unwrap().success());
    }
    let options = json!({
        "trust_level": "isolated", "cwd": project, "extra_imports": ["*"],
        "python": project.join("venv/bin/python3"),
    });
    let register = |daemon: &Daemon| {
        let session = daemon.session(options.clone());
        session.register(json!([python_tool(
            "double",
            "def double(x):\n    return 2 * x"
        )]));
        session.check("double(4)", json!({"value": "8"}));
        session.call("session.close", json!({})).unwrap();
    };
    let daemon = world.daemon(system);
    let session = daemon.session(options.clone());
    assert_eq!(session.exec(PLANT)["error"], Value::Null);
    register(&daemon);
    drop(daemon);
    register(&world.daemon(system));
    for name in [".planted", "planted"] {
        assert!(
            fs::metadata(home.join(name)).is_err(),
            "{name} at {system:?}"
        );
    }
}

#[test]
fn what_is_planted_in_an_interpreter_runs_in_the_sandbox_alone() {
    SYSTEMS.into_iter().for_each(check);
}
