//! The commands that people type: the real binary, in an environment of its own.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::process::Signal;
use tempfile::TempDir;

use super::until;

/// A command that is ready to start.
pub struct Cli {
    command: Command,
    home: TempDir,
    stdin: Vec<u8>,
}

/// `tinycode` with these arguments.
pub fn tinycode(args: &[&str]) -> Cli {
    let mut cli = shell_line("exec \"$TINYCODE\" \"$@\"");
    cli.command.args(args);
    cli
}

/// A line for the shell, in which `$TINYCODE` is the binary.
pub fn shell_line(line: &str) -> Cli {
    super::prepare();
    let home = tempfile::tempdir().unwrap();
    let temp = home.path().join("tmp");
    std::fs::create_dir(&temp).unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", line, "sh"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path())
        .env("TMPDIR", temp)
        .env("XDG_STATE_HOME", home.path().join("state"))
        .env("XDG_CACHE_HOME", super::cache())
        .env("TINYCODE", env!("CARGO_BIN_EXE_tinycode"))
        .current_dir(home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Cli {
        command,
        home,
        stdin: Vec::new(),
    }
}

impl Cli {
    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts it in this folder.
    pub fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// What it reads from stdin.
    pub fn stdin(mut self, text: &str) -> Self {
        self.stdin = text.as_bytes().to_owned();
        self
    }

    /// Starts it.
    #[track_caller]
    pub fn start(mut self) -> Running {
        let mut child = self.command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let text = std::mem::take(&mut self.stdin);
        thread::spawn(move || drop(stdin.write_all(&text))); // it may not want all of it
        Running {
            stdout: Pipe::collect(child.stdout.take().unwrap()),
            stderr: Pipe::collect(child.stderr.take().unwrap()),
            child,
            home: self.home,
        }
    }

    /// Starts it and waits for its end.
    #[track_caller]
    pub fn run(self) -> Ended {
        self.start().end()
    }
}

/// A command that runs. Dropping it kills it.
pub struct Running {
    child: Child,
    stdout: Pipe,
    stderr: Pipe,
    home: TempDir,
}

impl Running {
    pub fn pid(&self) -> u64 {
        u64::from(self.child.id())
    }

    /// What it wrote to stdout so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        super::kill(self.pid(), signal);
    }

    /// Waits until it has ended; it left nothing behind.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let mut status = None;
        until("the command has ended", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let left: Vec<_> = std::fs::read_dir(self.home.path().join("tmp"))
            .unwrap()
            .collect();
        assert!(left.is_empty(), "it left {left:?}");
        let ended = Ended {
            code: status.as_ref().and_then(ExitStatus::code),
            stdout: self.stdout.rest(),
            stderr: self.stderr.rest(),
        };
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Collects what comes, in the background.
struct Pipe {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Pipe {
    fn collect(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut chunk) {
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                all.extend_from_slice(&chunk[..length]);
            }
        });
        Self {
            bytes,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits for the end of the pipe, which says that nobody holds it any more.
    fn rest(&mut self) -> String {
        until("nobody can write to the command's output", || {
            self.reader.as_ref().is_none_or(JoinHandle::is_finished)
        });
        self.text()
    }
}
