//! The Neovim plugin, in each Neovim that is here, with this daemon and a scripted model.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{KEY, Model};

/// Neovim as `NVIM_BINARIES` names it, each separated by a colon; else the one on PATH.
fn neovims() -> Vec<PathBuf> {
    let named = std::env::var("NVIM_BINARIES").unwrap_or_else(|_| "nvim".to_owned());
    let all = named.split(':').map(PathBuf::from);
    let runs = |nvim: &PathBuf| Command::new(nvim).arg("--version").output().is_ok();
    let (here, missing): (Vec<_>, Vec<_>) = all.partition(runs);
    let required = std::env::var("REQUIRE_EDITORS").is_ok_and(|required| required == "1");
    assert!(!required || missing.is_empty(), "{missing:?} do not run");
    here
}

#[test]
fn the_plugin_passes_its_tests_in_each_neovim() {
    let neovims = neovims();
    if neovims.is_empty() {
        eprintln!("SKIPPED: there is no Neovim here; NVIM_BINARIES may name some");
    }
    for nvim in neovims {
        let model = Model::new(["```python\ntotal = sum(values)\nfinal_answer(total)\n```"]);
        let home = tempfile::tempdir().unwrap();
        let tests =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("editors/nvim/tests/plugin_test.lua");
        let output = Command::new(&nvim)
            .args(["--headless", "--clean", "-c"])
            .arg(format!("luafile {}", tests.display()))
            .env("HOME", home.path())
            .env("XDG_STATE_HOME", home.path().join("state"))
            .env("XDG_CACHE_HOME", home.path().join("cache"))
            .env("TINYCODE_BINARY", env!("CARGO_BIN_EXE_tinycode"))
            .env("MODEL_URL", model.base_url())
            .env("MODEL_KEY", KEY)
            .env_remove("NVIM_LOG_FILE")
            .current_dir(home.path())
            .output()
            .unwrap();
        let (stdout, stderr) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        let all = format!("{}\n{stdout}\n{stderr}", nvim.display());
        assert!(output.status.success() && stdout.contains("ok "), "{all}");
        eprintln!("{all}");
    }
}
