//! Patterns of texts: those of ECMA 262 that can be matched in time linear in the text.

use std::error::Error;

use regex_automata::meta;
use regex_automata::nfa::thompson::NFA;

use super::budget::{Budget, Failure};
use super::shown::cut;

/// Bytes that a compiled pattern may take.
const MAX_COMPILED: usize = 256 << 10;
/// States of a pattern that one unit of work steps through, for one byte of the text.
const STATES: usize = 16;
/// Bytes of a pattern that a message quotes.
const MAX_SHOWN: usize = 120;

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern {
    source: String,
    regex: meta::Regex,
    /// Units of work for one byte of a text.
    cost: u64,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn new(source: &str) -> Result<Self, String> {
        let quoted = cut(source, MAX_SHOWN);
        let translated = translated(source);
        let limits = NFA::config().nfa_size_limit(Some(MAX_COMPILED));
        let nfa = NFA::compiler().configure(limits).build(&translated);
        let too_large = || {
            format!(
                "the pattern '{quoted}' is too large: compiled it may take {MAX_COMPILED} bytes"
            )
        };
        let problem = |error: &dyn Error| match error.source() {
            Some(syntax) => {
                let said = syntax.to_string();
                let reason = said.lines().last().unwrap_or_default();
                format!(
                    "the pattern '{quoted}' cannot be used ({}); patterns are matched in linear time, \
                     without look-around and back-references",
                    reason.trim_start_matches("error: ")
                )
            }
            None => too_large(),
        };
        let states = nfa.map_err(|error| problem(&error))?.states().len();
        let config = meta::Regex::config()
            .nfa_size_limit(Some(MAX_COMPILED))
            .onepass(false)
            .hybrid_cache_capacity(256 << 10);
        let regex = meta::Regex::builder()
            .configure(config)
            .build(&translated)
            .map_err(|_| too_large())?;
        let cost = 1 + (states / STATES) as u64;
        Ok(Self {
            source: source.to_owned(),
            regex,
            cost,
        })
    }

    /// Units of work that compiling it took, in proportion to its size.
    pub const fn weight(&self) -> u64 {
        self.cost
    }

    /// The pattern as it was written, shortened.
    pub fn shown(&self) -> String {
        cut(&self.source, MAX_SHOWN)
    }

    /// Whether there is a match in the text.
    pub fn matches(&self, text: &str, budget: &mut Budget<'_>) -> Result<bool, Failure> {
        budget.spend(self.cost.saturating_mul(text.len() as u64))?;
        Ok(self.regex.is_match(text))
    }
}

/// The pattern as the engine writes it: the classes of ECMA 262 are ASCII, and brackets and signs within its
/// sets of characters stand for themselves.
fn translated(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    let mut in_set = false;
    while let Some(first) = rest.chars().next() {
        let sets = [("[^]", "[\\s\\S]"), ("[]", "[^\\s\\S]")]; // of everything, and of nothing
        let set = sets
            .iter()
            .find(|(set, _)| !in_set && rest.starts_with(set));
        if let Some((set, same)) = set {
            out.push_str(same);
            rest = &rest[set.len()..];
            continue;
        }
        rest = &rest[first.len_utf8()..];
        match first {
            '\\' => {
                let escaped = rest.chars().next();
                rest = &rest[escaped.map_or(0, char::len_utf8)..];
                escape(escaped, in_set, &mut out);
            }
            '[' | '&' | '~' if in_set => out.extend(['\\', first]),
            '[' => {
                in_set = true;
                out.push('[');
                if let Some(after) = rest.strip_prefix('^') {
                    out.push('^');
                    rest = after;
                }
            }
            _ => {
                in_set &= first != ']';
                out.push(first);
            }
        }
    }
    out
}

/// Writes what comes after a backslash.
fn escape(escaped: Option<char>, in_set: bool, out: &mut String) {
    match (escaped, in_set) {
        (Some('d'), false) => out.push_str("[0-9]"),
        (Some('d'), true) => out.push_str("0-9"),
        (Some('D'), _) => out.push_str("[^0-9]"),
        (Some('w'), false) => out.push_str("[A-Za-z0-9_]"),
        (Some('w'), true) => out.push_str("A-Za-z0-9_"),
        (Some('W'), _) => out.push_str("[^A-Za-z0-9_]"),
        (Some('b'), false) => out.push_str("(?-u:\\b)"),
        (Some('b'), true) => out.push_str("\\x08"),
        (Some('0'), _) => out.push_str("\\x00"),
        (Some('<' | '>' | '_' | '\'' | '"' | '/'), _) => out.extend(escaped),
        (Some(other), _) => out.extend(['\\', other]),
        (None, _) => out.push('\\'), // which the engine refuses
    }
}
