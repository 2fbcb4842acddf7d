//! The VS Code extension, packaged and in a real VS Code, with this daemon and a scripted model.
//!
//! The editor is `code-server` in Debian's `chromium`; `editors/vscode/test/` drives it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The program of code-server: as `CODE_SERVER` names it, else where its script installs it.
fn code_server() -> PathBuf {
    if let Some(named) = std::env::var_os("CODE_SERVER") {
        return named.into();
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    cache
        .unwrap_or_default()
        .join("tinycode/code-server-4.100.3/bin/code-server")
}

/// What the test needs and is not here.
fn missing(folder: &Path) -> Vec<String> {
    let chromium = std::env::var_os("CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into());
    let files = [
        code_server(),
        chromium.into(),
        folder.join("tinycode.vsix"),
        folder.join("node_modules/playwright-core"),
    ];
    let missing = files.iter().filter(|file| !file.exists());
    let mut missing: Vec<String> = missing.map(|file| file.display().to_string()).collect();
    if Command::new("node").arg("--version").output().is_err() {
        missing.push("node".to_owned());
    }
    missing
}

#[test]
fn the_extension_works_in_a_real_vs_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("editors/vscode");
    let missing = missing(&folder);
    if !missing.is_empty() {
        let required = std::env::var("REQUIRE_EDITORS").is_ok_and(|required| required == "1");
        assert!(!required, "{missing:?} are not here");
        eprintln!(
            "SKIPPED: {missing:?} are not here; editors/vscode/README.md says how to get them"
        );
        return;
    }
    crate::support::prepare(); // it changes to the trust level `local`
    let screenshots = std::env::var_os("SCREENSHOTS").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).join("vscode"),
        PathBuf::from,
    );
    let output = Command::new("node")
        .arg("test/run.mjs")
        .env("TINYCODE_BINARY", env!("CARGO_BIN_EXE_tinycode"))
        .env("CODE_SERVER", code_server())
        .env("SCREENSHOTS", screenshots)
        .current_dir(&folder)
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success() && stdout.contains("ok: "),
        "{stdout}\n{stderr}"
    );
    eprintln!("{stdout}");
}
