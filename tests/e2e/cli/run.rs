//! What `tinycode run` reads and writes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use super::{EXAMPLES, FOLDER, MEAN, assert_code, replay};
use crate::support::{KEY, Model, shell_line, tinycode};

#[test]
fn the_main_job_of_the_readme_prints_the_mean() {
    let readme = fs::read_to_string(format!("{FOLDER}/README.md")).unwrap();
    let job = readme
        .lines()
        .find_map(|line| line.strip_prefix("cargo run --release -- "));
    let line = format!("exec \"$TINYCODE\" {}", job.unwrap());
    let ended = shell_line(&line).folder(Path::new(FOLDER)).run();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "22.0\n"));
}

#[test]
fn a_run_has_its_answer_alone_on_stdout_and_its_steps_on_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let model = replay(
        folder.path(),
        &[
            "I look.\n```python\nx = 20\nprint('seen', x)\nuncertain('is it all?')\n```",
            "no code",
            "```python\n1 / 0\n```",
            "```python\nfinal_answer({'é': x + 1})\n```",
        ],
    );
    let ended = tinycode(&["run", "--model", &model, "add"]).run();
    assert_code(&ended, 0);
    assert_eq!(ended.stdout, "{'é': 21}\n");
    let mut rest = ended.stderr.as_str();
    for needle in [
        "step 1",
        "| x = 20\n",
        "| print('seen', x)\n",
        "seen 20\n",
        "? is it all?\n",
        "step 2",
        "no code\n",
        "step 3",
        "| 1 / 0\n",
        "ZeroDivisionError: division by zero (line 1)\n",
        "step 4",
        "| final_answer({'é': x + 1})\n",
        "4 steps",
    ] {
        let at = rest.find(needle);
        let at = at.unwrap_or_else(|| panic!("{needle:?} in its place in {}", ended.stderr));
        rest = &rest[at + needle.len()..];
    }
}

#[test]
fn json_is_every_event_on_a_line_and_nothing_else() {
    let args = [
        "run", "--json", "--cwd", EXAMPLES, "--model", MEAN, "the mean",
    ];
    let ended = tinycode(&args).run();
    assert_code(&ended, 0);
    assert_eq!(ended.stderr, "");
    let events: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let seqs: Vec<u64> = events
        .iter()
        .map(|event| event["seq"].as_u64().unwrap())
        .collect();
    assert!(seqs.iter().copied().eq(1..=events.len() as u64), "{seqs:?}");
    assert_eq!(
        (&events[0]["type"], &events[0]["task"]),
        (&json!("run.started"), &json!("the mean"))
    );
    let last = events.last().unwrap();
    assert_eq!(
        (
            &last["type"],
            &last["result"]["output"],
            &last["result"]["state"]
        ),
        (&json!("run.finished"), &json!("22.0"), &json!("completed"))
    );
}

#[test]
fn the_task_may_come_from_stdin() {
    let args = ["run", "--json", "--cwd", EXAMPLES, "--model", MEAN, "-"];
    let ended = tinycode(&args).stdin("the mean\nof é\n").run();
    assert_code(&ended, 0);
    let first: Value = serde_json::from_str(ended.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(
        first["task"].as_str().map(str::trim_end),
        Some("the mean\nof é")
    );
}

#[test]
fn a_recording_is_private_and_can_be_played() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("day.jsonl");
    let file = file.to_str().unwrap();
    let replies = [
        "Look.\n```python\nx = 'é'\nprint(x)\n```",
        "```python\nfinal_answer(x * 2)\n```",
    ];
    let model = Model::new(replies);
    let args = [
        "run",
        "--base-url",
        &model.base_url(),
        "--model",
        "test-model",
        "--record",
        file,
        "t",
    ];
    let ended = tinycode(&args).env("OPENAI_API_KEY", KEY).run();
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "éé\n"),
        "{ended:?}"
    );
    let mode = fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let recorded = fs::read_to_string(file).unwrap();
    let texts: Vec<Value> = recorded
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["text"].take())
        .collect();
    assert_eq!(texts, replies);
    assert!(!recorded.contains(KEY));
    let again = tinycode(&["run", "--model", &format!("replay:{file}"), "t"]).run();
    assert_eq!(
        (again.code, again.stdout.as_str()),
        (Some(0), "éé\n"),
        "{again:?}"
    );
}

#[test]
fn the_key_goes_to_the_server_that_is_named_on_the_command_line() {
    let model = Model::new(["```python\nfinal_answer(1)\n```"]);
    let args = [
        "run",
        "--model",
        "test-model",
        "--base-url",
        &model.base_url(),
        "t",
    ];
    let ended = tinycode(&args).env("OPENAI_API_KEY", KEY).run();
    assert_code(&ended, 0);
    assert_eq!(ended.stdout, "1\n");
}
