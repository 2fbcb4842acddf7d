//! LSP base framing: headers with a `Content-Length`, an empty line, and that many bytes. Pure.
//!
//! Written here because the one in tower-lsp-server ends the connection at the first message that is
//! not JSON, and takes messages of any length.

use bytes::{Buf, Bytes, BytesMut};

use super::room::{FULL, Room};

/// Longest message that is taken, in bytes.
pub const MAX_MESSAGE: usize = 64 << 20;
/// Longest headers that are taken, in bytes.
const MAX_HEADERS: usize = 8 << 10;
/// Messages that are longer take their buffer with them, so that a connection does not keep it.
const SMALL: usize = 64 << 10;
/// What a message begins with, in lower case.
const CONTENT_LENGTH: &[u8] = b"content-length";

/// A message, with the room that it takes while it is handled.
#[derive(Debug)]
pub struct Received {
    /// What it says.
    pub bytes: Bytes,
    _room: Room,
}

/// Takes bytes apart into messages. After an error it goes on with the next message.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: BytesMut,
    /// Length of the message whose headers have been read.
    expected: Option<usize>,
    /// Bytes of a message that is not taken, still to be thrown away.
    skip: usize,
    /// Whether to throw away what is not the beginning of a message: where the one before ends is not known.
    lost: bool,
    /// For the bytes in the buffer.
    room: Room,
}

impl Frames {
    /// Takes bytes as they come.
    pub fn push(&mut self, bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        self.buffer.extend_from_slice(&bytes[skipped..]);
    }

    /// Throws away as many bytes, of those that are here and then of those to come.
    fn skip(&mut self, bytes: usize) {
        let here = bytes.min(self.buffer.len());
        self.buffer.advance(here);
        self.skip = bytes - here;
    }

    /// Cuts the message out whose length is known.
    fn cut(&mut self, length: usize) -> Received {
        let bytes = self.buffer.split_to(length).freeze();
        if length > SMALL {
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        let room = self.room.split(length);
        Received { bytes, _room: room }
    }

    /// The next message, or what is wrong with the bytes in its place; `None` until more bytes come.
    pub fn next(&mut self) -> Option<Result<Received, String>> {
        loop {
            if let Some(length) = self.expected {
                if !self.room.fit(self.buffer.len()) {
                    self.expected = None;
                    self.skip(length);
                    self.buffer = BytesMut::from(&self.buffer[..]);
                    self.room.fit(0);
                    return Some(Err(FULL.to_owned()));
                }
                if self.buffer.len() < length {
                    return None;
                }
                self.expected = None;
                return Some(Ok(self.cut(length)));
            }
            if self.lost && !self.find_message() {
                return None;
            }
            match self.headers() {
                Some(Ok(length)) => self.expected = Some(length),
                Some(Err(what)) => return Some(Err(what)),
                None => return None,
            }
        }
    }

    /// Reads headers; returns the length of the message that follows.
    fn headers(&mut self) -> Option<Result<usize, String>> {
        let blank = self
            .buffer
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        self.buffer.advance(blank);
        if self.buffer.first() == Some(&b'{') {
            // Someone types JSON by hand: it has no end that could be waited for but that of its line.
            let line = self
                .buffer
                .iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(self.buffer.len());
            self.resume_after(line);
            return Some(Err(
                "a message without headers: begin it with `Content-Length: N` and an empty line"
                    .to_owned(),
            ));
        }
        let Some((length, separator)) = end_of_headers(&self.buffer) else {
            if self.buffer.len() <= MAX_HEADERS {
                return None;
            }
            self.resume_after(1);
            self.lost = true;
            return Some(Err(format!("headers of more than {MAX_HEADERS} bytes")));
        };
        let headers = self.buffer[..length].to_vec();
        match content_length(&headers) {
            Ok(message) if message > MAX_MESSAGE => {
                self.buffer.advance(length + separator);
                self.skip(message);
                Some(Err(format!(
                    "a message of {message} bytes, the limit is {MAX_MESSAGE}"
                )))
            }
            Ok(message) => {
                self.buffer.advance(length + separator);
                Some(Ok(message))
            }
            Err(Wrong::Garbage(what)) => {
                let next = find_content_length(&headers[1..]);
                self.buffer
                    .advance(next.map_or(length + separator, |at| at + 1));
                Some(Err(what))
            }
            Err(Wrong::Length(what)) => {
                self.buffer.advance(length + separator);
                self.lost = true;
                Some(Err(what))
            }
        }
    }

    /// Throws bytes away up to the beginning of a message; says whether it is there.
    fn find_message(&mut self) -> bool {
        self.resume_after(0);
        self.lost = find_content_length(&self.buffer).is_none();
        !self.lost
    }

    /// Throws bytes away up to what may be the next message, but at least `least` of them.
    fn resume_after(&mut self, least: usize) {
        self.buffer.advance(least);
        let next = find_content_length(&self.buffer);
        let keep = CONTENT_LENGTH.len() - 1; // the end may hold the beginning of the next headers
        let garbage = next.unwrap_or_else(|| self.buffer.len().saturating_sub(keep));
        self.buffer.advance(garbage);
    }
}

/// Where the headers end, and how long the empty line after them is.
fn end_of_headers(buffer: &[u8]) -> Option<(usize, usize)> {
    let window = &buffer[..buffer.len().min(MAX_HEADERS + 4)];
    window
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .find_map(|(at, _)| match &window[at + 1..] {
            [b'\n', ..] => Some((at, 2)),
            [b'\r', b'\n', ..] => Some((at, 3)),
            _ => None,
        })
}

/// What is wrong with headers.
enum Wrong {
    /// They do not begin a message. One may begin among them.
    Garbage(String),
    /// They begin a message of which nobody knows where it ends.
    Length(String),
}

/// The length that the headers give.
fn content_length(headers: &[u8]) -> Result<usize, Wrong> {
    let mut lengths: Vec<Result<usize, String>> = Vec::new();
    let mut problem = None;
    for line in headers.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            problem = Some(format!("'{}' is not a header", line.escape_ascii()));
            break;
        };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(CONTENT_LENGTH) {
            lengths.push(number(value));
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            problem = Some("a Transfer-Encoding, which messages here do not have".to_owned());
        }
    }
    let begins = !lengths.is_empty();
    let lengths: Result<Vec<usize>, String> = lengths.into_iter().collect();
    let length = match (problem, lengths) {
        (Some(what), _) | (None, Err(what)) => Err(what),
        (None, Ok(lengths)) => match lengths.as_slice() {
            [] => Err("headers without a Content-Length".to_owned()),
            [length, rest @ ..] => match rest.iter().find(|other| *other != length) {
                None => Ok(*length),
                Some(other) => Err(format!(
                    "two Content-Length headers that differ: {length} and {other}"
                )),
            },
        },
    };
    length.map_err(|what| match begins {
        true => Wrong::Length(what),
        false => Wrong::Garbage(what),
    })
}

/// A Content-Length: digits and nothing else.
fn number(value: &[u8]) -> Result<usize, String> {
    let digits = std::str::from_utf8(value)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| format!("'{}' is not a Content-Length", value.escape_ascii()))
}

fn find_content_length(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(CONTENT_LENGTH.len())
        .position(|window| window.eq_ignore_ascii_case(CONTENT_LENGTH))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What comes of `pieces`: messages as they are, errors as `!`.
    fn decode(pieces: &[&[u8]]) -> Vec<String> {
        let mut frames = Frames::default();
        let mut all = Vec::new();
        for piece in pieces {
            frames.push(piece);
            while let Some(frame) = frames.next() {
                let text = frame.map(|frame| frame.bytes.escape_ascii().to_string());
                all.push(text.unwrap_or_else(|_| "!".to_owned()));
            }
        }
        all
    }

    #[test]
    fn messages_are_found_and_garbage_is_skipped() {
        let cases: &[(&[u8], &[&str])] = &[
            (b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", &["a"]),
            (
                b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nabContent-Length: 1\r\n\r\nc",
                &["!", "c"],
            ),
            (
                b"Content-Length: 2\r\ncontent-length: 1\r\n\r\nabContent-Length: 1\r\n\r\nc",
                &["!", "c"],
            ),
            (
                b"Content-Length: +1\r\n\r\nContent-Length: 1\r\n\r\nc",
                &["!", "c"],
            ),
            (b"Content-Length: 007\r\n\r\nabcdefg", &["abcdefg"]),
            (b"Content-Length: 2\r\n\r\n{}", &["{}"]),
            (
                b"content-length:2\n\n{}Content-Length: 1\r\n\r\n1",
                &["{}", "1"],
            ),
            (b"Content-Type: x\r\nContent-Length: 2\r\n\r\n{}", &["{}"]),
            (
                b"Content-Length: 0\r\n\r\nContent-Length: 1\r\n\r\n1",
                &["", "1"],
            ),
            (
                b"Content-Length: x\r\n\r\nContent-Length: 1\r\n\r\n1",
                &["!", "1"],
            ),
            (
                b"Content-Length: -1\r\n\r\nContent-Length: 1\r\n\r\n1",
                &["!", "1"],
            ),
            (b"hello\r\nContent-Length: 1\r\n\r\n1", &["!", "1"]),
            (b"Hello: 1\r\n\r\nContent-Length: 1\r\n\r\n1", &["!", "1"]),
            (b"{\"a\":1}\nContent-Length: 1\r\n\r\n1", &["!", "1"]),
            (b"Content-Length: 99999999999999999999999\r\n\r\n", &["!"]),
            (b"Content-Length: 1\r\nContent-Length: 01\r\n\r\n1", &["1"]),
            (b"Content-Length: 1\r\nX-Content-Length: 2\r\n\r\n1", &["1"]),
            (
                b"Content-Length: 1\njunk\n\n1Content-Length: 1\n\n2",
                &["!", "2"],
            ),
            (
                b"Content-Length: 99999999\r\nContent-Length: 1\r\n\r\n1Content-Length: 1\r\n\r\n2",
                &["!", "2"],
            ),
            (b"Content-Length: 5\r\n\r\n12", &[]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(decode(&[bytes]), *expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_skipped_without_being_held() {
        let mut frames = Frames::default();
        let length = MAX_MESSAGE + 5;
        frames.push(format!("Content-Length: {length}\r\n\r\n12").as_bytes());
        assert!(frames.next().unwrap().is_err());
        let chunk = vec![b'x'; 1 << 20];
        for _ in 0..64 {
            frames.push(&chunk);
            assert!(frames.next().is_none() && frames.buffer.is_empty());
        }
        frames.push(b"345Content-Length: 1\r\n\r\n1");
        assert_eq!(frames.next().unwrap().unwrap().bytes, "1");
    }

    #[test]
    fn endless_headers_are_not_held() {
        let mut frames = Frames::default();
        for _ in 0..100 {
            frames.push(&[b'a'; 1 << 10]);
            while frames.next().is_some() {}
            assert!(frames.buffer.len() <= MAX_HEADERS + 1_024);
        }
        frames.push(b"\r\nContent-Length: 1\r\n\r\n1");
        assert!(
            std::iter::from_fn(|| frames.next()).any(|frame| frame.is_ok_and(|it| it.bytes == "1"))
        );
    }

    /// Whatever the length really is, the message is left out, one error is told and the next one is served.
    #[test]
    fn a_message_of_uncertain_length_is_left_out() {
        let values = [
            "+2", "-2", "0x2", "2, 2", "2 2", "2.0", "2e0", "", "\u{662}", "two", "2;", "\"2\"",
        ];
        let of_one = values.map(|value| format!("Content-Length: {value}"));
        let of_two = [
            "Content-Length: 2\r\nContent-Length: 3",
            "Content-Length: 3\r\nContent-Type: x\r\ncontent-length: 2",
            "Content-Length: 0\r\nContent-Length: 2",
            "Content-Length: 2\r\nContent-Length: x",
            "Content-Length: 2\r\nContent-Length: 2\r\nContent-Length: 4000000000",
            "Content-Length: 2\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 2",
            "Content-Length: 2\r\n folded",
        ];
        for headers in of_one.iter().map(String::as_str).chain(of_two) {
            let bytes = format!("{headers}\r\n\r\n{{}}Content-Length: 1\r\n\r\n1");
            for at in 0..bytes.len() {
                let (one, other) = bytes.as_bytes().split_at(at);
                assert_eq!(decode(&[one, other]), ["!", "1"], "{headers} at {at}");
            }
        }
    }

    #[test]
    fn a_long_message_takes_its_buffer_with_it() {
        let mut frames = Frames::default();
        frames.push(b"Content-Length: 10000000\r\n\r\n");
        assert!(frames.next().is_none() && frames.buffer.capacity() < 1_000);
        frames.push(&vec![b'x'; 10_000_005]);
        let message = frames.next().unwrap().unwrap();
        assert_eq!(message.bytes.len(), 10_000_000);
        assert!(frames.buffer.len() == 5 && frames.buffer.capacity() < 1_000);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_messages(at in 0..62usize) {
            let bytes = b"junk\r\nContent-Length: 3\r\n\r\n[1]Content-Length: 2\r\n\r\n{}Content-";
            let at = at.min(bytes.len());
            prop_assert_eq!(decode(&[&bytes[..at], &bytes[at..]]), ["!", "[1]", "{}"]);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            decode(&[&bytes]);
        }
    }
}
