//! Passes the text of a reply on, each piece exactly once, however many attempts it takes.
//!
//! Pure: knows nothing of connections. A second attempt begins the reply anew; as long as it repeats
//! what was already passed on, the listener notices nothing.

use super::super::OnDelta;

/// Why a piece of text was not taken. Neither is cured by another attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutletError {
    /// This attempt says something else than was already passed on.
    Diverged,
    /// The reply is larger than the bound.
    TooLarge,
}

/// Where the text of a reply goes.
pub(super) struct Outlet<'a> {
    on_delta: &'a mut OnDelta<'a>,
    /// All that was passed on.
    text: String,
    /// How much of `text` this attempt has repeated or added, in bytes.
    position: usize,
    max_bytes: usize,
}

impl<'a> Outlet<'a> {
    /// An outlet for a reply of at most `max_bytes`.
    pub(super) fn new(on_delta: &'a mut OnDelta<'a>, max_bytes: usize) -> Self {
        Self {
            on_delta,
            text: String::new(),
            position: 0,
            max_bytes,
        }
    }

    /// Another attempt begins: its text is expected to repeat what was passed on.
    pub(super) fn rewind(&mut self) {
        self.position = 0;
    }

    /// Takes the next piece of the attempt's text and passes on what is new of it.
    pub(super) fn push(&mut self, piece: &str) -> Result<(), OutletError> {
        let known = self.text.get(self.position..).unwrap_or_default();
        if known.starts_with(piece) {
            self.position += piece.len();
            return Ok(());
        }
        let Some(new) = piece.strip_prefix(known) else {
            return Err(OutletError::Diverged);
        };
        if self.text.len() + new.len() > self.max_bytes {
            return Err(OutletError::TooLarge);
        }
        self.text.push_str(new);
        self.position = self.text.len();
        (self.on_delta)(new);
        Ok(())
    }

    /// The attempt's text is whole: an error if it is shorter than what was passed on.
    pub(super) fn check_end(&self) -> Result<(), OutletError> {
        if self.position == self.text.len() {
            Ok(())
        } else {
            Err(OutletError::Diverged)
        }
    }

    /// The reply's text.
    pub(super) fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What attempts given as pieces pass on, and the first error.
    fn pass_on(attempts: &[&[&str]], max_bytes: usize) -> (Vec<String>, Result<(), OutletError>) {
        let mut seen = Vec::new();
        let mut on_delta = |piece: &str| seen.push(piece.to_owned());
        let mut outlet = Outlet::new(&mut on_delta, max_bytes);
        let mut result = Ok(());
        for attempt in attempts {
            outlet.rewind();
            result = attempt.iter().try_for_each(|piece| outlet.push(piece));
        }
        let result = result.and_then(|()| outlet.check_end());
        (seen, result)
    }

    #[test]
    fn a_repeated_beginning_is_passed_on_once() {
        let table: &[(&[&[&str]], &[&str])] = &[
            (&[&["a", "b"]], &["a", "b"]),
            (&[&["a", "b"], &["a", "b", "c"]], &["a", "b", "c"]),
            (&[&["ab"], &["a", "bc"]], &["ab", "c"]),
            (&[&["ä"], &["äb", "c"], &["äbcd"]], &["ä", "b", "c", "d"]),
            (&[&[], &["a"]], &["a"]),
            (&[&["a"], &["", "a", ""]], &["a"]),
        ];
        for (attempts, seen) in table {
            assert_eq!(
                pass_on(attempts, 100),
                (seen.iter().map(|&s| s.into()).collect(), Ok(()))
            );
        }
    }

    #[test]
    fn another_text_is_refused() {
        let table: &[&[&[&str]]] = &[
            &[&["ab"], &["ac"]],
            &[&["ab"], &["abc"], &["abd"]],
            &[&["ab"], &["a"]],
            &[&["€"], &["é"]],
        ];
        for attempts in table {
            let (_, result) = pass_on(attempts, 100);
            assert_eq!(result, Err(OutletError::Diverged), "{attempts:?}");
        }
    }

    #[test]
    fn replies_are_bounded() {
        assert_eq!(pass_on(&[&["ab", "cd"]], 4).1, Ok(()));
        assert_eq!(pass_on(&[&["ab", "cde"]], 4).1, Err(OutletError::TooLarge));
    }
}
