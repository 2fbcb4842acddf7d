//! A string that never shows itself.
//!
//! Knows nothing of what the secret opens; whoever needs the bytes asks for them by name
//! ([`Secret::expose`]), so that every place that can leak one is found by a search.

use std::fmt;

/// What stands where a secret stood.
const MASK: &str = "***";

/// Texts shorter than this are not searched for: masking every "a" of a message hides nothing and
/// makes the message unreadable.
const MIN_MASKED_LEN: usize = 4;

/// An API key, a token or a password. `Debug` shows `***`, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, to be sent to where it belongs and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `text` with every occurrence of the secret replaced by `***`. Secrets of under four bytes
    /// are left: they are placeholders for servers that ask for no key.
    pub fn redact(&self, text: &str) -> String {
        if self.0.len() < MIN_MASKED_LEN {
            return text.to_owned();
        }
        text.replace(&self.0, MASK)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_it() {
        let secret = Secret::new("sk-12345");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "*** Some(***)");
    }

    #[test]
    fn redacts_every_occurrence_but_no_placeholder() {
        let secret = Secret::new("sk-12345");
        assert_eq!(secret.redact("a sk-12345, sk-12345!"), "a ***, ***!");
        assert_eq!(Secret::new("").redact("abc"), "abc");
        assert_eq!(Secret::new("a").redact("abc"), "abc");
    }
}
