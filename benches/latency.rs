//! What the daemon costs, beside what nothing can be quicker than: both in one run, as ratios.
//!
//! `cargo bench` builds the release daemon, drives it over stdio and prints a table. The floor of a
//! request is a line sent to a Python that sends it back over pipes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const ROUNDS: usize = 500;
const STARTS: usize = 20;
/// Sends every line back: what a request to a Python costs at the least.
const ECHO: &str =
    "import sys\nfor line in sys.stdin:\n    sys.stdout.write(line); sys.stdout.flush()";
const CALLS: &str = "import time\nbegun = time.perf_counter()\nfor n in range(500): add(n, 1)\n\
                     (time.perf_counter() - begun) / 500 * 1e6";

fn main() -> io::Result<()> {
    let mut daemon = Daemon::start()?;
    let echo = echo()?;
    let ping = median(ROUNDS, || drop(daemon.call("ping", &json!({}))));
    let start = median(STARTS, || {
        let session = daemon.session(&json!([]));
        daemon.exec(&session, "1");
        daemon.call("session.close", &json!({ "session": session }));
    });
    let python = median(STARTS, || {
        let _ = Command::new("python3").args(["-c", "pass"]).status();
    });
    let add = json!({"name": "add", "kind": "client", "parameters": {"type": "object", "properties": {"a": {}, "b": {}}}});
    let session = daemon.session(&json!([add]));
    daemon.exec(&session, "x = 0");
    let exec = median(ROUNDS, || drop(daemon.exec(&session, "x = x + 1")));
    let call: f64 = daemon.exec(&session, CALLS)["value"]
        .as_str()
        .and_then(|us| us.parse().ok())
        .unwrap_or(f64::NAN);
    let mut out = io::stdout();
    let mut row = |what: &str, took: f64, floor: &str, of: f64| {
        writeln!(
            out,
            "{what:<28} {took:>9.0} us   {:>5.2} x {floor} ({of:.0} us)",
            took / of
        )
    };
    row("ping", ping, "a line through Python", echo)?;
    row("exec of x = x + 1", exec, "a line through Python", echo)?;
    row("tool call and answer", call, "a line through Python", echo)?;
    row("session to first result", start, "python3 -c pass", python)?;
    if let Some(sandboxed) = Sandboxed::measure(&mut daemon) {
        row("exec, sandboxed", sandboxed.exec, "exec, isolated", exec)?;
        let container = sandboxed.container;
        row(
            "session, sandboxed",
            sandboxed.create,
            "docker run",
            container,
        )?;
    }
    daemon.call("shutdown", &json!({}));
    daemon.send(&json!({"jsonrpc": "2.0", "method": "exit"}));
    daemon.child.wait()?;
    Ok(())
}

/// What a sandbox costs, in microseconds.
struct Sandboxed {
    exec: f64,
    /// A session, from a container that is ready.
    create: f64,
    /// A container of the same image, as Docker's own client starts it.
    container: f64,
}

impl Sandboxed {
    /// Nothing where there is no engine.
    fn measure(daemon: &mut Daemon) -> Option<Self> {
        let level = daemon.call("status", &json!({}))["trust_levels"]["sandboxed"].take();
        if level["available"] != true {
            return None;
        }
        let session = daemon.session_at("sandboxed", &json!([]));
        daemon.exec(&session, "x = 0");
        let exec = median(ROUNDS, || drop(daemon.exec(&session, "x = x + 1")));
        let (mut creates, mut runs) = (Vec::new(), Vec::new());
        for _ in 0..STARTS {
            // Meanwhile the daemon makes another container ready.
            let run = "run --rm --network=none tinycode-sandbox python3 -c pass";
            runs.push(timed(|| {
                let _ = Command::new("docker").args(run.split(' ')).status();
            }));
            let mut session = String::new();
            creates.push(timed(|| {
                session = daemon.session_at("sandboxed", &json!([]));
            }));
            daemon.call("session.close", &json!({ "session": session }));
        }
        Some(Self {
            exec,
            create: middle(creates),
            container: middle(runs),
        })
    }
}

/// Median time of `work`, in microseconds.
fn median(rounds: usize, mut work: impl FnMut()) -> f64 {
    middle((0..rounds).map(|_| timed(&mut work)).collect())
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// The median, in microseconds.
fn middle(mut took: Vec<Duration>) -> f64 {
    took.sort();
    took[took.len() / 2].as_secs_f64() * 1e6
}

fn echo() -> io::Result<f64> {
    let mut child = Command::new("python3")
        .args(["-c", ECHO])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let mut stdout = BufReader::new(stdout);
    let (mut line, mut answered) = (String::new(), true);
    let took = median(ROUNDS, || {
        let _ = stdin.write_all(b"x\n");
        line.clear();
        let _ = stdout.read_line(&mut line);
        answered &= line == "x\n";
    });
    if !answered {
        return Err(io::Error::other("the echo of Python did not answer"));
    }
    drop(stdin);
    child.wait()?;
    Ok(took)
}

struct Daemon {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    id: u64,
}

impl Daemon {
    fn start() -> io::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tinycode"));
        let mut child = command
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let mut daemon = Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
            id: 0,
        };
        daemon.call("initialize", &json!({"capabilities": {}}));
        Ok(daemon)
    }

    fn send(&mut self, message: &Value) {
        let message = message.to_string();
        let _ = write!(
            self.stdin,
            "Content-Length: {}\r\n\r\n{message}",
            message.len()
        );
        let _ = self.stdin.flush();
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut header = String::new();
            let _ = self.stdout.read_line(&mut header);
            match header.trim().split_once(": ") {
                Some((_, value)) => length = value.parse().unwrap_or(0),
                None => break,
            }
        }
        let mut body = vec![0; length];
        let _ = self.stdout.read_exact(&mut body);
        serde_json::from_slice(&body).unwrap_or_default()
    }

    /// Calls a method; adds up the arguments of tools that are called meanwhile.
    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.id += 1;
        let id = self.id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let mut message = self.receive();
            let event = &message["params"];
            if event["type"] == "tool.call" {
                let sum: u64 = event["args"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_u64)
                    .sum();
                let answer = json!({"call": event["call"], "value": sum});
                self.send(&json!({"jsonrpc": "2.0", "id": "tool", "method": "tools.result", "params": answer}));
            }
            if message["id"] == id {
                return message["result"].take();
            }
        }
    }

    fn session(&mut self, tools: &Value) -> String {
        self.session_at("isolated", tools)
    }

    fn session_at(&mut self, level: &str, tools: &Value) -> String {
        let options = json!({"trust_level": level, "tools": tools});
        let info = self.call("session.create", &options);
        info["session"].as_str().unwrap_or_default().to_owned()
    }

    fn exec(&mut self, session: &str, code: &str) -> Value {
        self.call("exec", &json!({"session": session, "code": code}))
    }
}
