//! The one folder that the code may read.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use super::local;
use crate::support::Daemon;

#[test]
fn the_folder_can_be_read_and_nothing_else() {
    let daemon = Daemon::start();
    let root = daemon.folder();
    let cwd = root.join("data");
    fs::create_dir_all(cwd.join("below")).unwrap();
    fs::write(cwd.join("data.csv"), "value\n22.0\n").unwrap();
    fs::write(cwd.join("below/é.txt"), "é").unwrap();
    fs::write(root.join("canary"), "secret").unwrap();
    symlink(root.join("canary"), cwd.join("absolute")).unwrap();
    symlink("../canary", cwd.join("relative")).unwrap();
    symlink("data.csv", cwd.join("inside")).unwrap();
    let session = local(
        &daemon,
        json!({"cwd": cwd, "extra_imports": ["os", "pathlib"]}),
    );
    let code =
        "import csv\nwith open('data.csv') as file:\n    rows = list(csv.DictReader(file))\nrows";
    session.check(code, json!({"value": "[{'value': '22.0'}]"}));
    session.check(
        "open('inside').read()",
        json!({"value": "'value\\n22.0\\n'"}),
    );
    session.check(
        "open('below/é.txt', encoding='utf-8').read()",
        json!({"value": "'é'"}),
    );
    let whole = format!("open('{}').readline()", cwd.join("data.csv").display());
    session.check(&whole, json!({"value": "'value\\n'"}));
    session.check(
        "import os\nsorted(os.listdir())",
        json!({"value": "['absolute', 'below', 'data.csv', 'inside', 'relative']"}),
    );
    for outside in [
        "open('absolute')".to_owned(),
        "open('relative')".to_owned(),
        "open('../canary')".to_owned(),
        "open('below/../../canary')".to_owned(),
        format!("open('{}')", root.join("canary").display()),
        "open('/etc/passwd')".to_owned(),
        "import os\nos.listdir('/')".to_owned(),
        "import pathlib\npathlib.Path('absolute').read_text()".to_owned(),
    ] {
        let error = session.error_of(&outside);
        let kind = error["type"].as_str().unwrap();
        assert!(
            ["PermissionError", "FileNotFoundError", "OSError"].contains(&kind),
            "{outside}: {error}"
        );
        assert!(!error.to_string().contains("secret"));
    }
    for writing in [
        "open('data.csv', 'w')",
        "open('data.csv', 'a')",
        "open('new', 'x')",
        "import os\nos.remove('data.csv')",
        "import os\nos.mkdir('new')",
        "import os\nos.rename('data.csv', 'new')",
        "import os\nos.symlink('data.csv', 'new')",
        "import os\nos.chmod('data.csv', 0)",
    ] {
        let error = session.error_of(writing);
        assert!(error["type"] != "NameError", "{writing}: {error}");
    }
    assert_eq!(
        fs::read_to_string(cwd.join("data.csv")).unwrap(),
        "value\n22.0\n"
    );
    assert_eq!(fs::read_dir(&cwd).unwrap().count(), 5);
}

#[test]
fn a_reset_keeps_the_folder() {
    let daemon = Daemon::start();
    let cwd = daemon.folder();
    fs::write(cwd.join("a"), "1").unwrap();
    let session = local(&daemon, json!({"cwd": cwd}));
    session.call("session.reset", json!({})).unwrap();
    session.check("open('a').read()", json!({"value": "'1'"}));
}

#[test]
fn modules_of_the_folder_can_be_imported() {
    let daemon = Daemon::start();
    let cwd = daemon.folder();
    fs::write(cwd.join("helper.py"), "def twice(x):\n    return 2 * x\n").unwrap();
    let session = local(&daemon, json!({"cwd": cwd, "extra_imports": ["helper"]}));
    session.check("import helper\nhelper.twice(21)", json!({"value": "42"}));
}
