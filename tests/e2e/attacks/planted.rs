//! What code puts where the daemon finds its interpreters: it must not run outside of the sandbox.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::{SYSTEMS, System, World};
use crate::support::{Daemon, python_tool, tinycode};

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

#[test]
fn modules_in_the_folder_of_the_daemon_are_not_imported_by_a_hidden_interpreter() {
    let world = World::new(false);
    let (home, project) = (world.home.path(), world.project());
    let hidden = home.join(".venvs/one");
    let made = Command::new("/usr/bin/python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(&hidden)
        .status();
    assert!(made.unwrap().success());
    for module in ["base64.py", "json.py", "os.py"] {
        let does = "import _io\n_io.open('{}', 'w').write('x')\nraise ImportError\n";
        let does = does.replace("{}", home.join(".planted").to_str().unwrap());
        fs::write(project.join(module), does).unwrap();
    }
    let ended = tinycode(&["exec", "-"])
        .folder(&project)
        .env("HOME", home.to_str().unwrap())
        .env("PATH", &format!("{}/bin:/usr/bin:/bin", hidden.display()))
        .stdin("print('ran')")
        .run();
    assert!(fs::metadata(home.join(".planted")).is_err(), "{ended:?}");
}

/// An interpreter that says of itself what it likes.
const LIAR: &str = r##"
import os
os.makedirs("liar/bin", exist_ok=True)
for name, target in (("keys", HOME + "/.ssh"), ("all", HOME)):
    try: os.symlink(target, name)
    except OSError: pass
with open("liar/bin/python", "w") as file:
    file.write("""#!/usr/bin/python3
import json, os, sys
if "-c" in sys.argv and "more()" in sys.argv[sys.argv.index("-c") + 1]:
    print("/usr/bin/python3"); print("3.11.2")
    print(json.dumps({"folders": %r, "build": "x", "codes": {}}))
else:
    os.execv("/usr/bin/python3", sys.argv)
""" % CLAIMS)
os.chmod("liar/bin/python", 0o755)
"##;

#[test]
fn what_an_interpreter_claims_to_need_is_not_shown_unless_it_is_of_a_python() {
    for system in SYSTEMS {
        let world = World::new(system.user);
        let daemon = world.daemon(system);
        let (home, project) = (world.home.path(), world.project());
        let claims = [
            project.join("../.ssh"),
            project.join("../.netrc"),
            project.join("keys"),
            project.join("all/.ssh"),
            home.join("notes"),
            Path::new("/etc").to_owned(),
            Path::new("/var/log").to_owned(),
        ];
        let session = daemon.session(json!({"extra_imports": ["*"], "cwd": project}));
        let plant = format!("HOME, CLAIMS = {home:?}, {}\n{LIAR}", json!(claims));
        assert_eq!(session.exec(&plant)["error"], Value::Null);
        for (sandbox, unseen) in [
            (
                "strict",
                &[".ssh/id_ed25519", ".netrc", "notes/diary.txt"][..],
            ),
            ("workspace", &[".ssh/id_ed25519", ".netrc"][..]),
        ] {
            let python = project.join("liar/bin/python");
            let options = json!({"extra_imports": ["*"], "cwd": project, "sandbox": sandbox, "python": python});
            let session = daemon.session(options);
            for name in unseen {
                let read = session.exec(&format!("open({:?}).read()", home.join(name)));
                assert!(
                    read["error"].is_object(),
                    "{system:?}, {sandbox}, {name}: {read}"
                );
            }
            if sandbox == "strict" {
                let read = session.exec("open('/etc/passwd').read()");
                assert!(read["error"].is_object(), "{system:?}: {read}");
            }
        }
    }
}
