//! LSP base framing: headers with a `Content-Length`, an empty line, and that many bytes. Pure.
//!
//! Written here because the one in tower-lsp-server ends the connection at the first message that is
//! not JSON, and takes messages of any length.

use bytes::{Buf, Bytes, BytesMut};

/// Longest message that is taken, in bytes.
pub const MAX_MESSAGE: usize = 64 << 20;
/// Longest headers that are taken, in bytes.
const MAX_HEADERS: usize = 8 << 10;
/// What a message begins with, in lower case.
const CONTENT_LENGTH: &[u8] = b"content-length";

/// Takes bytes apart into messages. After an error it goes on with the next message.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: BytesMut,
    /// Length of the message whose headers have been read.
    expected: Option<usize>,
    /// Bytes of a message that is too long, still to be thrown away.
    skip: usize,
}

impl Frames {
    /// Takes bytes as they come.
    pub fn push(&mut self, bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        self.buffer.extend_from_slice(&bytes[skipped..]);
    }

    /// The next message, or what is wrong with the bytes in its place; `None` until more bytes come.
    pub fn next(&mut self) -> Option<Result<Bytes, String>> {
        loop {
            if let Some(length) = self.expected {
                if self.buffer.len() < length {
                    return None;
                }
                self.expected = None;
                return Some(Ok(self.buffer.split_to(length).freeze()));
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
            return Some(Err(format!("headers of more than {MAX_HEADERS} bytes")));
        };
        let headers = self.buffer[..length].to_vec();
        match content_length(&headers) {
            Ok(message) if message > MAX_MESSAGE => {
                self.buffer.advance(length + separator);
                let here = message.min(self.buffer.len());
                self.buffer.advance(here);
                self.skip = message - here;
                Some(Err(format!(
                    "a message of {message} bytes, the limit is {MAX_MESSAGE}"
                )))
            }
            Ok(message) => {
                self.buffer.advance(length + separator);
                Some(Ok(message))
            }
            Err(Wrong::Ambiguous(what)) => {
                // Nobody knows where its body ends: the next headers are looked for.
                self.resume_after(length + separator);
                Some(Err(what))
            }
            Err(Wrong::Garbage(what)) => {
                let garbage =
                    find_content_length(&headers[1..]).map_or(length + separator, |at| at + 1);
                self.buffer.advance(garbage);
                Some(Err(what))
            }
        }
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
    /// They are none, or begin with something else.
    Garbage(String),
    /// They give more than one length.
    Ambiguous(String),
}

/// The length that the headers give.
fn content_length(headers: &[u8]) -> Result<usize, Wrong> {
    let mut found: Option<usize> = None;
    for line in headers.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        let colon = line.iter().position(|byte| *byte == b':');
        let Some(colon) = colon else {
            let what = format!("'{}' is not a header", line.escape_ascii());
            return Err(Wrong::Garbage(what));
        };
        let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(CONTENT_LENGTH) {
            let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
            let number = std::str::from_utf8(value).ok().filter(|_| digits);
            let number = number.and_then(|value| value.parse().ok());
            let wrong = || format!("'{}' is not a Content-Length", value.escape_ascii());
            let number = number.ok_or_else(|| Wrong::Garbage(wrong()))?;
            if found.is_some_and(|found| found != number) {
                let what = "two different Content-Length headers".to_owned();
                return Err(Wrong::Ambiguous(what));
            }
            found = Some(number);
        }
    }
    found.ok_or_else(|| Wrong::Garbage("headers without a Content-Length".to_owned()))
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
                all.push(frame.map_or("!".to_owned(), |bytes| bytes.escape_ascii().to_string()));
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
        assert_eq!(frames.next(), Some(Ok(Bytes::from_static(b"1"))));
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
            std::iter::from_fn(|| frames.next()).any(|frame| frame == Ok(Bytes::from_static(b"1")))
        );
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
