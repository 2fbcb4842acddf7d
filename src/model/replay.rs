//! Recorded replies: played back instead of asking a model, and recorded while asking one.
//!
//! A recording is a file of JSON lines, one reply each: `{"text": "...", "usage": {"prompt_tokens":
//! n, "completion_tokens": n}}`, `usage` optional. Knows nothing of servers or of what the replies
//! mean.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Message, Model, ModelError, OnDelta, Reply, Usage};
use crate::regular_file;

/// Bytes that a recording may have. Recordings of whole days stay far below.
const MAX_RECORDING_BYTES: u64 = 64 * 1024 * 1024;

const HINT_FORMAT: &str = "each line is one reply: {\"text\": \"...\", \"usage\": \
                           {\"prompt_tokens\": 1, \"completion_tokens\": 1}}";

/// One line of a recording.
#[derive(Deserialize, Serialize)]
struct Line {
    text: String,
    usage: Option<LineUsage>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct LineUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

impl From<Line> for Reply {
    fn from(line: Line) -> Self {
        let usage = line.usage.unwrap_or_default();
        Self {
            text: line.text,
            usage: Usage {
                prompt_tokens: usage.prompt_tokens,
                completion_tokens: usage.completion_tokens,
                requests: 1,
            },
        }
    }
}

/// Plays the replies of a recording in order, whatever it is asked. A request that is given up
/// still uses its reply up.
#[derive(Debug)]
pub struct ReplayModel {
    path: PathBuf,
    replies: Vec<Reply>,
    next: AtomicUsize,
}

impl ReplayModel {
    /// Reads the recording at `path`: a regular file of at most 64 MiB.
    ///
    /// # Errors
    /// When the file cannot be read or one of its lines is no reply; the message names the line.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let path = path.as_ref().to_owned();
        let text = regular_file::read(&path, MAX_RECORDING_BYTES).map_err(|error| ModelError {
            message: format!("cannot read the recording {}: {error}", path.display()),
            hint: Some("name a file that was written with --record".to_owned()),
        })?;
        let replies = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(index, line)| parse(&path, index + 1, line))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            path,
            replies,
            next: AtomicUsize::new(0),
        })
    }
}

fn parse(path: &Path, number: usize, line: &str) -> Result<Reply, ModelError> {
    serde_json::from_str::<Line>(line)
        .map(Reply::from)
        .map_err(|error| ModelError {
            message: format!("{}:{number} is no recorded reply: {error}", path.display()),
            hint: Some(HINT_FORMAT.to_owned()),
        })
}

#[async_trait]
impl Model for ReplayModel {
    async fn complete(
        &self,
        _messages: &[Message],
        on_delta: &mut OnDelta<'_>,
    ) -> Result<Reply, ModelError> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(reply) = self.replies.get(index) else {
            let (count, path) = (self.replies.len(), self.path.display());
            let plural = if count == 1 { "reply" } else { "replies" };
            return Err(ModelError {
                message: format!("the recording {path} holds only {count} {plural}"),
                hint: Some("record the task anew, or lower max_steps".to_owned()),
            });
        };
        // By lines, so that clients see a reply grow as they would with a real model.
        for piece in reply.text.split_inclusive('\n') {
            on_delta(piece);
            tokio::task::yield_now().await;
        }
        Ok(reply.clone())
    }
}

/// Passes requests on to a model and appends each of its replies to a recording.
#[derive(Debug)]
pub struct Recorder<M> {
    model: M,
    path: PathBuf,
    file: Mutex<File>,
}

impl<M: Model> Recorder<M> {
    /// Records what `model` says at the end of the file `path`, which is made with mode 0600 where
    /// it is missing.
    ///
    /// # Errors
    /// When the file cannot be opened for writing.
    pub fn open(model: M, path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let path = path.as_ref().to_owned();
        let file = open_for_append(&path).map_err(|error| cannot_write(&path, &error))?;
        Ok(Self {
            model,
            path,
            file: Mutex::new(file),
        })
    }

    fn record(&self, reply: &Reply) -> Result<(), ModelError> {
        let line = Line {
            text: reply.text.clone(),
            usage: Some(LineUsage {
                prompt_tokens: reply.usage.prompt_tokens,
                completion_tokens: reply.usage.completion_tokens,
            }),
        };
        let written = serde_json::to_vec(&line)
            .map_err(io::Error::from)
            .and_then(|mut line| {
                line.push(b'\n');
                let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
                // In one piece, so that recorders of several sessions can share a file.
                file.write_all(&line)?;
                file.flush()
            });
        written.map_err(|error| cannot_write(&self.path, &error))
    }
}

/// Opens a recording for more lines; a last line that lacks its end gets it.
fn open_for_append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let mut file = options
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW) // code may have put a link there
        .open(path)?;
    if file.metadata()?.is_file() && file.metadata()?.len() > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    Ok(file)
}

fn cannot_write(path: &Path, error: &io::Error) -> ModelError {
    ModelError {
        message: format!("cannot write the recording {}: {error}", path.display()),
        hint: Some("name another file to record to, or make room on the disk".to_owned()),
    }
}

#[async_trait]
impl<M: Model> Model for Recorder<M> {
    async fn complete(
        &self,
        messages: &[Message],
        on_delta: &mut OnDelta<'_>,
    ) -> Result<Reply, ModelError> {
        let reply = self.model.complete(messages, on_delta).await?;
        self.record(&reply)?;
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;

    use super::*;

    fn recording(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("replies.jsonl");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    async fn ask(model: &dyn Model) -> Result<(Reply, Vec<String>), ModelError> {
        let mut pieces = Vec::new();
        let mut on_delta = |piece: &str| pieces.push(piece.to_owned());
        let reply = model.complete(&[], &mut on_delta).await?;
        assert_eq!(pieces.concat(), reply.text);
        Ok((reply, pieces))
    }

    #[tokio::test]
    async fn plays_replies_in_order_and_by_lines() {
        let (_folder, path) = recording(concat!(
            "{\"text\": \"a\\nb\", \"usage\": {\"prompt_tokens\": 3, \"completion_tokens\": 4}}\n",
            "\n  \r\n",
            "{\"text\": \"c\"}",
        ));
        let model = ReplayModel::open(&path).unwrap();
        let (reply, pieces) = ask(&model).await.unwrap();
        assert_eq!(pieces, ["a\n", "b"]);
        let usage = Usage {
            prompt_tokens: 3,
            completion_tokens: 4,
            requests: 1,
        };
        assert_eq!(reply.usage, usage);
        let (reply, _) = ask(&model).await.unwrap();
        assert_eq!((reply.text.as_str(), reply.usage.requests), ("c", 1));
        for _ in 0..2 {
            let error = ask(&model).await.unwrap_err();
            let message = format!("the recording {} holds only 2 replies", path.display());
            assert_eq!(error.message, message);
            assert!(error.hint.is_some());
        }
    }

    #[test]
    fn broken_recordings_are_named_by_line() {
        let good = r#"{"text": "a"}"#;
        for bad in ["{", "7", r#"{"txt": "a"}"#, r#"{"text": "a", "usage": 3}"#] {
            let (_folder, path) = recording(&format!("{good}\n\n{bad}\n"));
            let error = ReplayModel::open(&path).unwrap_err();
            let place = format!("{}:3 ", path.display());
            assert!(error.message.starts_with(&place), "{error}");
            assert_eq!(error.hint.as_deref(), Some(HINT_FORMAT));
        }
    }

    #[test]
    fn what_is_no_file_is_not_read() {
        for path in ["/dev/zero", "/dev", "/nowhere/replies.jsonl"] {
            let error = ReplayModel::open(path).unwrap_err();
            let beginning = format!("cannot read the recording {path}: ");
            assert!(error.message.starts_with(&beginning), "{error}");
        }
    }

    #[tokio::test]
    async fn what_is_recorded_plays_again() {
        let lines = concat!(
            "{\"text\":\"a\\nß\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}\n",
            "{\"text\":\"c\",\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0}}\n",
        );
        let (folder, path) = recording(lines);
        let copy = folder.path().join("copy.jsonl");
        let model: Arc<dyn Model> = Arc::new(ReplayModel::open(&path).unwrap());
        let recorder = Recorder::open(Arc::clone(&model), &copy).unwrap();
        ask(&recorder).await.unwrap();
        let first_line = lines.split_inclusive('\n').next().unwrap();
        assert_eq!(std::fs::read_to_string(&copy).unwrap(), first_line);
        // Another recorder goes on where the first one stopped.
        let recorder = Recorder::open(model, &copy).unwrap();
        ask(&recorder).await.unwrap();
        ask(&recorder).await.unwrap_err();
        assert_eq!(std::fs::read_to_string(&copy).unwrap(), lines);
        let mode = std::fs::metadata(&copy).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_cut_last_line_does_not_swallow_the_next() {
        let (_folder, path) = recording("{\"text\":\"a\"}");
        let model = ReplayModel::open(&path).unwrap();
        ask(&Recorder::open(model, &path).unwrap()).await.unwrap();
        assert_eq!(ReplayModel::open(&path).unwrap().replies.len(), 2);
    }

    #[tokio::test]
    async fn a_full_disk_is_told() {
        let (_folder, path) = recording("{\"text\":\"a\"}");
        let model = ReplayModel::open(&path).unwrap();
        let error = ask(&Recorder::open(model, "/dev/full").unwrap())
            .await
            .unwrap_err();
        assert!(
            error
                .message
                .starts_with("cannot write the recording /dev/full: ")
        );
        assert!(error.hint.is_some());
        Recorder::open(ReplayModel::open(&path).unwrap(), "/nowhere/a").unwrap_err();
    }
}
