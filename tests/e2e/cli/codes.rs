//! The exit codes that say why there is no answer.

use std::fs;

use serde_json::json;

use super::{MEAN, assert_code, closed, replay};
use crate::support::{KEY, Model, Reply, tinycode};

#[test]
fn a_run_without_an_answer_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let model = replay(folder.path(), &["nothing", "```python\nprint('no')\n```"]);
    let ended = tinycode(&["run", "--max-steps", "2", "--model", &model, "t"]).run();
    assert_code(&ended, 1);
    assert_eq!(ended.stdout, "");
    assert!(
        ended.stderr.contains("no answer was found in 2 steps"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("--max-steps"), "{ended:?}");
}

#[test]
fn what_cannot_be_meant_ends_with_2_and_says_why() {
    for (args, says) in [
        (&[][..], "Usage"),
        (&["walk"], "walk"),
        (&["run"], "TASK"),
        (&["run", "--model", MEAN, ""], "empty"),
        (&["run", "--model", MEAN, " \n"], "empty"),
        (&["run", "--model", MEAN, "-"], "empty"),
        (&["run", "--max-steps", "many", "t"], "many"),
        (
            &["run", "--max-steps", "0", "--model", MEAN, "t"],
            "--max-steps",
        ),
        (
            &["run", "--timeout", "-1", "--model", MEAN, "t"],
            "--timeout",
        ),
        (
            &["run", "--cwd", "/no/such/folder", "--model", MEAN, "t"],
            "/no/such/folder",
        ),
        (
            &[
                "run",
                "--prompt-file",
                "/no/such/file",
                "--model",
                MEAN,
                "t",
            ],
            "/no/such/file",
        ),
        (&["run", "--record", "r", "--model", MEAN, "t"], "--record"),
        (&["exec"], "FILE"),
        (&["exec", "/no/such/file.py"], "/no/such/file.py"),
        (&["exec", "/dev"], "/dev"),
        (&["doctor", "me"], "me"),
    ] {
        let ended = tinycode(args).run();
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(says), "{args:?}: {ended:?}");
        assert_eq!(ended.stdout, "", "{args:?}");
    }
}

#[test]
fn a_model_that_does_not_answer_ends_with_3() {
    let nobody = closed();
    let ended = tinycode(&["run", "--base-url", &nobody, "t"])
        .env("OPENAI_API_KEY", KEY)
        .run();
    assert_code(&ended, 3);
    let place = nobody.trim_start_matches("http://").trim_end_matches("/v1");
    assert!(ended.stderr.contains(place), "{ended:?}");

    let model = Model::new([Reply::Status(
        401,
        "",
        json!({"error": {"message": KEY}}).to_string(),
    )]);
    let ended = tinycode(&[
        "run",
        "--base-url",
        &model.base_url(),
        "--model",
        "test-model",
        "t",
    ])
    .env("OPENAI_API_KEY", KEY)
    .run();
    assert_code(&ended, 3);
    assert!(ended.stderr.contains("OPENAI_API_KEY"), "{ended:?}");
    assert!(!ended.stderr.contains(KEY), "{ended:?}");
    assert_eq!(ended.stdout, "");
}

#[test]
fn a_recording_that_cannot_be_played_ends_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let short = replay(folder.path(), &["nothing"]);
    for (model, says) in [
        (short.as_str(), "replies.jsonl"),
        ("replay:/no/such.jsonl", "such.jsonl"),
    ] {
        let ended = tinycode(&["run", "--model", model, "t"]).run();
        assert!(matches!(ended.code, Some(2 | 3)), "{ended:?}");
        assert!(ended.stderr.contains(says), "{ended:?}");
    }
}

/// Where no Docker engine is.
const NO_ENGINE: &str = "unix:///no/engine.sock";

#[test]
fn without_the_python_that_was_asked_for_it_ends_with_4() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.py");
    fs::write(&file, "1").unwrap();
    let file = file.to_str().unwrap();
    for args in [
        &["run", "--python", "/no/such/python", "--model", MEAN, "t"][..],
        &["run", "--trust-level", "sandboxed", "--model", MEAN, "t"],
        &["exec", "--python", "no-such-python", file],
    ] {
        let ended = tinycode(args).env("DOCKER_HOST", NO_ENGINE).run();
        assert_eq!(ended.code, Some(4), "{args:?}: {ended:?}");
        assert!(ended.stderr.starts_with("error: "), "{ended:?}");
        assert!(ended.stderr.contains(" hint: "), "{ended:?}");
    }
}
