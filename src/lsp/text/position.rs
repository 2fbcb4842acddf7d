//! Positions as LSP counts them, and changes of a text.
//!
//! Pure. Offsets are in characters, as ropes count them.

use ropey::{Rope, RopeSlice};
use tower_lsp_server::ls_types::{
    Position, PositionEncodingKind, Range, TextDocumentContentChangeEvent,
};

/// What the `character` of a position counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// Units of UTF-16, which every client knows.
    #[default]
    Utf16,
}

/// A part of a text that was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Where it began.
    pub start: usize,
    /// How long it was.
    pub removed: usize,
    /// How long it is now.
    pub inserted: usize,
}

/// A range that ends before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the range ends before it begins")]
pub struct Reversed;

impl Encoding {
    /// The encoding to use with a client that offers these.
    pub fn negotiate(offered: Option<&[PositionEncodingKind]>) -> Self {
        match offered.is_some_and(|offered| offered.contains(&PositionEncodingKind::UTF8)) {
            true => Self::Utf8,
            false => Self::Utf16,
        }
    }

    /// What LSP calls it.
    pub const fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    /// The offset of a position. One beyond the end of its line or of the text is taken to be there, and
    /// one within a character to be before it.
    pub fn offset(self, text: &Rope, position: Position) -> usize {
        let line = position.line as usize;
        if line >= text.len_lines() {
            return text.len_chars();
        }
        let content = without_end(text.line(line));
        let column = position.character as usize;
        let within = match self {
            Self::Utf8 => content.byte_to_char(column.min(content.len_bytes())),
            Self::Utf16 => content.utf16_cu_to_char(column.min(content.len_utf16_cu())),
        };
        text.line_to_char(line) + within
    }

    /// The length of a text.
    pub fn length(self, text: &str) -> usize {
        match self {
            Self::Utf8 => text.len(),
            Self::Utf16 => text.encode_utf16().count(),
        }
    }

    /// The position of the end of a line.
    pub fn end_of_line(self, text: &Rope, line: usize) -> Position {
        let content = without_end(text.line(line.min(text.len_lines() - 1)));
        let character = match self {
            Self::Utf8 => content.len_bytes(),
            Self::Utf16 => content.len_utf16_cu(),
        };
        position(line, character)
    }

    /// A whole line, but for what indents it.
    pub fn line(self, text: &Rope, line: usize) -> Range {
        let content = text.line(line.min(text.len_lines() - 1));
        let indent = content.chars().take_while(|c| matches!(c, ' ' | '\t'));
        let end = self.end_of_line(text, line);
        let start = position(line, indent.count());
        Range::new(start.min(end), end)
    }

    /// Changes the text; says what was changed, as narrowly as it can be said.
    ///
    /// # Errors
    /// When the range is reversed; the text is as it was.
    pub fn change(
        self,
        text: &mut Rope,
        change: &TextDocumentContentChangeEvent,
    ) -> Result<Edit, Reversed> {
        let (start, end) = match change.range {
            None => (0, text.len_chars()),
            Some(range) if range.start > range.end => return Err(Reversed),
            Some(range) => (self.offset(text, range.start), self.offset(text, range.end)),
        };
        let (before, after) = in_common(text.slice(start..end), &change.text);
        let replaced = start + before..end - after;
        let new = &change.text;
        let skip = |count: usize| {
            new.char_indices()
                .nth(count)
                .map_or(new.len(), |(at, _)| at)
        };
        let length = new.chars().count();
        let inserted = &new[skip(before)..skip(length - after)];
        text.remove(replaced.clone());
        text.insert(replaced.start, inserted);
        Ok(Edit {
            start: replaced.start,
            removed: replaced.len(),
            inserted: length - before - after,
        })
    }
}

/// Characters that two texts have in common at their start, and then at their end. Clients that format a
/// document or know no ranges replace much by nearly the same.
fn in_common(old: RopeSlice<'_>, new: &str) -> (usize, usize) {
    let length = old.len_chars().min(new.chars().count());
    let same = |(old, new): &(char, char)| old == new;
    let before = old.chars().zip(new.chars()).take_while(same).count();
    let ends = old.chars_at(old.len_chars()).reversed();
    let after = ends.zip(new.chars().rev()).take(length - before);
    (before, after.take_while(same).count())
}

/// A line without the characters that end it.
fn without_end(line: RopeSlice<'_>) -> RopeSlice<'_> {
    let end = line.chars_at(line.len_chars()).reversed();
    let ending = end.take(2).take_while(|c| matches!(c, '\n' | '\r')).count();
    line.slice(..line.len_chars() - ending)
}

/// A position; documents of four billion lines are not edited.
pub fn position(line: usize, character: usize) -> Position {
    let number = |number| u32::try_from(number).unwrap_or(u32::MAX);
    Position::new(number(line), number(character))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "ab\né€😀x\r\n\r\nend";

    #[test]
    fn positions_are_counted_in_the_units_of_the_encoding() {
        let text = Rope::from_str(TEXT);
        #[rustfmt::skip]
        let cases = [
            // line, UTF-8 column, UTF-16 column, offset
            (0, 0, 0, 0), (0, 2, 2, 2), (1, 0, 0, 3), (1, 2, 1, 4), (1, 5, 2, 5), (1, 9, 4, 6),
            (1, 10, 5, 7), (2, 0, 0, 9), (3, 0, 0, 11), (3, 3, 3, 14),
        ];
        for (line, utf8, utf16, offset) in cases {
            let at = |column| Position::new(line, column);
            assert_eq!(
                Encoding::Utf8.offset(&text, at(utf8)),
                offset,
                "{line}:{utf8}"
            );
            assert_eq!(
                Encoding::Utf16.offset(&text, at(utf16)),
                offset,
                "{line}:{utf16}"
            );
        }
    }

    #[test]
    fn positions_that_are_nowhere_are_moved_to_where_there_is_text() {
        let text = Rope::from_str(TEXT);
        #[rustfmt::skip]
        let cases = [
            (Encoding::Utf16, 0, 99, 2), (Encoding::Utf16, 1, 99, 7), (Encoding::Utf16, 2, 1, 9),
            (Encoding::Utf16, 4, 0, 14), (Encoding::Utf16, u32::MAX, u32::MAX, 14),
            (Encoding::Utf16, 1, 3, 5), // between the surrogates of the emoji
            (Encoding::Utf8, 1, 1, 3), (Encoding::Utf8, 1, 7, 5), (Encoding::Utf8, 1, 11, 7),
        ];
        for (encoding, line, column, offset) in cases {
            let position = Position::new(line, column);
            assert_eq!(
                encoding.offset(&text, position),
                offset,
                "{encoding:?} {line}:{column}"
            );
        }
    }

    #[test]
    fn lines_end_where_lsp_says() {
        let text = Rope::from_str("a\rb\r\nc\u{2028}d\u{c}e\nf");
        assert_eq!(text.len_lines(), 4);
        for (line, end) in [(0, 1), (1, 1), (2, 5), (3, 1)] {
            let position = Encoding::Utf16.end_of_line(&text, line);
            assert_eq!((position.line as usize, position.character), (line, end));
        }
    }

    #[test]
    fn the_encoding_is_utf_8_for_those_who_offer_it() {
        let (utf8, utf16) = (PositionEncodingKind::UTF8, PositionEncodingKind::UTF16);
        let utf32 = PositionEncodingKind::UTF32;
        assert_eq!(Encoding::negotiate(None), Encoding::Utf16);
        assert_eq!(
            Encoding::negotiate(Some(&[utf32, utf16.clone()])),
            Encoding::Utf16
        );
        assert_eq!(Encoding::negotiate(Some(&[utf16, utf8])), Encoding::Utf8);
    }

    #[track_caller]
    fn check(before: &str, range: Option<[u32; 4]>, new: &str, after: &str, edit: [usize; 3]) {
        let mut text = Rope::from_str(before);
        let [start, removed, inserted] = edit;
        let change = TextDocumentContentChangeEvent {
            range: range.map(|[a, b, c, d]| Range::new(Position::new(a, b), Position::new(c, d))),
            range_length: None,
            text: new.to_owned(),
        };
        let done = Encoding::Utf16.change(&mut text, &change);
        assert_eq!(text.to_string(), after);
        assert_eq!(
            done,
            Ok(Edit {
                start,
                removed,
                inserted
            })
        );
    }

    #[test]
    fn a_change_is_told_as_narrowly_as_it_can_be() {
        check("abc", Some([0, 1, 0, 2]), "X", "aXc", [1, 1, 1]);
        check("abc", Some([0, 1, 0, 1]), "", "abc", [1, 0, 0]);
        check("a\nb\nc", None, "a\nB\nc", "a\nB\nc", [2, 1, 1]);
        check(
            "a\nb\nc",
            Some([0, 0, 9, 0]),
            "a\nb\nx\nc",
            "a\nb\nx\nc",
            [4, 0, 2],
        );
        check("aa", None, "aaa", "aaa", [2, 0, 1]);
        check("aaa", None, "aa", "aa", [2, 1, 0]);
        check("", None, "é😀", "é😀", [0, 0, 2]);
        check("é😀", None, "", "", [0, 2, 0]);
    }

    #[test]
    fn a_reversed_range_changes_nothing() {
        let mut text = Rope::from_str("abc");
        let range = Some(Range::new(Position::new(0, 2), Position::new(0, 1)));
        let change = TextDocumentContentChangeEvent {
            range,
            range_length: None,
            text: "X".into(),
        };
        assert_eq!(Encoding::Utf16.change(&mut text, &change), Err(Reversed));
        assert_eq!(text, "abc");
    }

    /// The offset, found by walking through the text.
    fn walked(text: &str, encoding: Encoding, position: Position) -> usize {
        let (mut line, mut column) = (0, 0);
        let characters: Vec<char> = text.chars().collect();
        for (at, character) in characters.iter().enumerate() {
            let ends = matches!(character, '\n' | '\r');
            let width = match encoding {
                Encoding::Utf8 => character.len_utf8(),
                Encoding::Utf16 => character.len_utf16(),
            };
            if line == position.line && (ends || column + width > position.character as usize) {
                return at;
            }
            column += width;
            let pair = *character == '\r' && characters.get(at + 1) == Some(&'\n');
            if ends && !pair {
                (line, column) = (line + 1, 0);
            }
        }
        characters.len()
    }

    proptest! {
        #[test]
        fn offsets_are_those_found_by_walking(
            text in "[ab\u{e9}\u{20ac}\u{1f600}\r\n]{0,30}", line in 0_u32..6, column in 0_u32..12
        ) {
            let rope = Rope::from_str(&text);
            for encoding in [Encoding::Utf8, Encoding::Utf16] {
                let position = Position::new(line, column);
                prop_assert_eq!(encoding.offset(&rope, position), walked(&text, encoding, position));
            }
        }

        #[test]
        fn changes_do_what_replacing_does(
            text in "[ab\u{e9}\u{1f600}\n]{0,20}", new in "[ab\u{e9}\u{1f600}\n]{0,8}",
            line in 0_u32..4, column in 0_u32..8, lines in 0_u32..3, columns in 0_u32..8
        ) {
            let start = Position::new(line, column);
            let end = Position::new(line + lines, if lines == 0 { column + columns } else { columns });
            let mut rope = Rope::from_str(&text);
            let from = Encoding::Utf16.offset(&rope, start);
            let to = Encoding::Utf16.offset(&rope, end);
            let range = Some(Range::new(start, end));
            let change = TextDocumentContentChangeEvent { range, range_length: None, text: new.clone() };
            let edit = Encoding::Utf16.change(&mut rope, &change).unwrap();
            let old: Vec<char> = text.chars().collect();
            let mut wanted: Vec<char> = old.clone();
            wanted.splice(from..to, new.chars());
            prop_assert_eq!(rope.to_string(), wanted.iter().collect::<String>());
            prop_assert!(edit.start >= from && edit.start + edit.removed <= to.max(from));
            prop_assert_eq!(old.len() - edit.removed + edit.inserted, wanted.len());
        }
    }
}
