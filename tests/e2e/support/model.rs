//! A scripted OpenAI-compatible server. A call that the script does not have, a reply that nobody
//! calls for, and a request that is not as it should be fail the test.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use serde_json::{Value, json};

use super::{deadline, sse};

/// The key that requests have to carry.
pub const KEY: &str = "sk-test-0123456789abcdef0123456789abcdef";

/// What the server does when it is called.
pub enum Reply {
    /// Streams this text.
    Text(String),
    /// Answers this text in one piece, as servers do that cannot stream.
    Whole(String),
    /// Streams this text once the gate is opened.
    Held(String, Gate),
    /// Answers a status with these further headers and this body.
    Status(u16, &'static str, String),
    /// Answers 200 with a body that is no completion.
    Garbage(&'static str),
    /// Breaks the connection in the middle of this text.
    Broken(String),
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its body.
    pub body: Value,
}

impl Request {
    /// The messages, as role and text.
    pub fn messages(&self) -> Vec<(String, String)> {
        let messages = self.body["messages"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        messages
            .iter()
            .map(|message| (text(&message["role"]), text(&message["content"])))
            .collect()
    }

    /// The text of the last message.
    pub fn last(&self) -> String {
        self.messages().pop().unwrap().1
    }
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    requests: Vec<Request>,
    problems: Vec<String>,
}

/// The server.
pub struct Model {
    port: u16,
    script: Arc<Mutex<Script>>,
}

impl Model {
    /// A server that gives these replies, in order, to those who have the key.
    pub fn new(replies: impl IntoIterator<Item = impl Into<Reply>>) -> Self {
        Self::start(replies, Some(KEY))
    }

    /// A server whose clients have this key.
    pub fn with_key(
        key: &'static str,
        replies: impl IntoIterator<Item = impl Into<Reply>>,
    ) -> Self {
        Self::start(replies, Some(key))
    }

    /// A server whose clients have no key.
    pub fn keyless(replies: impl IntoIterator<Item = impl Into<Reply>>) -> Self {
        Self::start(replies, None)
    }

    fn start(
        replies: impl IntoIterator<Item = impl Into<Reply>>,
        key: Option<&'static str>,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let replies = replies.into_iter().map(Into::into).collect();
        let script = Arc::new(Mutex::new(Script {
            replies,
            ..Script::default()
        }));
        let shared = Arc::clone(&script);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let script = Arc::clone(&shared);
                thread::spawn(move || serve(&stream, &script, key));
            }
        });
        Self { port, script }
    }

    /// Session options that make it the model.
    pub fn options(&self) -> Value {
        json!({"model": "test-model", "api_key": KEY, "base_url": self.base_url()})
    }

    /// Where it is.
    pub fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.script).requests.clone()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        let script = lock(&self.script);
        assert!(script.problems.is_empty(), "{:#?}", script.problems);
        let left = script.replies.len();
        assert_eq!(left, 0, "{left} replies were not called for");
    }
}

fn lock(script: &Mutex<Script>) -> std::sync::MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: &TcpStream, script: &Mutex<Script>, key: Option<&str>) {
    let Some((head, body)) = read_request(stream) else {
        return; // a connection made ahead of need
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut script = lock(script);
    script.problems.extend(problems(&head, &body, key));
    script.requests.push(Request { body });
    let reply = script.replies.pop_front();
    if reply.is_none() {
        script
            .problems
            .push(format!("a call beyond the script: {head}"));
    }
    drop(script);
    // A client that has gone away is not the server's business.
    let _ = match reply {
        Some(reply) => answer(stream, reply),
        None => respond(stream, 400, "", "text/plain", "the script is over"),
    };
}

fn read_request(stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = header(&head, "content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().skip(1);
    let mut fields = lines.filter_map(|line| line.split_once(':'));
    let field = fields.find(|(field, _)| field.eq_ignore_ascii_case(name))?;
    Some(field.1.trim())
}

/// What is wrong with a request.
fn problems(head: &str, body: &Value, key: Option<&str>) -> Vec<String> {
    let bearer = key.map(|key| format!("Bearer {key}"));
    let checks = [
        head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"),
        header(head, "authorization") == bearer.as_deref(),
        header(head, "content-type") == Some("application/json"),
        body["model"] == "test-model",
        body["temperature"] == 0,
        body["stream"] == true,
        body["stream_options"] == json!({"include_usage": true}),
        body["messages"][0]["role"] == "system",
    ];
    let failed = checks.iter().enumerate().filter(|(_, good)| !**good);
    failed
        .map(|(number, _)| format!("check {number} of the request failed: {head}{body}"))
        .collect()
}

fn answer(stream: &TcpStream, reply: Reply) -> std::io::Result<()> {
    const STREAM: &str = "text/event-stream";
    const JSON: &str = "application/json";
    match reply {
        Reply::Text(text) => stream_text(stream, &text, true),
        Reply::Broken(text) => stream_text(stream, &text, false),
        Reply::Held(text, gate) => {
            gate.wait_until_open(stream.try_clone()?);
            stream_text(stream, &text, true)
        }
        Reply::Whole(text) => respond(stream, 200, "", JSON, &sse::whole(&text).to_string()),
        Reply::Status(status, headers, body) => respond(stream, status, headers, JSON, &body),
        Reply::Garbage(body) => respond(stream, 200, "", STREAM, body),
    }
}

fn respond(
    mut stream: &TcpStream,
    status: u16,
    headers: &str,
    mime: &str,
    body: &str,
) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} Scripted\r\nContent-Type: {mime}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n{headers}\r\n{body}"
    )
}

/// Sends the text as servers stream it; if not whole, the connection breaks halfway.
fn stream_text(mut stream: &TcpStream, text: &str, is_whole: bool) -> std::io::Result<()> {
    stream.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
          Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
    )?;
    let chunks = sse::chunks(text);
    let count = if is_whole {
        chunks.len()
    } else {
        chunks.len() / 2
    };
    for chunk in &chunks[..count] {
        let event = sse::events(std::slice::from_ref(chunk));
        write!(stream, "{:x}\r\n{event}\r\n", event.len())?;
    }
    if is_whole {
        write!(stream, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")?;
    }
    Ok(())
}

#[derive(Default)]
struct GateState {
    arrived: bool,
    open: bool,
    given_up: bool,
}

/// Holds a reply back until the test lets it go.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<GateState>, Condvar)>);

impl Gate {
    /// The reply, held by this gate.
    pub fn hold(&self, text: &str) -> Reply {
        Reply::Held(text.to_owned(), self.clone())
    }

    /// Waits until the reply has been asked for.
    #[track_caller]
    pub fn wait_for_call(&self) {
        self.wait("the model is called", |state| state.arrived);
    }

    /// Waits until whoever asked for the reply has gone away.
    #[track_caller]
    pub fn wait_until_given_up(&self) {
        self.wait("the call is given up", |state| state.given_up);
    }

    /// Lets the reply go.
    pub fn open(&self) {
        self.change(|state| state.open = true);
    }

    fn change(&self, change: impl FnOnce(&mut GateState)) {
        change(&mut self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.1.notify_all();
    }

    #[track_caller]
    fn wait(&self, what: &str, mut wanted: impl FnMut(&GateState) -> bool) {
        let state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self
            .0
            .1
            .wait_timeout_while(state, deadline(), |state| !wanted(state));
        let waited = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.1.timed_out(), "waited in vain until {what}");
    }

    fn wait_until_open(&self, mut stream: TcpStream) {
        self.change(|state| state.arrived = true);
        let gate = self.clone();
        thread::spawn(move || {
            if matches!(stream.read(&mut [0]), Ok(0) | Err(_)) {
                gate.change(|state| state.given_up = true);
            }
        });
        self.wait("the gate is opened", |state| state.open || state.given_up);
    }
}
