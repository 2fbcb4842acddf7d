//! The daemon's end of the wire to one worker.

mod ask;
mod framing;
mod idle;
mod keep;
mod step;
mod streams;

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::frames::{Call, Change, Done, Frame, Order, Reply, SignalKind, Start, Stream};
use super::output::Output;
use super::{NAMESPACE, OBJECTS, PROCESS, SESSION, VALUES};
pub use framing::to_json;
use framing::{Inbox, framed, receive};
pub use step::{Report, Watch};
use streams::{Streams, drain};

/// Time that a process which closed the socket gets to die, so that its end can be named.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Time that a worker gets to end by itself.
const LEAVE_PATIENCE: Duration = Duration::from_secs(1);

/// Bytes of what the worker wrote to stderr among which its last line is looked for.
const MAX_LAST_SAID: usize = 2_000;

/// The files of the worker that each step needs, as an interpreter has compiled them, which takes it as long as much of
/// its start. Empty where none has.
#[derive(Debug, Default)]
pub struct Compiled {
    /// Which build of Python it was: others compile to something else.
    build: String,
    /// Values, session, process.
    codes: [Vec<u8>; 3],
}

impl Compiled {
    /// What an interpreter says of itself, and its codes in base64 by their names.
    #[must_use]
    pub fn new(build: String, codes: &HashMap<String, String>) -> Self {
        let decode = |name: &str| BASE64_STANDARD.decode(codes.get(name)?).ok();
        let codes = (|| Some([decode("values")?, decode("session")?, decode("process")?]))();
        codes.map_or_else(Self::default, |codes| Self { build, codes })
    }
}

/// The process at the other end.
#[async_trait]
pub trait Process: Send {
    /// Asks the code to stop, as Ctrl-C does.
    fn interrupt(&mut self);

    /// Says that no step runs: what the last one left running may take so much processor time, in all that follows
    /// until a rest that begins `anew`. Then it is paused until it is to `resume`.
    fn rest(&mut self, most: Duration, anew: bool);

    /// Says that something is to run again.
    fn resume(&mut self);

    /// Waits for what becomes of the process next. Cancelling loses nothing.
    async fn next(&mut self) -> Fate;

    /// Waits until the process has ended and says how. Cancelling loses nothing.
    async fn ended(&mut self) -> String {
        loop {
            if let Fate::Ended(how) = self.next().await {
                return how;
            }
        }
    }
}

/// What becomes of a process.
#[derive(Debug)]
pub enum Fate {
    /// It has ended; how.
    Ended(String),
    /// It is paused, since it took more processor time between steps than it may.
    Paused,
}

/// What the code does while it runs.
#[derive(Debug)]
pub enum Happening {
    /// It printed something.
    Output(Stream, String),
    /// What an earlier step left running printed something.
    Background(Stream, String),
    /// It gave a signal.
    Signal(SignalKind, String),
    /// It changed the scratchpad.
    Memory(Change),
    /// It calls a tool of the client's.
    Call(Call),
    /// It calls one with arguments that are refused, as it is told.
    Refused,
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

/// A socket for frames and the two pipes that the code writes to.
#[derive(Debug)]
pub struct Link {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    inbox: Inbox,
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
    /// What has been printed since the last step by what it left running.
    background: Streams,
    /// Whether the last step left threads running.
    threads: bool,
    /// Whether there was a step since the last rest.
    stepped: bool,
    /// Whether it has been told since the last step that what this left running is paused.
    told: bool,
}

impl Link {
    /// A link over the daemon's ends of the socket and of the pipes.
    #[must_use]
    pub fn new(socket: UnixStream, stdout: pipe::Receiver, stderr: pipe::Receiver) -> Self {
        let (reader, writer) = socket.into_split();
        Self {
            reader,
            writer,
            inbox: Inbox::default(),
            stdout,
            stderr,
            background: Streams::new(0),
            threads: false,
            stepped: true,
            told: false,
        }
    }

    /// Sends bytes as one frame.
    ///
    /// # Errors
    /// When the worker is gone.
    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all_buf(&mut framed(bytes)).await
    }

    /// Sends the files of the worker, in the order in which its bootstrap wants them, and those that are compiled.
    ///
    /// # Errors
    /// When the worker is gone.
    pub async fn send_sources(&mut self, compiled: &Compiled) -> io::Result<()> {
        for source in [VALUES, SESSION, PROCESS, OBJECTS, NAMESPACE] {
            self.send(source.as_bytes()).await?;
        }
        self.send(compiled.build.as_bytes()).await?;
        for code in &compiled.codes {
            self.send(code).await?;
        }
        Ok(())
    }

    /// Waits for the next frame. Cancelling loses nothing.
    ///
    /// # Errors
    /// When the worker is gone, or says something that no worker says.
    async fn receive(&mut self) -> io::Result<Frame> {
        receive(&mut self.reader, &mut self.inbox).await
    }

    /// Has a worker that has its sources begin its session.
    ///
    /// # Errors
    /// When it does not: `last_said` may tell why.
    pub async fn begin(&mut self, start: &Start<'_>) -> io::Result<()> {
        self.send(&to_json(start)).await?;
        match self.receive().await? {
            Frame::Ready => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, UNASKED)),
        }
    }

    /// Has the worker end as a program does: what the code registered for its end runs, and what it wrote is flushed.
    /// Returns when it has ended, or its time is over.
    pub async fn leave(&mut self, process: &mut dyn Process) {
        process.resume();
        let leaves = async {
            if self.send(&to_json(&Order::Exit)).await.is_ok() {
                process.ended().await;
            }
        };
        let _ = tokio::time::timeout(LEAVE_PATIENCE, leaves).await;
    }

    /// The last line that the worker wrote to stderr.
    pub fn last_said(&mut self) -> Option<String> {
        let mut output = Output::new(MAX_LAST_SAID);
        drain(&self.stderr, &mut output, |_| ());
        output.into_text().lines().last().map(str::to_owned)
    }
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
        Frame::Output { stream, text } => Heard {
            happening: Happening::Background(stream, text),
            call: None,
            reply: None,
        },
        Frame::Call(call) => Heard {
            call: Some(call.number),
            happening: Happening::Call(call),
            reply: None,
        },
        Frame::Refused { call, error } => Heard {
            happening: Happening::Refused,
            call: Some(call),
            reply: Some(Reply {
                call,
                value: Value::Null,
                error: Some(error),
            }),
        },
        Frame::Ready
        | Frame::Begun { .. }
        | Frame::Done(_)
        | Frame::Kept(_)
        | Frame::Told { .. } => {
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
