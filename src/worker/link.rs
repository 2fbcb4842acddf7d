//! The daemon's end of the wire to one worker.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::frames::{Change, Done, Frame, MAX_FRAME, Request, Signal};
use super::output::Output;

/// Time between the soft request to stop and the end of patience.
const GRACE: Duration = Duration::from_secs(1);
/// Time between soft requests: one may come before the code has begun, or be swallowed by it.
const AGAIN: Duration = Duration::from_millis(100);
/// Time that a process which closed the socket gets to die, so that its end can be named.
const LAST_WORDS: Duration = Duration::from_millis(500);
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
    /// It said something that no worker says; it may still run.
    Broken(String),
}

/// Why a step was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It took too long.
    Timeout,
    /// Somebody wanted it.
    Interrupt,
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
        self.writer.write_all(&framed(bytes)).await
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

    /// Runs one step to its end. `limit` is the bytes of each stream that are kept.
    pub async fn step(
        &mut self,
        request: &Request<'_>,
        process: &mut dyn Process,
        timeout: Duration,
        limit: usize,
        stop: &CancellationToken,
        happening: &mut (dyn FnMut(Happening) + Send),
    ) -> Report {
        let mut streams = Streams {
            stdout: Output::new(limit),
            stderr: Output::new(limit),
        };
        let (mut stdout_open, mut stderr_open) = (true, true);
        let mut stopping = None;
        let mut patience_ends = Instant::now() + timeout;
        let mut alarm = patience_ends;
        let request_frame = framed(&to_json(request));
        let mut sent = false;
        let sending = self.writer.write_all(&request_frame);
        tokio::pin!(sending);
        let ended = loop {
            tokio::select! {
                result = &mut sending, if !sent => {
                    sent = true;
                    if result.is_err() {
                        break last_words(process).await;
                    }
                }
                frame = receive(&mut self.reader, &mut self.inbox) => {
                    streams.drain(&self.stdout, &self.stderr, happening);
                    match frame {
                        Ok(Frame::Done(done)) if done.nonce == request.nonce => break Ended::Done(done),
                        Ok(Frame::Signal { kind, message }) => happening(Happening::Signal(kind, message)),
                        Ok(Frame::Memory(change)) => happening(Happening::Memory(change)),
                        Ok(_) => break Ended::Broken("it answered what was not asked".to_owned()),
                        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                            break Ended::Broken(error.to_string());
                        }
                        Err(_) => break last_words(process).await,
                    }
                }
                _ = self.stdout.readable(), if stdout_open => {
                    stdout_open = read_some(&self.stdout, &mut streams.stdout, |text| happening(Happening::Stdout(text)));
                }
                _ = self.stderr.readable(), if stderr_open => {
                    stderr_open = read_some(&self.stderr, &mut streams.stderr, |text| happening(Happening::Stderr(text)));
                }
                how = process.ended() => break Ended::Died(how),
                () = stop.cancelled(), if stopping.is_none() => {
                    stopping = Some(Stop::Interrupt);
                    patience_ends = Instant::now() + GRACE;
                    alarm = Instant::now();
                }
                () = sleep_until(alarm) => {
                    let now = Instant::now();
                    if stopping.is_none() {
                        stopping = Some(Stop::Timeout);
                        patience_ends = now + GRACE;
                    } else if now >= patience_ends {
                        break Ended::Stubborn;
                    }
                    process.interrupt();
                    alarm = patience_ends.min(now + AGAIN);
                }
            }
        };
        streams.finish(&self.stdout, &self.stderr, happening);
        Report {
            ended,
            stop: stopping,
            stdout: streams.stdout,
            stderr: streams.stderr,
        }
    }
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

fn framed(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), bytes].concat()
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

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = take_frame(&mut BytesMut::from(&bytes[..]));
        }
    }
}
