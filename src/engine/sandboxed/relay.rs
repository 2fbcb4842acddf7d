//! The daemon's end of the one stream that an engine attaches to a container, where no socket can be
//! shared with it: what `relay.py` does at the other end.

use std::io;
use std::pin::Pin;

use bollard::container::{AttachContainerResults, LogOutput};
use bytes::{Buf, BytesMut};
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Sender;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Mutex;

const CONTROL: u8 = 0;
const CHANNEL: u8 = 1;
const STDOUT: u8 = 2;
/// The number of a wire and the length of a piece.
const HEADER: usize = 5;
/// Longest piece, in bytes.
const PIECE: usize = 1 << 20;

type Input = Mutex<Pin<Box<dyn AsyncWrite + Send>>>;

/// The ends of the wires that the daemon's own wires end at.
pub struct Wires {
    /// The orders to process 1.
    pub control: UnixStream,
    /// The frames of the worker.
    pub channel: UnixStream,
    /// What the code prints.
    pub stdout: Sender,
    /// What the code prints.
    pub stderr: Sender,
}

/// Carries the wires until one end of the stream is gone, or the daemon drops its wire to process 1.
pub async fn carry(attached: AttachContainerResults, wires: Wires) {
    let input = Mutex::new(attached.input);
    let (control_in, control) = wires.control.into_split();
    let (channel_in, channel) = wires.channel.into_split();
    let mut ends = Ends {
        control: Some(control),
        channel: Some(channel),
        stdout: Some(wires.stdout),
        stderr: Some(wires.stderr),
    };
    let channel_in = async {
        let _ = inward(CHANNEL, channel_in, &input).await;
        std::future::pending::<()>().await; // orders go on
    };
    let mut output = attached.output;
    let outward = async {
        let mut inbox = BytesMut::new();
        while let Some(Ok(piece)) = output.next().await {
            match piece {
                LogOutput::StdOut { message } => {
                    inbox.extend_from_slice(&message);
                    ends.deal_out(&mut inbox).await?;
                }
                // What process 1 says when it cannot even begin.
                LogOutput::StdErr { message } => ends.put(STDOUT + 1, &message).await,
                _ => {}
            }
        }
        Ok::<(), io::Error>(())
    };
    tokio::select! {
        _ = inward(CONTROL, control_in, &input) => {}
        () = channel_in => {}
        _ = outward => {}
    }
    let _ = input.lock().await.shutdown().await;
}

/// From the daemon to the container.
async fn inward(wire: u8, mut from: OwnedReadHalf, input: &Input) -> io::Result<()> {
    let mut piece = BytesMut::new();
    while from.read_buf(&mut piece).await? > 0 {
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        let mut input = input.lock().await;
        input.write_all(&[wire]).await?;
        input.write_all(&length.to_be_bytes()).await?;
        input.write_all_buf(&mut piece).await?;
        input.flush().await?;
    }
    Ok(())
}

/// The daemon's wires; those that have ended are dropped, which ends them.
struct Ends {
    control: Option<OwnedWriteHalf>,
    channel: Option<OwnedWriteHalf>,
    stdout: Option<Sender>,
    stderr: Option<Sender>,
}

impl Ends {
    /// Deals out all pieces that have come.
    async fn deal_out(&mut self, inbox: &mut BytesMut) -> io::Result<()> {
        while let Some((wire, length)) = header(inbox)? {
            if inbox.len() < HEADER + length {
                return Ok(());
            }
            inbox.advance(HEADER);
            let piece = inbox.split_to(length);
            self.put(wire, &piece).await;
        }
        Ok(())
    }

    async fn put(&mut self, wire: u8, piece: &[u8]) {
        match wire {
            CONTROL => put(&mut self.control, piece).await,
            CHANNEL => put(&mut self.channel, piece).await,
            STDOUT => put(&mut self.stdout, piece).await,
            _ => put(&mut self.stderr, piece).await,
        }
    }
}

async fn put(end: &mut Option<impl AsyncWrite + Unpin>, piece: &[u8]) {
    let Some(writer) = end else { return };
    if piece.is_empty() || writer.write_all(piece).await.is_err() {
        *end = None;
    }
}

/// The wire and the length of the next piece, once that is known.
fn header(inbox: &BytesMut) -> io::Result<Option<(u8, usize)>> {
    let Some(header) = inbox.first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let [wire, length @ ..] = *header;
    let length = u32::from_be_bytes(length) as usize;
    if wire > STDOUT + 1 || length > PIECE {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(Some((wire, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_bounded() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "more"),
            (b"\x01\0\0\0", "more"),
            (b"\x01\0\0\0\x05he", "5 bytes of 1"),
            (b"\x03\0\x10\0\0", "1048576 bytes of 3"),
            (b"\x03\0\x10\0\x01", "garbage"),
            (b"\x04\0\0\0\x01", "garbage"),
        ];
        for (bytes, expected) in cases {
            let got = match header(&BytesMut::from(*bytes)) {
                Ok(None) => "more".to_owned(),
                Ok(Some((wire, length))) => format!("{length} bytes of {wire}"),
                Err(_) => "garbage".to_owned(),
            };
            assert_eq!(got, *expected, "{}", bytes.escape_ascii());
        }
    }
}
