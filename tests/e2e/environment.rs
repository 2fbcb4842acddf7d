//! What code finds around it: the environment, folders, the interpreter, imports.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use serde_json::{Value, json};

use crate::conformance::REFUSED;
use crate::support::{Daemon, Options, refused};

#[test]
fn code_sees_no_variables_but_those_that_python_needs() {
    let daemon = Options::default()
        .env("OPENAI_API_KEY", "sk-secret-in-the-environment")
        .env("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
        .env("AWS_SECRET_ACCESS_KEY", "aws")
        .env("PYTHONSTARTUP", "/nowhere")
        .env("PYTHONPATH", "/nowhere")
        .env("LANG", "C")
        .start();
    let session = daemon.session(json!({"extra_imports": ["os"]}));
    let names = session.exec("import os\n' '.join(sorted(os.environ))");
    let names = names["value"].as_str().unwrap().trim_matches('\'');
    let allowed = [
        "HOME",
        "LANG",
        "LC_CTYPE",
        "LOGNAME",
        "MPLBACKEND",
        "MPLCONFIGDIR",
        "PATH",
        "PYTHONUTF8",
        "TMPDIR",
        "XDG_CACHE_HOME",
    ];
    for name in names.split(' ') {
        assert!(allowed.contains(&name), "{name} in {names}");
    }
    let code = "open('/proc/self/environ').read() + open('/proc/self/cmdline').read()";
    let seen = session.exec(code);
    assert!(!seen.to_string().contains("sk-secret"), "{seen}");
}

#[test]
fn each_session_has_a_temporary_folder_that_goes_with_it() {
    let daemon = Daemon::start();
    let (one, other) = (
        daemon.session(json!({"extra_imports": ["*"]})),
        daemon.session(json!({"extra_imports": ["*"]})),
    );
    let code = "import tempfile, os\nfolder = tempfile.gettempdir()\nf = tempfile.NamedTemporaryFile(delete=False)\nf.write(b'x'); f.close()\nos.makedirs(folder + '/deep/er')\nprint(os.stat(folder).st_ino)";
    let folders = [one.printed(code), other.printed(code)];
    assert_ne!(folders[0], folders[1]);
    let on_disk = || {
        let all = std::fs::read_dir(daemon.temp_folder()).unwrap().flatten();
        let inside = all.flat_map(|folder| std::fs::read_dir(folder.path()).unwrap().flatten());
        let sessions =
            inside.filter(|entry| entry.file_name().to_string_lossy().starts_with("session-"));
        sessions
            .map(|entry| entry.metadata().unwrap())
            .collect::<Vec<_>>()
    };
    let found = on_disk();
    assert_eq!(found.len(), 2);
    for folder in found {
        assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    }
    one.check(
        "os.path.isdir(folder + '/deep/er')",
        json!({"value": "True"}),
    );
    one.call("session.close", json!({})).unwrap();
    let left = on_disk();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].ino().to_string(), folders[1].trim());
}

#[test]
fn code_works_in_the_folder_of_the_session() {
    let daemon = Daemon::start();
    let folder = daemon.folder();
    std::fs::write(folder.join("data.txt"), "é\n").unwrap();
    std::fs::write(
        folder.join("helper.py"),
        "def twice(x):\n    return 2 * x\n",
    )
    .unwrap();
    std::fs::write(
        folder.join("json.py"),
        "raise RuntimeError('not the real one')\n",
    )
    .unwrap();
    std::fs::write(
        folder.join("struct.py"),
        "raise RuntimeError('not the real one')\n",
    )
    .unwrap();
    let session = daemon.session(json!({"cwd": folder, "extra_imports": ["os", "helper"]}));
    session.check("open('data.txt').read()", json!({"value": "'é\\n'"}));
    session.check("import helper\nhelper.twice(4)", json!({"value": "8"}));
    session.check(
        "import os\nos.getcwd()",
        json!({"value": format!("'{}'", folder.display())}),
    );
    session.exec("open('made.txt', 'w').write('by code')");
    assert_eq!(
        std::fs::read_to_string(folder.join("made.txt")).unwrap(),
        "by code"
    );
    session.exec("import json\nos.chdir('/')");
    session.assert_usable();
    let here = daemon.session(json!({"extra_imports": ["os"]}));
    let cwd = here.exec("import os\nos.getcwd()")["value"].clone();
    let daemons = folder.parent().unwrap().display().to_string();
    assert_eq!(cwd, format!("'{daemons}'"), "the daemon's own");
}

#[test]
fn the_interpreter_can_be_named() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["sys"]}));
    let executable = session.printed("import sys\nprint(sys.executable)");
    let named = daemon.session(json!({"python": executable.trim(), "extra_imports": ["sys"]}));
    assert_eq!(
        named.printed("import sys\nprint(sys.executable)"),
        executable
    );
}

#[test]
fn an_interpreter_that_does_not_answer_holds_up_no_other_session() {
    let daemon = Daemon::start();
    let hangs = daemon.folder().join("hangs");
    std::fs::write(&hangs, "#!/bin/sh\nexec sleep 1000\n").unwrap();
    std::fs::set_permissions(&hangs, PermissionsExt::from_mode(0o755)).unwrap();
    let options = json!({"trust_level": "isolated", "python": hangs});
    let request = daemon.start("session.create", options);
    daemon.session(json!({})).assert_usable();
    assert!(!daemon.has_answer(request));
    daemon.forget(request);
}

#[test]
fn an_interpreter_that_does_not_work_is_an_unavailable_level() {
    let daemon = Daemon::start();
    let folder = daemon.folder();
    let no_python = folder.join("no_python");
    std::fs::write(&no_python, "#!/bin/sh\necho hello\n").unwrap();
    std::fs::set_permissions(&no_python, PermissionsExt::from_mode(0o755)).unwrap();
    let old = folder.join("old");
    std::fs::write(&old, "#!/bin/sh\necho /usr/bin/python; echo 3.8.1\n").unwrap();
    std::fs::set_permissions(&old, PermissionsExt::from_mode(0o755)).unwrap();
    for (python, says) in [
        (json!("/no/such/python"), "/no/such/python"),
        (json!("no-such-python"), "no-such-python"),
        (json!(no_python), "no_python"),
        (json!(old), "3.8.1"),
        (json!(folder), "work"),
    ] {
        let options = json!({"trust_level": "isolated", "python": python});
        let answer = daemon.call("session.create", options);
        let (message, hint) = refused(answer, -31007, "trust_level_unavailable");
        assert!(message.contains(says), "{message}");
        assert!(hint.contains("python"), "{hint}");
    }
    assert_eq!(daemon.call("status", json!({})).unwrap()["sessions"], 0);
    daemon.session(json!({})).assert_usable();
}

#[test]
fn without_python_the_daemon_starts_and_says_what_is_missing() {
    let daemon = Options::default().env("PATH", "/nowhere").start();
    let status = daemon.call("status", json!({})).unwrap();
    let level = &status["trust_levels"]["isolated"];
    assert_eq!(level["available"], false, "{level}");
    assert!(
        level["reason"].as_str().unwrap().contains("python3"),
        "{level}"
    );
    let answer = daemon.call("session.create", json!({"trust_level": "isolated"}));
    let (_, hint) = refused(answer, -31007, "trust_level_unavailable");
    assert!(hint.contains("3.9"), "{hint}");
}

#[test]
fn what_an_allowed_module_of_the_folder_imports_is_not_looked_at() {
    let daemon = Daemon::start();
    let folder = daemon.folder();
    std::fs::write(
        folder.join("mine.py"),
        "import os, socket\nname = os.name\n",
    )
    .unwrap();
    let session = daemon.session(json!({"cwd": folder, "extra_imports": ["mine"]}));
    session.check("import mine\nmine.name", json!({"value": "'posix'"}));
    assert_eq!(session.exec("import os")["error"]["message"], REFUSED);
}

#[test]
fn extra_imports_add_packages_and_a_star_adds_all() {
    let daemon = Daemon::start();
    let some = daemon.session(json!({"extra_imports": ["os", "xml"]}));
    some.check(
        "import os.path, xml.dom.minidom, xml\nfrom os import sep\nsep",
        json!({"value": "'/'"}),
    );
    assert_ne!(some.exec("import sys")["error"], Value::Null);
    let all = daemon.session(json!({"extra_imports": ["*"]}));
    all.check(
        "import os, sys, subprocess, ctypes, urllib.request",
        json!({}),
    );
    let error = all.exec("import no_such_module")["error"].clone();
    assert_eq!(error["type"], "ModuleNotFoundError");
}
