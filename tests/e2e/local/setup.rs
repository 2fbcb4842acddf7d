//! Where the Python of local sessions comes from.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Options, cache, prepare, refused, tinycode};

/// The folder of what has been built for these tests: no other was loaded later.
fn built() -> PathBuf {
    prepare();
    let folders = fs::read_dir(cache().join("tinycode/local")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path());
    let newest = folders
        .filter(|folder| folder.join("note.json").exists())
        .max_by_key(|folder| {
            fs::metadata(folder.join("note.json"))
                .unwrap()
                .modified()
                .unwrap()
        });
    newest.unwrap()
}

/// A cache folder of its own, with a copy of what has been built.
fn copy_of_cache() -> (TempDir, PathBuf) {
    let cache = tempfile::tempdir().unwrap();
    let from = built();
    let to = cache
        .path()
        .join("tinycode/local")
        .join(from.file_name().unwrap());
    fs::create_dir_all(&to).unwrap();
    for name in ["note.json", "python.cwasm", "python.wasm"] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
    (cache, to)
}

/// An index of packages at which nobody listens.
fn no_index() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    format!(
        "http://127.0.0.1:{}/simple",
        listener.local_addr().unwrap().port()
    )
}

fn options(cache: &Path) -> Options {
    let cache = cache.display().to_string();
    Options::default()
        .env("XDG_CACHE_HOME", &cache)
        .env("PIP_INDEX_URL", &no_index())
}

#[test]
fn what_is_built_already_is_not_built_again() {
    let ended = tinycode(&["setup"]).env("PIP_INDEX_URL", &no_index()).run();
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    assert_eq!(
        ended.stdout,
        "local sessions are ready, with Python 3.14.0\n"
    );
}

#[test]
fn without_packages_from_the_network_it_is_said_and_other_levels_work() {
    let empty = tempfile::tempdir().unwrap();
    let daemon = options(empty.path()).start();
    let level = |name: &str| {
        let status = daemon.call("status", json!({})).unwrap();
        status["trust_levels"][name].clone()
    };
    assert_eq!(level("local")["available"], true); // it could be built, for all that is known
    assert!(
        level("local")["preparing"]
            .as_str()
            .unwrap()
            .contains("tinycode setup")
    );
    let answer = daemon.call("session.create", json!({"trust_level": "local"}));
    let (message, hint) = refused(answer, -31007, "trust_level_unavailable");
    assert!(
        message.contains("PyPI") && hint.contains("--local-component"),
        "{message} {hint}"
    );
    let local = level("local");
    assert_eq!(local["available"], false);
    assert!(
        local["reason"].as_str().unwrap().contains("PyPI"),
        "{local}"
    );
    daemon.session(json!({})).assert_usable();
    let ended = tinycode(&["setup"])
        .env("XDG_CACHE_HOME", &empty.path().display().to_string())
        .env("PIP_INDEX_URL", &no_index())
        .run();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(
        ended.stderr.contains("PyPI") && ended.stderr.contains("hint:"),
        "{ended:?}"
    );
    let left = fs::read_dir(empty.path().join("tinycode/local")).unwrap();
    assert_eq!(left.count(), 1, "only the lock is left");
}

#[test]
fn a_broken_file_is_not_run_but_built_anew() {
    let (cache, folder) = copy_of_cache();
    let file = folder.join("python.cwasm");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let daemon = options(cache.path()).start();
    // It cannot be built anew here, which shows that it was to be.
    let answer = daemon.call("session.create", json!({"trust_level": "local"}));
    let (message, _) = refused(answer, -31007, "trust_level_unavailable");
    assert!(message.contains("PyPI"), "{message}");
    assert!(
        daemon.stderr().contains("not what was written"),
        "{}",
        daemon.stderr()
    );
}

#[test]
fn a_component_that_is_there_is_taken_and_compiled_once() {
    let empty = tempfile::tempdir().unwrap();
    let component = built().join("python.wasm");
    let local = empty.path().join("tinycode/local");
    fs::create_dir_all(local.join(".build-killed")).unwrap();
    for (name, days) in [("recent", 1), ("old", 40)] {
        fs::create_dir(local.join(name)).unwrap();
        let note = fs::File::create(local.join(name).join("note.json")).unwrap();
        let age = Duration::from_secs(days * 24 * 60 * 60);
        note.set_modified(SystemTime::now() - age).unwrap();
    }
    let daemon = options(empty.path())
        .env("TINYCODE_LOCAL_COMPONENT", &component.display().to_string())
        .start();
    let session = daemon.session_at("local", json!({}));
    session.assert_usable();
    let left = |name: &str| local.join(name).exists();
    assert_eq!(
        (left("recent"), left("old"), left(".build-killed")),
        (true, false, false)
    );
    drop(daemon);
    let ended = tinycode(&["setup", "--local-component", component.to_str().unwrap()])
        .env("XDG_CACHE_HOME", &empty.path().display().to_string())
        .run();
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:?}"
    );
    let ended = tinycode(&["setup", "--local-component", "/no/such/file"]).run();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("/no/such/file"), "{ended:?}");
}

#[test]
fn status_says_what_local_is() {
    let daemon = Options::default().start();
    daemon.session_at("local", json!({})).assert_usable();
    let status = daemon.call("status", json!({})).unwrap();
    let local = &status["trust_levels"]["local"];
    assert_eq!(
        (
            &local["available"],
            &local["python_version"],
            &local["reason"]
        ),
        (&json!(true), &json!("3.14.0"), &Value::Null)
    );
    assert!(
        local["enforced"]
            .as_array()
            .unwrap()
            .contains(&json!("no network"))
    );
}
