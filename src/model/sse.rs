//! An incremental parser of Server-Sent Events: bytes in, the `data` of each event out.
//!
//! Pure: it knows nothing of sockets, of JSON or of language models. Event names, ids and retry
//! times are skipped, since nobody here asks for them.

/// Bytes that one event may take unless told otherwise: 1 MiB.
pub const MAX_EVENT_BYTES: usize = 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The stream is no longer of use: an event grew past the bound. The parser is to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of more than {limit} bytes")]
pub struct EventTooLarge {
    /// The bound, in bytes.
    pub limit: usize,
}

/// The state between two pieces of a stream. Borders between pieces may fall anywhere, also inside
/// a line end or a UTF-8 sequence.
#[derive(Debug)]
pub struct SseParser {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// The data lines of the event that has not ended yet, joined by LF.
    data: Vec<u8>,
    has_data: bool,
    /// The last byte was CR, so that a LF now belongs to the same line end.
    after_cr: bool,
    at_start: bool,
    limit: usize,
}

impl Default for SseParser {
    fn default() -> Self {
        Self::new(MAX_EVENT_BYTES)
    }
}

impl SseParser {
    /// A parser at the beginning of a stream whose events take at most `limit` bytes each, lines of
    /// comment included.
    pub fn new(limit: usize) -> Self {
        Self {
            line: Vec::new(),
            data: Vec::new(),
            has_data: false,
            after_cr: false,
            at_start: true,
            limit,
        }
    }

    /// Takes the next bytes and returns the data of the events that they complete. Bytes that are
    /// not UTF-8 become U+FFFD, as the standard says.
    ///
    /// # Errors
    /// When an event is larger than the limit; complete events of the same call are lost with it.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<String>, EventTooLarge> {
        let mut events = Vec::new();
        while let Some(&first) = bytes.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                bytes = bytes.get(1..).unwrap_or_default();
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let (text, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            if self.data.len() + self.line.len() + text.len() > self.limit {
                return Err(EventTooLarge { limit: self.limit });
            }
            self.line.extend_from_slice(text);
            bytes = match rest.split_first() {
                Some((end, rest)) => {
                    self.after_cr = *end == b'\r';
                    events.extend(self.end_line());
                    rest
                }
                None => rest,
            };
        }
        Ok(events)
    }

    /// The data of a last event that the end of the stream cut off before its empty line. The
    /// standard drops it; servers that end on `data: [DONE]` and one line end are too common for
    /// that. It may be half an event: the caller judges.
    pub fn finish(mut self) -> Option<String> {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.dispatch()
    }

    fn end_line(&mut self) -> Option<String> {
        let mut line = std::mem::take(&mut self.line);
        let mut text = line.as_slice();
        if std::mem::take(&mut self.at_start) {
            text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        }
        let event = if text.is_empty() {
            self.dispatch()
        } else {
            self.take_field(text);
            None
        };
        // The buffer is handed back, so that a long stream of short lines allocates once.
        line.clear();
        self.line = line;
        event
    }

    fn take_field(&mut self, line: &[u8]) {
        let Some(value) = data_of(line) else { return };
        if self.has_data {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value);
        self.has_data = true;
    }

    fn dispatch(&mut self) -> Option<String> {
        let data = std::mem::take(&mut self.data);
        std::mem::take(&mut self.has_data).then(|| String::from_utf8_lossy(&data).into_owned())
    }
}

/// The value of a `data` line; nothing of a comment (which begins with a colon) or another field.
fn data_of(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"data")?;
    match rest.split_first() {
        None => Some(rest),
        Some((b':', value)) => Some(value.strip_prefix(b" ").unwrap_or(value)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The events of a stream given in `pieces`, the unfinished last one included.
    fn parse<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
        let mut parser = SseParser::default();
        let mut events = Vec::new();
        for piece in pieces {
            events.extend(parser.push(piece).expect("small events"));
        }
        events.extend(parser.finish());
        events
    }

    #[test]
    fn streams_and_their_events() {
        let table: &[(&str, &str, &[&str])] = &[
            ("nothing", "", &[]),
            ("LF", "data: a\n\ndata: b\n\n", &["a", "b"]),
            ("CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]),
            ("CR", "data: a\r\rdata: b\r\r", &["a", "b"]),
            ("mixed line ends", "data: a\r\n\ndata: b\n\r\n", &["a", "b"]),
            ("no space", "data:a\n\n", &["a"]),
            ("only one space goes", "data:  a\n\n", &[" a"]),
            ("several lines", "data: a\ndata:\ndata: b\n\n", &["a\n\nb"]),
            ("field without colon", "data\n\n", &[""]),
            ("empty data", "data:\n\n", &[""]),
            ("comments", ": ping\n\n: x\ndata: a\n:y\n\n", &["a"]),
            (
                "other fields",
                "event: e\nid: 1\nretry: 5\ndata: a\ndatum: b\n\n",
                &["a"],
            ),
            ("an event without data", "event: e\n\ndata: a\n\n", &["a"]),
            ("many empty lines", "\n\n\ndata: a\n\n\n\n", &["a"]),
            (
                "byte order mark",
                "\u{feff}data: a\n\n\u{feff}data: b\n\n",
                &["a"],
            ),
            ("colon in the data", "data: {\"a\": 1}\n\n", &["{\"a\": 1}"]),
            ("cut before the empty line", "data: a\n", &["a"]),
            ("cut inside the line", "data: a\n\ndata: b", &["a", "b"]),
            ("UTF-8", "data: äß€😀\n\n", &["äß€😀"]),
        ];
        for (name, stream, events) in table {
            assert_eq!(parse([stream.as_bytes()]), *events, "{name}");
            assert_eq!(
                parse(stream.as_bytes().chunks(1)),
                *events,
                "{name}, by bytes"
            );
        }
    }

    #[test]
    fn invalid_utf8_is_replaced() {
        assert_eq!(parse([&b"data: a\xFFb\n\n"[..]]), ["a\u{fffd}b"]);
    }

    #[test]
    fn an_event_comes_with_its_last_byte() {
        let mut parser = SseParser::default();
        assert_eq!(parser.push(b"data: a\r\n").unwrap(), Vec::<String>::new());
        assert_eq!(parser.push(b"\r").unwrap(), ["a"]);
        assert_eq!(parser.push(b"\ndata: b\n\n").unwrap(), ["b"]);
    }

    #[test]
    fn events_are_bounded() {
        let too_large = Err(EventTooLarge { limit: 16 });
        assert_eq!(SseParser::new(16).push(b"data: 0123456789\n\n"), {
            Ok(vec!["0123456789".to_owned()])
        });
        assert_eq!(SseParser::new(16).push(b"data: 0123456789A"), too_large);
        let mut lines = SseParser::new(16);
        assert_eq!(lines.push(b"data: 0123456\n"), Ok(vec![]));
        assert_eq!(lines.push(b"data: 0123456\n"), too_large);
        let mut many = SseParser::new(16);
        for _ in 0..100 {
            assert_eq!(many.push(b"data: 0123\n\n"), Ok(vec!["0123".to_owned()]));
        }
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_events(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    &b"data"[..], b":", b" ", b"\r", b"\n", b"\r\n", b"event: x", b"data: ",
                    b"\xE2\x82\xAC", b"\xF0\x9F\x98\x80", b"\xFF", b"\xEF\xBB\xBF", b"a", b"\n\n",
                ]),
                0..40,
            ),
            borders in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let stream = parts.concat();
            let mut cuts: Vec<usize> =
                borders.iter().map(|border| border.index(stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]);
            prop_assert_eq!(parse(pieces), parse([stream.as_slice()]));
        }
    }
}
