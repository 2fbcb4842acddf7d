//! What can be asked about the names of a session, and what a worker says of them. Pure.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::frames::{Order, Question};
use super::link::{Ended, to_json, unasked};
use super::patience::Patience;

/// Time that a query may take, methods of the code's own included.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time between the soft request to stop and the end of patience. Longer than a step's: nobody is to lose
/// variables because a machine was busy while they were looked at.
const GRACE: Duration = Duration::from_secs(4);
/// Most variables, and most matches.
const MAX_NAMES: usize = 1_000;
/// Characters of any text but a `repr` that was asked for at a length.
const MAX_TEXT: usize = 4_000;
/// Bytes of a value as JSON.
const MAX_VALUE: usize = 512 << 10;

/// A question about the names of a session.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Query {
    /// What the code made.
    Variables {},
    /// One name.
    Variable {
        /// The name.
        name: String,
        /// Characters of its `repr`.
        max_length: usize,
    },
    /// How the code may go on.
    Complete {
        /// The code.
        code: String,
        /// Characters of it before the cursor.
        cursor: usize,
    },
    /// What the name at the cursor is.
    Inspect {
        /// The code.
        code: String,
        /// Characters of it before the cursor.
        cursor: usize,
    },
}

/// The answer to a query.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Told {
    /// What the code made.
    Variables(Vec<Variable>),
    /// One name, if there is such a name.
    Variable(Option<Variable>),
    /// How the code may go on.
    Complete(Matches),
    /// What the name at the cursor is, if it is known.
    Inspect(Option<Inspected>),
    /// The query failed.
    Failed(String),
}

/// What a name stands for.
#[derive(Debug, Deserialize)]
pub struct Variable {
    /// The name, where it was not asked for.
    #[serde(default)]
    pub name: String,
    /// Name of its class.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its `repr`, cut.
    pub repr: String,
    /// What `len` says of it.
    pub size: Option<u64>,
    /// The value, where it was asked for and is short JSON.
    #[serde(default, deserialize_with = "also_null")]
    pub value: Option<Value>,
}

/// How the code may go on.
#[derive(Debug, Deserialize)]
pub struct Matches {
    /// What may stand between `start` and `end`.
    pub matches: Vec<String>,
    /// What each of them is.
    pub kinds: Vec<String>,
    /// Where they begin, in characters.
    pub start: usize,
    /// Where they end: the cursor.
    pub end: usize,
}

/// What is known of a name.
#[derive(Debug, Deserialize)]
pub struct Inspected {
    /// The value.
    #[serde(flatten)]
    pub variable: Variable,
    /// How it is called.
    pub signature: Option<String>,
    /// Its docstring.
    pub doc: Option<String>,
}

impl Query {
    /// The query as a worker is sent it, and its nonce.
    pub fn order(&self) -> (u64, Vec<u8>) {
        let nonce = getrandom::u64().unwrap_or_default();
        let order = Order::Query(Question { nonce, query: self });
        (nonce, to_json(&order))
    }

    /// How long it may take.
    pub fn patience() -> Patience {
        Patience::new(PATIENCE, GRACE)
    }

    /// Holds an answer to what was asked and to its bounds: a worker that the code broke may say anything.
    ///
    /// # Errors
    /// When it answers something else.
    pub fn check(&self, mut told: Told) -> Result<Told, Ended> {
        match (self, &mut told) {
            (Self::Variables {}, Told::Variables(variables)) => {
                variables.truncate(MAX_NAMES);
                variables.iter_mut().for_each(|it| it.cut(MAX_TEXT));
            }
            (Self::Variable { max_length, .. }, Told::Variable(variable)) => {
                variable.iter_mut().for_each(|it| it.cut(*max_length));
            }
            (Self::Complete { cursor, .. }, Told::Complete(matches)) => {
                matches.matches.truncate(MAX_NAMES);
                matches.matches.iter_mut().for_each(|it| cut(it, MAX_TEXT));
                matches.kinds.resize(matches.matches.len(), String::new());
                matches.kinds.iter_mut().for_each(|it| cut(it, MAX_TEXT));
                matches.end = *cursor;
                matches.start = matches.start.min(*cursor);
            }
            (Self::Inspect { .. }, Told::Inspect(inspected)) => {
                if let Some(inspected) = inspected {
                    inspected.variable.cut(MAX_TEXT);
                    let texts = [&mut inspected.signature, &mut inspected.doc];
                    texts.into_iter().flatten().for_each(|it| cut(it, MAX_TEXT));
                }
            }
            (_, Told::Failed(why)) => cut(why, MAX_TEXT),
            _ => return Err(unasked()),
        }
        Ok(told)
    }
}

impl Variable {
    fn cut(&mut self, max_length: usize) {
        cut(&mut self.name, MAX_TEXT);
        cut(&mut self.kind, MAX_TEXT);
        cut(&mut self.repr, max_length);
        self.value
            .take_if(|value| value.to_string().len() > MAX_VALUE);
    }
}

/// Cuts a text to so many characters.
pub fn cut(text: &mut String, characters: usize) {
    if let Some((at, _)) = text.char_indices().nth(characters) {
        text.truncate(at);
    }
}

/// A value that is there, and may be null.
fn also_null<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}
