//! The daemon under test: the real binary, in an environment of its own.

use std::io::{BufRead, BufReader};
use std::ops::Deref;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

use super::wires::{self, Sink};
use super::{Client, WsAddress, until};

/// How to start a daemon.
#[derive(Debug, Default)]
pub struct Options {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    socket: bool,
    socket_at: Option<PathBuf>,
    ws: bool,
    no_stdio: bool,
    uninitialized: bool,
    /// Whose the daemon is, and a folder that everyone may enter, for its program.
    user: Option<(u32, PathBuf)>,
    group: Option<PathBuf>,
}

impl Options {
    /// Starts it as an ordinary user, which only root can; its program is copied to `programs`.
    pub fn user(mut self, user: u32, programs: &Path) -> Self {
        self.user = Some((user, programs.to_owned()));
        self
    }

    /// Starts it in a control group, which only root can.
    pub fn group(mut self, group: &Path) -> Self {
        self.group = Some(group.to_owned());
        self
    }

    /// Opens a Unix socket too.
    pub fn socket(mut self) -> Self {
        self.socket = true;
        self
    }

    /// Opens a Unix socket at this path too.
    pub fn socket_at(mut self, path: &Path) -> Self {
        self.socket_at = Some(path.to_owned());
        self.socket()
    }

    /// Opens a WebSocket too.
    pub fn ws(mut self) -> Self {
        self.ws = true;
        self
    }

    /// Serves no standard input and output.
    pub fn no_stdio(mut self) -> Self {
        self.no_stdio = true;
        self
    }

    /// Leaves the life cycle to the test.
    pub fn uninitialized(mut self) -> Self {
        self.uninitialized = true;
        self
    }

    /// Adds an argument of `serve` and its value.
    pub fn arg(mut self, name: &str, value: &Path) -> Self {
        self.arguments.push(name.to_owned());
        self.arguments.push(value.display().to_string());
        self
    }

    /// Sets a variable of the daemon's environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the daemon.
    #[track_caller]
    pub fn start(self) -> Daemon {
        Daemon::begin(&self)
    }
}

/// A daemon. Dropping it asserts that it ends cleanly, by itself, and leaves nothing behind.
pub struct Daemon {
    child: Child,
    stderr: Arc<Mutex<String>>,
    folder: TempDir,
    socket: PathBuf,
    client: Client,
    /// Whether it serves its standard input and output.
    stdio: bool,
    ended: bool,
}

impl Daemon {
    /// A daemon on its standard input and output, ready for requests.
    #[track_caller]
    pub fn start() -> Self {
        Options::default().start()
    }

    fn begin(options: &Options) -> Self {
        super::prepare();
        let folder = tempfile::tempdir().unwrap();
        let beside = folder.path().join("socket");
        let socket = options.socket_at.clone().unwrap_or(beside);
        let mut command = command(folder.path(), options);
        if options.socket {
            command.arg("--socket").arg(&socket);
        }
        let mut child = command.spawn().unwrap();
        let stderr = collect(child.stderr.take().unwrap());
        let stdin = child.stdin.take().unwrap();
        let stdout = child.stdout.take().unwrap();
        let client = Client::new(Sink::Pipe(Box::new(stdin)), wires::frames(stdout));
        let daemon = Self {
            child,
            stderr,
            folder,
            socket,
            client,
            stdio: !options.no_stdio,
            ended: false,
        };
        if options.socket {
            until("the daemon listens on its socket", || {
                UnixStream::connect(daemon.socket_path()).is_ok()
            });
        }
        if !options.no_stdio && !options.uninitialized {
            daemon.initialize();
        }
        daemon
    }

    /// A folder for the test's own files, gone with the daemon.
    pub fn folder(&self) -> PathBuf {
        let folder = self.folder.path().join("work");
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// The daemon's folder for temporary files.
    pub fn temp_folder(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// Where its socket is.
    pub fn socket_path(&self) -> PathBuf {
        self.socket.clone()
    }

    /// The process.
    pub fn pid(&self) -> u64 {
        u64::from(self.child.id())
    }

    /// What it wrote to stderr so far.
    pub fn stderr(&self) -> String {
        let stderr = self.stderr.lock();
        stderr.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A further client, on the socket.
    #[track_caller]
    pub fn connect(&self) -> Client {
        let client = self.connect_uninitialized();
        client.initialize();
        client
    }

    /// A further client on the socket, which leaves the life cycle to the test.
    #[track_caller]
    pub fn connect_uninitialized(&self) -> Client {
        let stream = UnixStream::connect(self.socket_path()).unwrap();
        let source = wires::frames(stream.try_clone().unwrap());
        Client::new(Sink::Unix(stream), source)
    }

    /// Where its WebSocket is.
    #[track_caller]
    pub fn ws_address(&self) -> WsAddress {
        let mut said = Value::Null;
        until("the daemon says where its WebSocket is", || {
            let stderr = self.stderr();
            let mut lines = stderr.lines().filter(|line| line.starts_with('{'));
            said = lines
                .find_map(|line| serde_json::from_str(line).ok())
                .unwrap_or_default();
            !said.is_null()
        });
        let token_file = said["token_file"].as_str().unwrap().to_owned();
        let token = std::fs::read_to_string(&token_file).unwrap();
        WsAddress {
            port: u16::try_from(said["port"].as_u64().unwrap()).unwrap(),
            token: token.trim().to_owned(),
            token_file,
        }
    }

    /// A further client, on the WebSocket.
    #[track_caller]
    pub fn connect_ws(&self) -> Client {
        let (sink, source) = wires::websocket(&self.ws_address());
        Client::new(sink, source)
    }

    /// Waits for the end of the process, which the test has brought about.
    #[track_caller]
    pub fn exit_status(&mut self) -> ExitStatus {
        let mut status = None;
        until("the daemon has ended", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        self.ended = true;
        status.unwrap()
    }

    /// Waits for the end of the process; the code that it ended with.
    #[track_caller]
    pub fn exit_code(&mut self) -> Option<i32> {
        self.exit_status().code()
    }

    /// Kills it, and waits until these processes have ended with it.
    #[track_caller]
    pub fn kill_with(&mut self, pids: &[u64]) {
        super::kill(self.pid(), rustix::process::Signal::KILL);
        assert_eq!(self.exit_status().code(), None);
        super::until_gone(pids);
        for left in std::fs::read_dir(self.temp_folder()).unwrap() {
            std::fs::remove_dir_all(left.unwrap().path()).unwrap(); // nobody was left to do it
        }
    }

    fn end(&mut self) {
        if !self.ended {
            if self.stdio {
                let _ = self.call("shutdown", Value::Null);
                self.notify("exit", Value::Null);
            } else {
                super::kill(self.pid(), rustix::process::Signal::TERM);
            }
            let status = self.exit_status();
            assert_eq!(status.code(), Some(0), "{status}");
        }
        self.wait_for_end();
        self.assert_nothing_left();
        let stderr = self.stderr();
        assert!(!stderr.contains("panicked"), "{stderr}");
        let left: Vec<_> = std::fs::read_dir(self.temp_folder()).unwrap().collect();
        assert!(left.is_empty(), "the daemon left {left:?}");
    }
}

impl Deref for Daemon {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.child.kill();
            let _ = self.child.wait();
            eprintln!("--- the daemon's stderr ---\n{}", self.stderr());
        } else {
            self.end();
        }
    }
}

fn command(folder: &Path, options: &Options) -> Command {
    let mut program = PathBuf::from(env!("CARGO_BIN_EXE_tinycode"));
    if let Some((_, programs)) = &options.user {
        program = programs.join("tinycode");
        if !program.exists() {
            std::fs::copy(env!("CARGO_BIN_EXE_tinycode"), &program).unwrap();
        }
    }
    let mut command = match &options.group {
        Some(group) => in_group(group, &program, options),
        None => Command::new(program),
    };
    command
        .arg("serve")
        .args(&options.arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", std::env::var_os("HOME").unwrap_or_default())
        .env("TMPDIR", folder.join("tmp"))
        .env("XDG_STATE_HOME", folder.join("state"))
        .env("XDG_CACHE_HOME", super::cache())
        .env("TINYCODE_SANDBOX_READY", "0") // what a test does not ask for is not started
        .envs(super::docker::environment())
        .envs(options.environment.iter().cloned())
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    std::fs::create_dir(folder.join("tmp")).unwrap();
    if !options.no_stdio {
        command.arg("--stdio");
    }
    if let Some((user, _)) = options.user {
        for folder in [folder.to_owned(), folder.join("tmp")] {
            std::os::unix::fs::chown(&folder, Some(user), Some(user)).unwrap();
        }
        if options.group.is_none() {
            command.uid(user).gid(user);
        }
    }
    if options.ws {
        command.args(["--ws", "127.0.0.1:0"]);
    }
    command
}

/// Runs a program in a control group, as the user of the options.
fn in_group(group: &Path, program: &Path, options: &Options) -> Command {
    let user = options.user.as_ref().map_or(0, |(user, _)| *user);
    let become_user = format!("exec setpriv --reuid {user} --regid {user} --clear-groups \"$@\"");
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("echo $$ >\"$0/cgroup.procs\" && {become_user}"))
        .args([group, program]);
    command
}

/// Collects what comes, in the background.
fn collect(pipe: impl std::io::Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let all = Arc::clone(&text);
    thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all.push_str(&String::from_utf8_lossy(&line));
            all.push('\n');
        }
    });
    text
}
