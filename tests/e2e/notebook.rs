//! The Python package: its own tests, with this daemon, in a Python environment of pinned versions.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a command and fails with all that it said.
#[track_caller]
fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A Python environment with what the package's tests need; kept between runs while that is the same.
fn environment(package: &Path) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("notebook");
    let wanted = fs::read_to_string(package.join("tests/requirements.txt")).unwrap();
    let installed = folder.join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return folder.join("bin/python");
    }
    let _ = fs::remove_dir_all(&folder);
    succeed(Command::new("python3").args(["-m", "venv"]).arg(&folder));
    let python = folder.join("bin/python");
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--require-hashes",
        "--only-binary",
        ":all:",
    ]);
    succeed(pip.arg("-r").arg(package.join("tests/requirements.txt")));
    fs::write(installed, wanted).unwrap();
    python
}

#[test]
fn the_python_package_is_built_and_passes_its_tests() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("editors/notebook");
    let python = environment(&package);
    let scratch = tempfile::tempdir().unwrap();
    let mut build = Command::new(&python);
    build
        .args(["-m", "build", "--wheel", "--no-isolation", "--outdir"])
        .arg(scratch.path());
    succeed(build.arg(&package));
    let wheel = fs::read_dir(scratch.path())
        .unwrap()
        .flatten()
        .next()
        .unwrap()
        .path();
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--force-reinstall",
    ]);
    succeed(pip.arg(wheel));
    let mut tests = Command::new(&python);
    tests
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .arg(package.join("tests"));
    succeed(
        tests
            .current_dir(scratch.path())
            .env("TINYCODE_BINARY", env!("CARGO_BIN_EXE_tinycode")),
    );
}
