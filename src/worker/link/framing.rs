//! Frames in a stream of bytes.

use std::io;

use bytes::{Buf, BufMut, BytesMut};
use serde::Serialize;
use tokio::io::AsyncReadExt;
use tokio::net::unix::OwnedReadHalf;

use super::super::frames::{Frame, MAX_FRAME};

/// Bytes that the buffer of what comes in keeps at most.
const MAX_IDLE: usize = 64 << 10;

/// Waits for the next frame. Cancelling loses nothing.
pub async fn receive(reader: &mut OwnedReadHalf, inbox: &mut BytesMut) -> io::Result<Frame> {
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
    if inbox.is_empty() && inbox.capacity() > MAX_IDLE {
        *inbox = BytesMut::new(); // one large frame must not stay large for weeks
    }
    serde_json::from_slice(&body)
        .map(Some)
        .map_err(|error| garbage(error.to_string()))
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
