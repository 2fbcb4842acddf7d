//! The wire to process 1 of a container: orders, and what becomes of the worker.
//!
//! What comes in is bounded and strict JSON: code that broke out of its worker could write it too.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

use super::super::process;
use super::facts::Facts;
use crate::worker::{Fate, Process, to_json};

/// Longest frame that is read, in bytes.
const MAX_FRAME: usize = 64 << 10;
const GONE: &str = "ended with its container, which was stopped from outside, by its engine, or \
                    because memory ran out";

/// An order to process 1.
#[derive(Debug, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Order<'a> {
    /// To interrupt the worker, as Ctrl-C does.
    Interrupt,
    /// To say which of these modules are missing.
    Modules {
        /// Names of top-level modules.
        names: &'a [String],
    },
    /// To unpack an archive, which follows, into the working folder.
    Files {
        /// Its bytes.
        size: usize,
    },
    /// To end the worker with all that it started, and have a copy of it take its place.
    Call {
        /// The copy's process, as its container knows it.
        pid: u32,
        /// The other copies, which go on waiting.
        others: &'a [u32],
    },
    /// To end a copy that is no longer wanted.
    Drop {
        /// Its process.
        pid: u32,
    },
    /// To pause everything once it has taken so much processor time: no step runs.
    Rest {
        /// Seconds.
        seconds: f64,
        /// Whether what was taken in rests before does not count.
        anew: bool,
    },
    /// To have everything go on without such a bound.
    Resume,
    /// To have a Python look at a source.
    Check {
        /// What the Python runs.
        script: &'a str,
        /// Its argument.
        name: &'a str,
        /// What it reads.
        source: &'a str,
    },
}

/// What process 1 says.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Said {
    /// It is there, and so is the worker.
    Hello(Facts),
    /// The modules that are missing.
    Missing {
        /// Their names.
        names: Vec<String>,
    },
    /// The archive has been unpacked.
    Copied {
        /// What went wrong.
        error: Option<String>,
    },
    /// The copy has been called, where there was one.
    Called {
        /// Whether there was.
        found: bool,
    },
    /// The source has been looked at.
    Checked {
        /// What was said of it, or nothing where that failed.
        said: Option<String>,
    },
    /// Everything but process 1 is paused.
    Paused,
    /// The worker has ended.
    Ended {
        /// Its exit code.
        code: Option<i32>,
        /// The signal that killed it.
        signal: Option<i32>,
        /// Whether the container ran out of memory.
        out_of_memory: bool,
    },
}

/// The daemon's end of the wire. Dropping it ends the container.
#[derive(Debug)]
pub struct Control {
    reader: FramedRead<OwnedReadHalf, LengthDelimitedCodec>,
    writer: OwnedWriteHalf,
    /// How the worker ended, once that is known.
    end: Option<String>,
    /// Whether process 1 has been told that no step runs.
    resting: bool,
}

impl Control {
    /// A wire over a connection of process 1.
    #[must_use]
    pub fn new(stream: UnixStream) -> Self {
        let (reader, writer) = stream.into_split();
        let codec = LengthDelimitedCodec::builder()
            .max_frame_length(MAX_FRAME)
            .new_codec();
        Self {
            reader: FramedRead::new(reader, codec),
            writer,
            end: None,
            resting: false,
        }
    }

    /// Gives an order, with what follows it.
    ///
    /// # Errors
    /// When the container is gone.
    pub async fn order(&mut self, order: &Order<'_>, body: &[u8]) -> io::Result<()> {
        self.writer.write_all(&framed(order)).await?;
        self.writer.write_all(body).await
    }

    /// Waits for what process 1 says next. Cancelling loses nothing.
    ///
    /// # Errors
    /// How the worker ended, in its place.
    pub async fn said(&mut self) -> Result<Said, String> {
        if let Some(end) = &self.end {
            return Err(end.clone());
        }
        let frame = self.reader.next().await;
        let said = frame.and_then(Result::ok);
        let said = said.and_then(|frame| serde_json::from_slice(&frame).ok());
        let end = match said {
            Some(Said::Ended {
                code,
                signal,
                out_of_memory,
            }) => describe(code, signal, out_of_memory),
            Some(said) => return Ok(said),
            None => GONE.to_owned(),
        };
        Err(self.end.insert(end).clone())
    }

    /// Has a copy take the place of the worker; says whether it was there.
    pub async fn call(&mut self, pid: u32, others: &[u32]) -> bool {
        self.resting = false;
        if self.order(&Order::Call { pid, others }, &[]).await.is_err() {
            return false;
        }
        loop {
            match self.said().await {
                Ok(Said::Called { found }) => return found,
                Ok(_) => {}
                Err(end) if end == GONE => return false,
                Err(_) => self.end = None, // of the worker that is to be replaced
            }
        }
    }

    /// Ends a copy that is no longer wanted.
    pub fn drop_copy(&mut self, pid: u32) {
        let _ = self.writer.try_write(&framed(&Order::Drop { pid })); // as short as an interrupt
    }

    /// Whether nothing has been heard of its end, or at all.
    pub fn is_silent(&mut self) -> bool {
        self.said().now_or_never().is_none()
    }
}

#[async_trait]
impl Process for Control {
    fn interrupt(&mut self) {
        let _ = self.writer.try_write(&framed(&Order::Interrupt)); // a few bytes, on an empty wire
    }

    fn rest(&mut self, most: Duration, anew: bool) {
        let seconds = most.as_secs_f64();
        let order = Order::Rest { seconds, anew };
        self.resting = self.writer.try_write(&framed(&order)).is_ok();
    }

    fn resume(&mut self) {
        if std::mem::take(&mut self.resting) {
            let _ = self.writer.try_write(&framed(&Order::Resume));
        }
    }

    async fn next(&mut self) -> Fate {
        loop {
            match self.said().await {
                Ok(Said::Paused) => return Fate::Paused,
                Ok(_) => {}
                Err(end) => return Fate::Ended(end),
            }
        }
    }
}

/// Hands descriptors to process 1.
///
/// # Errors
/// When it is gone.
pub async fn hand_over(stream: &UnixStream, descriptors: [BorrowedFd<'_>; 3]) -> io::Result<()> {
    let send = || send_descriptors(stream, &descriptors);
    stream.async_io(Interest::WRITABLE, send).await
}

fn send_descriptors(stream: &UnixStream, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let byte = [IoSlice::new(b"*")]; // they cannot travel alone
    sendmsg(stream.as_fd(), &byte, &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn framed(order: &Order<'_>) -> Vec<u8> {
    let body = to_json(order);
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &body].concat()
}

fn describe(code: Option<i32>, signal: Option<i32>, out_of_memory: bool) -> String {
    if out_of_memory && signal == Some(9) {
        return "was killed because the memory of its container ran out".to_owned();
    }
    let status = match (code, signal) {
        (_, Some(signal)) => ExitStatus::from_raw(signal & 0x7f),
        (code, None) => ExitStatus::from_raw((code.unwrap_or(0) & 0xff) << 8),
    };
    process::describe(status)
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn ends_are_told_apart() {
        for (code, signal, out_of_memory, said) in [
            (Some(3), None, false, "exited with code 3"),
            (Some(0), None, true, "exited with code 0"),
            (
                None,
                Some(11),
                true,
                "was killed by SIGSEGV (segmentation fault)",
            ),
            (
                None,
                Some(9),
                true,
                "was killed because the memory of its container ran out",
            ),
        ] {
            assert_eq!(describe(code, signal, out_of_memory), said);
        }
    }
}
