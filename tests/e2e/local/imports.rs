//! Packages of the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::local;
use crate::support::{Daemon, Options, refused};

/// An environment with a pure package, one that needs it, and one with native code.
fn environment(root: &Path) -> PathBuf {
    let venv = root.join("venv");
    let made = Command::new("python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(&venv)
        .status();
    assert!(made.unwrap().success());
    let print = "import sysconfig; print(sysconfig.get_path('purelib'), sysconfig.get_config_var('EXT_SUFFIX'))";
    let said = Command::new(venv.join("bin/python3"))
        .args(["-c", print])
        .output()
        .unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    let (packages, suffix) = said.trim().split_once(' ').unwrap();
    let packages = Path::new(packages);
    for name in ["pure", "native"] {
        fs::create_dir(packages.join(name)).unwrap();
        fs::write(
            packages.join(name).join("__init__.py"),
            "from .inner import answer\n",
        )
        .unwrap();
        fs::write(
            packages.join(name).join("inner.py"),
            "def answer():\n    return 42\n",
        )
        .unwrap();
    }
    fs::write(packages.join(format!("native/fast{suffix}")), "").unwrap();
    fs::write(
        packages.join("single.py"),
        "import pure\nanswer = pure.answer\n",
    )
    .unwrap();
    venv.join("bin")
}

#[test]
fn a_pure_package_of_the_machine_is_served_and_a_native_one_refused() {
    let root = tempfile::tempdir().unwrap();
    let bin = environment(root.path());
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let daemon = Options::default().env("PATH", &path).start();
    let session = local(&daemon, json!({"extra_imports": ["pure", "single"]}));
    session.check("import pure\npure.answer()", json!({"value": "42"}));
    session.check("import single\nsingle.answer()", json!({"value": "42"}));
    let all = local(&daemon, json!({"extra_imports": ["*"]}));
    all.check("import single\nsingle.answer()", json!({"value": "42"}));
    let answer = daemon.call(
        "session.create",
        json!({"trust_level": "local", "extra_imports": ["pure", "native"]}),
    );
    let (message, hint) = refused(answer, -31007, "trust_level_unavailable");
    assert!(
        message.contains("'native'") && hint.contains("isolated"),
        "{message} {hint}"
    );
    let none = local(&daemon, json!({}));
    let error = none.error_of("import pure");
    assert_eq!(
        error["message"],
        "import of 'pure' is not allowed; add it to extra_imports"
    );
}

#[test]
fn a_package_that_is_not_there_is_missing_when_it_is_imported() {
    let daemon = Daemon::start();
    let session = local(&daemon, json!({"extra_imports": ["no_such_package"]}));
    assert_eq!(
        session.error_of("import no_such_package")["type"],
        "ModuleNotFoundError"
    );
}
