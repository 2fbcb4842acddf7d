//! The scratchpad of a session: values, observations and failed approaches, in bounds.
//!
//! Code and clients write to the same one. What clients change reaches Python with the next step.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::mem;
use std::sync::Arc;

use serde_json::Value;

use crate::engine::{MemoryChange, MemoryChanges, Stored};

/// Most names that are held. Code that stores more than this loses the new ones.
pub const MAX_NAMES: usize = 1_000;
/// Most bytes of memory that the values take which are held, about. Code that stores more loses the new ones.
pub const MAX_WEIGHT: usize = 32 << 20;
/// Most observations, and most failed approaches, that are held; the oldest go first.
const MAX_NOTES: usize = 200;
/// Most characters of a note.
const MAX_NOTE: usize = 2_000;
/// Bytes that a name takes beside its value and its text.
const ENTRY: usize = 96;
/// Characters of a value that the model is shown.
const SHOWN_VALUE: usize = 200;
/// Values and notes of a kind that the model is shown.
const SHOWN: usize = 20;

/// What a session knows beside its conversation.
///
/// A clone shares the values and notes that both have.
#[derive(Clone, Debug, Default)]
pub struct Scratchpad {
    variables: BTreeMap<String, Arc<Stored>>,
    /// Bytes of memory that they take.
    weight: usize,
    observations: Vec<Arc<str>>,
    failed: Vec<Arc<str>>,
    /// What Python has not been told yet.
    changes: MemoryChanges,
    /// Observations and failed approaches that clients noted since it was told the latest.
    notes: (Vec<String>, Vec<String>),
    /// Whether the model has not been shown the latest.
    unshown: bool,
}

impl Scratchpad {
    /// Takes a change that the code made; Python knows of it already.
    pub fn apply(&mut self, change: MemoryChange) {
        match change {
            MemoryChange::Store { name, value } => {
                self.changes.set.remove(&name);
                self.hold(name, value);
            }
            MemoryChange::Observe(text) => note(&mut self.observations, &text),
            MemoryChange::Fail(text) => note(&mut self.failed, &text),
        }
        self.unshown = true;
    }

    /// Stores a value for a client. Says whether there was room.
    pub fn store(&mut self, name: String, value: Value) -> bool {
        let stored = self.hold(name.clone(), Stored::Json(value.clone()));
        if stored {
            self.changes.set.insert(name, value);
        }
        stored
    }

    fn hold(&mut self, name: String, value: Stored) -> bool {
        let before = self.variables.get(&name);
        let names = self.variables.len() + usize::from(before.is_none());
        let less = before.map_or(0, |before| weight_of(&name, before));
        let weight = self.weight - less + weight_of(&name, &value);
        let room = names <= MAX_NAMES && (weight <= MAX_WEIGHT || weight <= self.weight);
        if room {
            self.weight = weight;
            self.variables.insert(name, Arc::new(value));
            self.unshown = true;
        }
        room
    }

    /// The value stored under `name`.
    #[must_use]
    pub fn recall(&self, name: &str) -> Option<&Stored> {
        self.variables.get(name).map(Arc::as_ref)
    }

    /// Notes an observation for a client.
    pub fn observe(&mut self, text: &str) {
        note(&mut self.observations, text);
        remember(&mut self.notes.0, text);
        self.unshown = true;
    }

    /// Notes an approach that did not work for a client.
    pub fn fail(&mut self, text: &str) {
        note(&mut self.failed, text);
        remember(&mut self.notes.1, text);
        self.unshown = true;
    }

    /// Notes a failed step, of which the model has just been told.
    pub fn note_failure(&mut self, text: &str) {
        note(&mut self.failed, text);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
        self.changes.clear = true;
    }

    /// All values by name.
    pub fn variables(&self) -> impl ExactSizeIterator<Item = (&str, &Stored)> {
        let variables = self.variables.iter();
        variables.map(|(name, value)| (name.as_str(), &**value))
    }

    /// The observations, oldest first.
    #[must_use]
    pub fn observations(&self) -> &[Arc<str>] {
        &self.observations
    }

    /// The failed approaches, oldest first.
    #[must_use]
    pub fn failed(&self) -> &[Arc<str>] {
        &self.failed
    }

    /// What Python has to be told with the next step.
    pub fn take_changes(&mut self) -> MemoryChanges {
        self.notes = Default::default();
        mem::take(&mut self.changes)
    }

    /// Begins anew with a fresh Python: it has to be told everything, and what only the old one held
    /// is gone.
    pub fn python_was_lost(&mut self) {
        self.variables
            .retain(|_, value| matches!(**value, Stored::Json(_)));
        let left = self.variables.iter();
        self.weight = left.map(|(name, value)| weight_of(name, value)).sum();
        let json = self
            .variables
            .iter()
            .filter_map(|(name, value)| match &**value {
                Stored::Json(value) => Some((name.clone(), value.clone())),
                Stored::Repr(_) => None,
            });
        self.changes.set = json.collect();
    }

    /// Goes back to what it was `before`, with the Python that holds its values. What clients have changed
    /// since then stays changed.
    pub fn go_back(&mut self, before: Self) {
        let after = mem::replace(self, before);
        if after.changes.clear {
            self.clear();
        }
        for (name, value) in after.changes.set {
            self.store(name, value);
        }
        let (observations, failed) = after.notes;
        observations.iter().for_each(|text| self.observe(text));
        failed.iter().for_each(|text| self.fail(text));
    }

    /// Bytes of the values that it does not share with another.
    #[must_use]
    pub fn weight_beside(&self, other: &Self) -> usize {
        let shared = |name: &str, value| {
            let theirs = other.variables.get(name);
            theirs.is_some_and(|theirs| Arc::ptr_eq(theirs, value))
        };
        let own = self
            .variables
            .iter()
            .filter(|(name, value)| !shared(name, value));
        own.map(|(name, value)| weight_of(name, value)).sum()
    }

    /// What the model is to be shown, if it has not seen the latest.
    pub fn take_unshown(&mut self) -> Option<String> {
        mem::take(&mut self.unshown)
            .then(|| self.context())
            .filter(|text| !text.is_empty())
    }

    /// The scratchpad as the model is shown it; empty where there is nothing to show.
    #[must_use]
    pub fn context(&self) -> String {
        let mut text = String::new();
        let hidden = self.variables.len().saturating_sub(SHOWN);
        let values = self.variables.iter().take(SHOWN).map(|(name, value)| {
            let value = match &**value {
                Stored::Json(value) => value.to_string(),
                Stored::Repr(repr) => repr.clone(),
            };
            format!("{name} = {}", shorten(&value, SHOWN_VALUE))
        });
        section(
            &mut text,
            "Stored values (read one with recall(name)):",
            values,
        );
        if hidden > 0 {
            let _ = writeln!(text, "- and {hidden} more");
        }
        section(&mut text, "Observations:", latest(&self.observations));
        section(&mut text, "Approaches that failed:", latest(&self.failed));
        text.truncate(text.trim_end().len());
        text
    }
}

fn note(notes: &mut Vec<Arc<str>>, text: &str) {
    if notes.len() >= MAX_NOTES {
        notes.remove(0);
    }
    notes.push(shorten(text, MAX_NOTE).into());
}

fn remember(notes: &mut Vec<String>, text: &str) {
    if notes.len() < MAX_NOTES {
        notes.push(text.to_owned());
    }
}

fn latest(notes: &[Arc<str>]) -> impl Iterator<Item = String> {
    let skipped = notes.len().saturating_sub(SHOWN);
    notes
        .iter()
        .skip(skipped)
        .map(|note| shorten(note, SHOWN_VALUE))
}

fn section(text: &mut String, title: &str, items: impl Iterator<Item = String>) {
    let mut items = items.peekable();
    if items.peek().is_some() {
        let _ = writeln!(text, "{title}");
        for item in items {
            let _ = writeln!(text, "- {item}");
        }
    }
}

/// Bytes of memory that a stored value takes, about.
fn weight_of(name: &str, value: &Stored) -> usize {
    let value = match value {
        Stored::Json(value) => weight(value),
        Stored::Repr(repr) => repr.len(),
    };
    ENTRY + name.len() + value
}

fn weight(value: &Value) -> usize {
    let within = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| ENTRY + name.len() + weight(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>() + within
}

/// At most `limit` characters of `text`.
fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_context_shows_values_and_notes_shortened() {
        let mut pad = Scratchpad::default();
        assert_eq!(pad.context(), "");
        pad.store("rows".to_owned(), json!([1, 2]));
        pad.apply(MemoryChange::Store {
            name: "frame".to_owned(),
            value: Stored::Repr("x".repeat(300)),
        });
        pad.observe("the file has a header");
        pad.fail("json.load");
        let expected = format!(
            "Stored values (read one with recall(name)):\n- frame = {}...\n- rows = [1,2]\n\
             Observations:\n- the file has a header\nApproaches that failed:\n- json.load",
            "x".repeat(200)
        );
        assert_eq!(pad.context(), expected);
        assert_eq!(pad.take_unshown(), Some(expected));
        assert_eq!(pad.take_unshown(), None);
    }

    #[test]
    fn python_is_told_what_clients_changed_and_all_after_a_loss() {
        let mut pad = Scratchpad::default();
        pad.store("a".to_owned(), json!(1));
        pad.apply(MemoryChange::Store {
            name: "a".to_owned(),
            value: Stored::Json(json!(2)),
        });
        assert_eq!(pad.take_changes(), MemoryChanges::default());
        pad.apply(MemoryChange::Store {
            name: "b".to_owned(),
            value: Stored::Repr("<b>".to_owned()),
        });
        pad.python_was_lost();
        assert_eq!(pad.take_changes().set, [("a".to_owned(), json!(2))].into());
        assert_eq!(pad.recall("b"), None);
        pad.clear();
        assert!(pad.take_changes().clear);
    }

    #[test]
    fn going_back_keeps_what_clients_changed_meanwhile() {
        let mut pad = Scratchpad::default();
        pad.store("a".to_owned(), json!(1));
        pad.observe("before");
        let before = pad.clone();
        pad.take_changes();
        pad.apply(MemoryChange::Store {
            name: "a".to_owned(),
            value: Stored::Json(json!(2)),
        });
        pad.apply(MemoryChange::Observe("within".to_owned()));
        pad.observe("meanwhile");
        pad.store("b".to_owned(), json!(3));
        pad.go_back(before);
        let held: Vec<_> = pad
            .variables()
            .map(|(name, value)| (name, value.clone()))
            .collect();
        assert_eq!(
            held,
            [("a", Stored::Json(json!(1))), ("b", Stored::Json(json!(3)))]
        );
        assert_eq!(pad.observations(), ["before".into(), "meanwhile".into()]);
        let told = pad.take_changes().set;
        assert_eq!(
            told,
            [("a".to_owned(), json!(1)), ("b".to_owned(), json!(3))].into()
        );
    }

    #[test]
    fn the_scratchpad_is_bounded() {
        let mut pad = Scratchpad::default();
        for number in 0..2_000 {
            pad.apply(MemoryChange::Store {
                name: number.to_string(),
                value: Stored::Json(json!(1)),
            });
            pad.observe(&"y".repeat(5_000));
        }
        assert_eq!(pad.variables().len(), MAX_NAMES);
        assert_eq!(pad.observations().len(), MAX_NOTES);
        assert!(pad.observations()[0].len() < 2_010);
        assert!(!pad.store("one more".to_owned(), json!(1)));
    }

    #[test]
    fn the_values_are_bounded_together_and_what_is_replaced_makes_room() {
        let mut pad = Scratchpad::default();
        let large = || json!("x".repeat(10 << 20));
        for name in ["a", "b", "c"] {
            assert!(pad.store(name.to_owned(), large()), "{name}");
        }
        assert!(!pad.store("d".to_owned(), large()));
        assert!(pad.store("a".to_owned(), large()));
        assert!(!pad.store("a".to_owned(), json!("x".repeat(13 << 20))));
        assert!(pad.store("a".to_owned(), json!(1)));
        assert!(pad.store("d".to_owned(), large()));
        // Many small values take more memory than their text.
        assert!(!pad.store("e".to_owned(), json!(vec![0; 1 << 18])));
        pad.clear();
        assert!(pad.store("e".to_owned(), json!(vec![0; 1 << 18])));
    }
}
