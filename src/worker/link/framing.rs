//! Frames in a stream of bytes.

use std::io;

use bytes::{Buf, BufMut, BytesMut};
use serde::Serialize;
use tokio::io::AsyncReadExt;
use tokio::net::unix::OwnedReadHalf;
use tokio::task::JoinHandle;
use tokio::task::coop::consume_budget;

use super::super::frames::{Frame, MAX_FRAME};
use super::super::heavy::heavy;
use super::super::reading::read;

/// Bytes that the buffer of what comes in keeps at most.
const MAX_IDLE: usize = 64 << 10;

/// Bytes of a frame beyond which it is read aside: that takes as long as many other things.
const LARGE: usize = 256 << 10;

/// What has come and has not been heard yet.
#[derive(Debug, Default)]
pub struct Inbox {
    /// Bytes of frames.
    pub bytes: BytesMut,
    /// A large frame before them.
    pub reading: Option<JoinHandle<Option<Result<Frame, String>>>>,
}

/// Waits for the next frame. Cancelling loses nothing.
pub async fn receive(reader: &mut OwnedReadHalf, inbox: &mut Inbox) -> io::Result<Frame> {
    consume_budget().await; // a worker that says much is not to keep others waiting
    loop {
        if let Some(reading) = &mut inbox.reading {
            let frame = reading.await;
            inbox.reading = None;
            let frame = frame.ok().flatten();
            return frame
                .unwrap_or_else(|| Err("it could not be read".to_owned()))
                .map_err(garbage);
        }
        match take_frame(&mut inbox.bytes)? {
            Some(body) if body.len() > LARGE => {
                inbox.reading = Some(heavy(move || read(&body)));
            }
            Some(body) => return read(&body).map_err(garbage),
            None => {
                if reader.read_buf(&mut inbox.bytes).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
    }
}

/// Takes the first frame out of what has come, if all of it is there.
fn take_frame(inbox: &mut BytesMut) -> io::Result<Option<BytesMut>> {
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
    if inbox.is_empty() && inbox.capacity() > MAX_IDLE {
        *inbox = BytesMut::new(); // one large frame must not stay large for weeks
    }
    Ok(Some(body))
}

/// The error of a worker that says what no worker says.
pub fn garbage(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Bytes as a frame.
pub fn framed(bytes: &[u8]) -> BytesMut {
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
            let taken = take_frame(&mut BytesMut::from(*bytes));
            let frame =
                taken.and_then(|body| body.map(|body| read(&body).map_err(garbage)).transpose());
            let got = match frame {
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
            let _ = read(&bytes);
        }
    }
}
