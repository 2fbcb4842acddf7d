//! What a step wrote to one stream, cut to its limit. Pure.

/// The end of output that was cut.
pub const TRUNCATED: &str = "\n[OUTPUT TRUNCATED]";

/// The text of one stream: takes bytes as they come, holds at most `limit` bytes of text.
#[derive(Debug)]
pub struct Output {
    text: String,
    /// The start of a character whose rest has not come yet.
    partial: Vec<u8>,
    limit: usize,
    cut: bool,
}

impl Output {
    /// Nothing yet, and at most `limit` bytes to come.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            text: String::new(),
            partial: Vec::new(),
            limit,
            cut: false,
        }
    }

    /// Takes bytes and returns the text to show for them; bytes that are not UTF-8 become U+FFFD.
    pub fn push(&mut self, bytes: &[u8]) -> Option<String> {
        if self.cut {
            return None;
        }
        let mut all = std::mem::take(&mut self.partial);
        all.extend_from_slice(bytes);
        let mut fresh = String::new();
        let mut chunks = all.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            fresh.push_str(chunk.valid());
            let invalid = chunk.invalid();
            if chunks.peek().is_none() && may_go_on(invalid) {
                self.partial = invalid.to_vec();
            } else if !invalid.is_empty() {
                fresh.push(char::REPLACEMENT_CHARACTER);
            }
        }
        self.append(fresh)
    }

    /// Takes the end of the stream and returns the text to show for it.
    pub fn finish(&mut self) -> Option<String> {
        if self.cut || std::mem::take(&mut self.partial).is_empty() {
            return None;
        }
        self.append(char::REPLACEMENT_CHARACTER.to_string())
    }

    fn append(&mut self, mut fresh: String) -> Option<String> {
        if self.text.len() + fresh.len() > self.limit {
            fresh.truncate(fresh.floor_char_boundary(self.limit - self.text.len()));
            fresh.push_str(TRUNCATED);
            self.cut = true;
        }
        self.text.push_str(&fresh);
        (!fresh.is_empty()).then_some(fresh)
    }

    /// Whether anything was cut.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.cut
    }

    /// All of the text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }
}

/// Whether `bytes` is the start of a character that further bytes could complete.
fn may_go_on(bytes: &[u8]) -> bool {
    let wanted = match bytes.first() {
        Some(0xC2..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xF4) => 4,
        _ => return false,
    };
    bytes.len() < wanted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn collect(limit: usize, pieces: &[&[u8]]) -> (String, bool) {
        let mut output = Output::new(limit);
        let mut shown = String::new();
        for piece in pieces {
            shown.extend(output.push(piece));
        }
        shown.extend(output.finish());
        let cut = output.is_cut();
        assert_eq!(shown, output.into_text());
        (shown, cut)
    }

    #[test]
    fn output_is_cut_on_a_character_boundary_and_never_split() {
        let cases: &[(usize, &[&[u8]], &str, bool)] = &[
            (10, &[b"abc", b"def"], "abcdef", false),
            (6, &[b"abc", b"def"], "abcdef", false),
            (5, &[b"abc", b"def"], "abcde\n[OUTPUT TRUNCATED]", true),
            (4, &["aé€".as_bytes()], "aé\n[OUTPUT TRUNCATED]", true),
            (9, &[b"\xe2", b"\x82", b"\xac!"], "€!", false),
            (9, &[b"\xff\xfea"], "\u{fffd}\u{fffd}a", false),
            (9, &[b"a\xe2\x82"], "a\u{fffd}", false),
            (9, &[b"\xe2\x82", b"a"], "\u{fffd}a", false),
        ];
        for (limit, pieces, text, cut) in cases {
            assert_eq!(collect(*limit, pieces), ((*text).to_owned(), *cut));
        }
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_text(
            bytes in proptest::collection::vec(any::<u8>(), 0..64),
            at in 0..64usize,
        ) {
            let at = at.min(bytes.len());
            let whole = collect(100_000, &[&bytes]);
            prop_assert_eq!(&whole.0, &String::from_utf8_lossy(&bytes));
            prop_assert_eq!(collect(100_000, &[&bytes[..at], &bytes[at..]]), whole);
        }
    }
}
