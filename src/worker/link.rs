//! The daemon's end of the wire to one worker.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, BufMut, BytesMut};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::frames::{Change, Done, Frame, Kept, MAX_FRAME, Order, Reply, Request, Signal};
use super::output::Output;
use super::patience::{Patience, Stop};
use super::query::{Query, Told};
use super::{NAMESPACE, OBJECTS, PROCESS, SESSION};

/// Time between the soft request to stop and the end of patience.
const GRACE: Duration = Duration::from_secs(1);
/// Time that a worker gets to leave a copy of itself behind.
const KEEP_PATIENCE: Duration = Duration::from_secs(5);
/// Time that a process which closed the socket gets to die, so that its end can be named.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Bytes of answers that may wait for a worker that does not read them, before it is heard further.
const MAX_OUTBOX: usize = 1 << 20;
/// Answers that may wait beside them.
const MAX_REPLIES: usize = 1_000;
/// Bytes read from a pipe at a time.
const CHUNK: usize = 64 << 10;

/// The process at the other end.
#[async_trait]
pub trait Process: Send {
    /// Asks the code to stop, as Ctrl-C does.
    fn interrupt(&mut self);

    /// Waits until the process has ended and says how. Cancelling loses nothing.
    async fn ended(&mut self) -> String;
}

/// What the code does while it runs.
#[derive(Debug)]
pub enum Happening {
    /// It wrote to stdout.
    Stdout(String),
    /// It wrote to stderr.
    Stderr(String),
    /// It gave a signal.
    Signal(Signal, String),
    /// It changed the scratchpad.
    Memory(Change),
    /// It calls a tool of the client's.
    Call {
        /// Number to answer with.
        call: u64,
        /// The tool.
        name: String,
        /// Arguments by position.
        args: Vec<Value>,
        /// Arguments by name.
        kwargs: Map<String, Value>,
    },
}

/// How a step ended.
#[derive(Debug)]
pub enum Ended {
    /// The worker says so itself.
    Done(Box<Done>),
    /// It did not stop within the grace; it still runs.
    Stubborn,
    /// Its process is gone; how it ended.
    Died(String),
    /// It failed in a way that has a name of its own.
    Failed {
        /// The name, like that of an exception.
        kind: &'static str,
        /// What happened to it.
        how: String,
    },
    /// It said something that no worker says; it may still run.
    Broken(String),
}

/// What came of a step.
#[derive(Debug)]
pub struct Report {
    /// How it ended.
    pub ended: Ended,
    /// Why it was asked to stop, if it was.
    pub stop: Option<Stop>,
    /// What it wrote to stdout.
    pub stdout: Output,
    /// What it wrote to stderr.
    pub stderr: Output,
}

/// A socket for frames and the two pipes that the code writes to.
#[derive(Debug)]
pub struct Link {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    inbox: BytesMut,
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
}

impl Link {
    /// A link over the daemon's ends of the socket and of the pipes.
    #[must_use]
    pub fn new(socket: UnixStream, stdout: pipe::Receiver, stderr: pipe::Receiver) -> Self {
        let (reader, writer) = socket.into_split();
        Self {
            reader,
            writer,
            inbox: BytesMut::new(),
            stdout,
            stderr,
        }
    }

    /// Sends bytes as one frame.
    ///
    /// # Errors
    /// When the worker is gone.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all_buf(&mut framed(bytes)).await
    }

    /// Sends the files of the worker, in the order in which its bootstrap wants them.
    ///
    /// # Errors
    /// When the worker is gone.
    pub async fn send_sources(&mut self) -> io::Result<()> {
        for source in [SESSION, PROCESS, OBJECTS, NAMESPACE] {
            self.send(source.as_bytes()).await?;
        }
        Ok(())
    }

    /// Waits for the next frame. Cancelling loses nothing.
    ///
    /// # Errors
    /// When the worker is gone, or says something that no worker says.
    pub async fn receive(&mut self) -> io::Result<Frame> {
        receive(&mut self.reader, &mut self.inbox).await
    }

    /// What the worker wrote to stderr so far, at most `limit` bytes of it.
    pub fn take_stderr(&mut self, limit: usize) -> String {
        let mut output = Output::new(limit);
        drain(&self.stderr, &mut output, |_| ());
        output.into_text()
    }

    /// Has the worker leave a copy of itself behind. Nothing where it does not: the next step finds out why.
    /// `happening` takes what threads of the code do meanwhile.
    pub async fn keep(
        &mut self,
        process: &mut dyn Process,
        token: &str,
        happening: &mut (dyn FnMut(Happening) + Send),
    ) -> Option<Kept> {
        let keep = async {
            self.send(&to_json(&Order::Keep { token })).await?;
            self.kept(happening).await
        };
        in_time(keep, process).await
    }

    /// Begins to speak with a copy that has been called, in the place of a worker that is dead; it has
    /// left another copy behind. Nothing where it does not answer.
    pub async fn take_over(&mut self, process: &mut dyn Process, token: &str) -> Option<Kept> {
        let mark = format!("\n{token}\n"); // which no frame contains, as the token itself does
        let take_over = async {
            self.writer.write_all(mark.as_bytes()).await?;
            while !skip_past(&mut self.inbox, mark.as_bytes()) {
                if self.reader.read_buf(&mut self.inbox).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            self.kept(&mut |_| ()).await
        };
        in_time(take_over, process).await
    }

    async fn kept(&mut self, happening: &mut (dyn FnMut(Happening) + Send)) -> io::Result<Kept> {
        loop {
            match self.receive().await? {
                Frame::Kept(kept) => return Ok(kept),
                frame => happening(heard(frame).map_err(garbage)?.happening),
            }
        }
    }

    /// Runs one step to its end.
    pub async fn step(&mut self, request: Request<'_>, watch: Watch<'_>) -> Report {
        let nonce = request.nonce;
        let mut streams = Streams::new(watch.limit);
        let (mut stdout_open, mut stderr_open) = (true, true);
        let mut patience = Patience::new(watch.timeout, GRACE);
        let mut outbox = framed(&to_json(&Order::Step(request)));
        while watch.replies.try_recv().is_ok() {} // of calls that an earlier step gave up
        let ended = loop {
            let listens = outbox.len() < MAX_OUTBOX && watch.replies.len() < MAX_REPLIES;
            tokio::select! {
                result = self.writer.write_buf(&mut outbox), if !outbox.is_empty() => {
                    if result.is_err() {
                        break last_words(watch.process).await;
                    }
                }
                frame = receive(&mut self.reader, &mut self.inbox), if listens => {
                    streams.drain(&self.stdout, &self.stderr, watch.happening);
                    match frame {
                        Ok(Frame::Done(done)) if done.nonce == nonce => break Ended::Done(done),
                        Ok(Frame::Kept(_)) => {} // that took too long: nobody waits for it any more
                        Ok(frame) => match heard(frame) {
                            Ok(heard) => {
                                (watch.happening)(heard.happening);
                                let reply = heard.reply.map(Order::Answer);
                                outbox.extend(reply.iter().flat_map(|reply| framed(&to_json(reply))));
                            }
                            Err(what) => break Ended::Broken(what),
                        },
                        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                            break Ended::Broken(error.to_string());
                        }
                        Err(_) => break last_words(watch.process).await,
                    }
                }
                Some(reply) = watch.replies.recv(), if outbox.len() < MAX_OUTBOX => {
                    outbox.extend(framed(&to_json(&Order::Answer(reply))));
                }
                _ = self.stdout.readable(), if stdout_open => {
                    stdout_open = read_some(&self.stdout, &mut streams.stdout, |text| {
                        (watch.happening)(Happening::Stdout(text));
                    });
                }
                _ = self.stderr.readable(), if stderr_open => {
                    stderr_open = read_some(&self.stderr, &mut streams.stderr, |text| {
                        (watch.happening)(Happening::Stderr(text));
                    });
                }
                how = watch.process.ended() => break Ended::Died(how),
                () = watch.stop.cancelled(), if !patience.is_stopping() => patience.interrupt(),
                () = patience.alarm() => {
                    if patience.is_at_its_end() {
                        break Ended::Stubborn;
                    }
                    watch.process.interrupt();
                }
            }
        };
        streams.finish(&self.stdout, &self.stderr, watch.happening);
        Report {
            ended,
            stop: patience.stop(),
            stdout: streams.stdout,
            stderr: streams.stderr,
        }
    }

    /// Asks about the names. What lies in the pipes stays there for the next step; `happening` takes what
    /// threads of the code do meanwhile.
    ///
    /// # Errors
    /// How the worker ended in place of an answer.
    pub async fn ask(
        &mut self,
        query: &Query,
        process: &mut dyn Process,
        stop: &CancellationToken,
        happening: &mut (dyn FnMut(Happening) + Send),
    ) -> Result<Told, Ended> {
        let (nonce, order) = query.order();
        let mut outbox = framed(&order);
        let mut patience = Query::patience();
        loop {
            tokio::select! {
                result = self.writer.write_buf(&mut outbox), if !outbox.is_empty() => {
                    if result.is_err() {
                        return Err(last_words(process).await);
                    }
                }
                frame = receive(&mut self.reader, &mut self.inbox) => match frame {
                    Ok(Frame::Told { nonce: of, told }) if of == nonce => return query.check(*told),
                    Ok(frame) => match heard(frame) {
                        Ok(heard) => happening(heard.happening),
                        Err(what) => return Err(Ended::Broken(what)),
                    },
                    Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                        return Err(Ended::Broken(error.to_string()));
                    }
                    Err(_) => return Err(last_words(process).await),
                },
                how = process.ended() => return Err(Ended::Died(how)),
                () = stop.cancelled(), if !patience.is_stopping() => patience.interrupt(),
                () = patience.alarm() => {
                    if patience.is_at_its_end() {
                        return Err(Ended::Stubborn);
                    }
                    process.interrupt();
                }
            }
        }
    }
}

/// What surrounds a step.
pub struct Watch<'a> {
    /// The process that runs it.
    pub process: &'a mut dyn Process,
    /// Time that it may take.
    pub timeout: Duration,
    /// Bytes of each stream that are kept.
    pub limit: usize,
    /// Asks for its end.
    pub stop: &'a CancellationToken,
    /// Answers to the calls that it makes.
    pub replies: &'a mut mpsc::UnboundedReceiver<Reply>,
    /// Takes what it does.
    pub happening: &'a mut (dyn FnMut(Happening) + Send),
}

/// What a frame says that comes while the code runs.
#[derive(Debug)]
pub struct Heard {
    /// What the code does.
    pub happening: Happening,
    /// The number that it wants an answer to.
    pub call: Option<u64>,
    /// The answer, where it is to be given at once.
    pub reply: Option<Reply>,
}

/// Takes a frame that comes while the code runs.
///
/// # Errors
/// When it is none.
pub fn heard(frame: Frame) -> Result<Heard, String> {
    Ok(match frame {
        Frame::Signal {
            call,
            kind,
            message,
        } => Heard {
            happening: Happening::Signal(kind, message),
            call: Some(call),
            reply: Some(Reply {
                call,
                value: Value::Null,
                error: None,
            }),
        },
        Frame::Memory(change) => Heard {
            happening: Happening::Memory(change),
            call: None,
            reply: None,
        },
        Frame::Call {
            call,
            name,
            args,
            kwargs,
        } => Heard {
            happening: Happening::Call {
                call,
                name,
                args,
                kwargs,
            },
            call: Some(call),
            reply: None,
        },
        Frame::Ready | Frame::Done(_) | Frame::Kept(_) | Frame::Told { .. } => {
            return Err(UNASKED.to_owned());
        }
    })
}

const UNASKED: &str = "it answered what was not asked";

/// The end of a worker that answers what nobody asked.
pub fn unasked() -> Ended {
    Ended::Broken(UNASKED.to_owned())
}

/// How a process that closed its socket ended, if it did.
async fn last_words(process: &mut dyn Process) -> Ended {
    match tokio::time::timeout(LAST_WORDS, process.ended()).await {
        Ok(how) => Ended::Died(how),
        Err(_) => Ended::Broken("the code closed the connection to the daemon".to_owned()),
    }
}

struct Streams {
    stdout: Output,
    stderr: Output,
}

impl Streams {
    const fn new(limit: usize) -> Self {
        Self {
            stdout: Output::new(limit),
            stderr: Output::new(limit),
        }
    }

    /// Takes what lies in the pipes now, so that it comes before what follows.
    fn drain(
        &mut self,
        stdout: &pipe::Receiver,
        stderr: &pipe::Receiver,
        happening: &mut (dyn FnMut(Happening) + Send),
    ) {
        drain(stdout, &mut self.stdout, |text| {
            happening(Happening::Stdout(text));
        });
        drain(stderr, &mut self.stderr, |text| {
            happening(Happening::Stderr(text));
        });
    }

    fn finish(
        &mut self,
        stdout: &pipe::Receiver,
        stderr: &pipe::Receiver,
        happening: &mut (dyn FnMut(Happening) + Send),
    ) {
        self.drain(stdout, stderr, happening);
        self.stdout
            .finish()
            .into_iter()
            .for_each(|text| happening(Happening::Stdout(text)));
        self.stderr
            .finish()
            .into_iter()
            .for_each(|text| happening(Happening::Stderr(text)));
    }
}

/// Reads what there is, once. Says whether more may come.
fn read_some(pipe: &pipe::Receiver, output: &mut Output, show: impl FnMut(String)) -> bool {
    let mut chunk = [0; CHUNK];
    match pipe.try_read(&mut chunk) {
        Ok(length) => {
            output.push(&chunk[..length]).into_iter().for_each(show);
            length > 0
        }
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

/// Reads no more than lies in the pipe now: a process in the background may write without end.
fn drain(pipe: &pipe::Receiver, output: &mut Output, mut show: impl FnMut(String)) {
    let mut left = rustix::io::ioctl_fionread(pipe.as_fd()).unwrap_or(0) as usize;
    let mut chunk = [0; CHUNK];
    while left > 0 {
        let wanted = left.min(CHUNK);
        match rustix::io::read(pipe.as_fd(), &mut chunk[..wanted]) {
            Ok(0) | Err(_) => break,
            Ok(length) => {
                left -= length;
                output
                    .push(&chunk[..length])
                    .into_iter()
                    .for_each(&mut show);
            }
        }
    }
}

async fn receive(reader: &mut OwnedReadHalf, inbox: &mut BytesMut) -> io::Result<Frame> {
    loop {
        if let Some(frame) = take_frame(inbox)? {
            return Ok(frame);
        }
        if reader.read_buf(inbox).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// What a worker says within its time. Its copies hold the socket too, so that its end says nothing here.
async fn in_time(
    said: impl Future<Output = io::Result<Kept>>,
    process: &mut dyn Process,
) -> Option<Kept> {
    tokio::select! {
        said = said => said.ok(),
        _ = process.ended() => None,
        () = tokio::time::sleep(KEEP_PATIENCE) => None,
    }
}

/// Throws away what comes before `token`, and the token itself; says whether it was there.
fn skip_past(inbox: &mut BytesMut, token: &[u8]) -> bool {
    let found = inbox.windows(token.len()).position(|bytes| bytes == token);
    let known = inbox.len().saturating_sub(token.len() - 1); // the rest may be its beginning
    inbox.advance(found.map_or(known, |at| at + token.len()));
    found.is_some()
}

/// Takes the first frame out of `inbox`, if all of it is there.
fn take_frame(inbox: &mut BytesMut) -> io::Result<Option<Frame>> {
    let Some(header) = inbox.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*header) as usize;
    if length > MAX_FRAME {
        return Err(garbage(format!("a frame of {length} bytes")));
    }
    if inbox.len() < 4 + length {
        inbox.reserve(4 + length - inbox.len());
        return Ok(None);
    }
    inbox.advance(4);
    let body = inbox.split_to(length);
    if inbox.is_empty() && inbox.capacity() > CHUNK {
        *inbox = BytesMut::new(); // one large frame must not stay large for weeks
    }
    serde_json::from_slice(&body)
        .map(Some)
        .map_err(|error| garbage(error.to_string()))
}

fn garbage(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn framed(bytes: &[u8]) -> BytesMut {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut frame = BytesMut::with_capacity(4 + bytes.len());
    frame.put_u32(length);
    frame.put_slice(bytes);
    frame
}

/// Our own frames are made of strings, numbers and JSON values, which always serialise.
pub fn to_json(frame: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(frame).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frames_are_bounded_and_strict() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "more"),
            (b"\0\0\0", "more"),
            (b"\0\0\0\x05{\"a", "more"),
            (b"\0\0\0\x11{\"event\":\"ready\"}rest", "frame"),
            (b"\xff\xff\xff\xff", "garbage"),
            (b"\0\0\0\x02{}", "garbage"),
            (b"\0\0\0\x03NaN", "garbage"),
            (b"\0\0\0\x02\xff\xff", "garbage"),
            (b"print this", "garbage"),
        ];
        for (bytes, expected) in cases {
            let got = match take_frame(&mut BytesMut::from(*bytes)) {
                Ok(None) => "more",
                Ok(Some(_)) => "frame",
                Err(_) => "garbage",
            };
            assert_eq!(got, *expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_comes_before_a_token_is_thrown_away() {
        for (bytes, found, left) in [
            (&b"\0\0\0\x05{\"a-token-next"[..], true, &b"-next"[..]),
            (b"token", true, b""),
            (b"half a frame tok", false, b" tok"),
            (b"", false, b""),
        ] {
            let mut inbox = BytesMut::from(bytes);
            assert_eq!(skip_past(&mut inbox, b"token"), found);
            assert_eq!(&inbox[..], left);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = take_frame(&mut BytesMut::from(&bytes[..]));
        }
    }
}
