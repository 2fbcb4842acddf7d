//! The commands `run`, `exec` and `doctor`, as people and scripts use them.

mod codes;
mod doctor;
mod exec;
mod processes;
mod run;

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use serde_json::json;

use crate::support::Ended;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
const MEAN: &str = concat!(
    "replay:",
    env!("CARGO_MANIFEST_DIR"),
    "/examples/mean.jsonl"
);

/// A file of recorded replies, as the option `--model` wants it.
fn replay(folder: &Path, replies: &[&str]) -> String {
    let lines: Vec<String> = replies
        .iter()
        .map(|text| json!({"text": text}).to_string())
        .collect();
    let file = folder.join("replies.jsonl");
    fs::write(&file, lines.join("\n") + "\n").unwrap();
    format!("replay:{}", file.display())
}

#[track_caller]
fn assert_code(ended: &Ended, code: i32) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
}

/// A base URL at which nobody listens.
fn closed() -> String {
    let port = TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .unwrap()
        .port();
    format!("http://127.0.0.1:{port}/v1")
}
