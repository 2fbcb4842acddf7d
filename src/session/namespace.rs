//! What clients ask about the names of a session's Python.

use std::fmt::Write as _;

use tokio_util::sync::CancellationToken;

use super::actor::Command;
use super::{Session, SessionError};
use crate::engine::{self, Inspected, Query, Told};
use crate::protocol::{Completions, Inspection, Variable, VariableList, VariableValue};

/// When a question is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// After what was asked before.
    InTurn,
    /// Now, and not at all where something runs or waits.
    AtOnce,
}

impl Session {
    /// Lists what the code made.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn variables(
        &self,
        cancel: &CancellationToken,
    ) -> Result<VariableList, SessionError> {
        match self.ask(Query::Variables {}, When::InTurn, cancel).await? {
            Told::Variables(variables) => Ok(VariableList {
                variables: variables.into_iter().map(variable).collect(),
            }),
            told => Err(unseen(told)),
        }
    }

    /// Shows one name, by a `repr` of so many characters.
    ///
    /// # Errors
    /// When there is no answer, or no such name.
    pub async fn variable(
        &self,
        name: String,
        max_length: usize,
        cancel: &CancellationToken,
    ) -> Result<VariableValue, SessionError> {
        let query = Query::Variable {
            name: name.clone(),
            max_length,
        };
        match self.ask(query, When::InTurn, cancel).await? {
            Told::Variable(Some(found)) => Ok(VariableValue {
                kind: found.kind,
                repr: found.repr,
                value: found.value,
            }),
            Told::Variable(None) => Err(SessionError::NoVariable(name)),
            told => Err(unseen(told)),
        }
    }

    /// Says how code may go on after so many characters of it.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn complete(
        &self,
        code: String,
        cursor: usize,
        when: When,
        cancel: &CancellationToken,
    ) -> Result<Completions, SessionError> {
        let query = Query::Complete { code, cursor };
        match self.ask(query, when, cancel).await? {
            Told::Complete(found) => Ok(Completions {
                matches: found.matches,
                kinds: found.kinds,
                cursor_start: found.start,
                cursor_end: found.end,
            }),
            told => Err(unseen(told)),
        }
    }

    /// Describes the name after so many characters of code.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn inspect(
        &self,
        code: String,
        cursor: usize,
        when: When,
        cancel: &CancellationToken,
    ) -> Result<Inspection, SessionError> {
        let query = Query::Inspect { code, cursor };
        match self.ask(query, when, cancel).await? {
            Told::Inspect(found) => Ok(Inspection {
                found: found.is_some(),
                text: found.map_or_else(String::new, |found| text(&found)),
            }),
            told => Err(unseen(told)),
        }
    }

    async fn ask(
        &self,
        query: Query,
        when: When,
        cancel: &CancellationToken,
    ) -> Result<Told, SessionError> {
        let pending = {
            let mut stops = self.stops();
            if when == When::AtOnce && !stops.iter().all(|stop| stop.looks) {
                return Err(SessionError::Occupied);
            }
            self.enqueue(&mut stops, true, |reply| Command::Ask { query, reply })?
        };
        pending.answer_or(cancel).await
    }
}

fn variable(variable: engine::Variable) -> Variable {
    Variable {
        name: variable.name,
        kind: variable.kind,
        repr: variable.repr,
        size: variable.size,
    }
}

/// What is known of a name, for people.
fn text(found: &Inspected) -> String {
    let mut text = String::new();
    let value = &found.variable;
    let size = value.size.map(|size| size.to_string());
    let lines = [
        ("Signature", found.signature.as_deref()),
        ("Type", Some(value.kind.as_str())),
        ("Value", Some(value.repr.as_str())),
        ("Length", size.as_deref()),
    ];
    for (what, said) in lines {
        if let Some(said) = said {
            let _ = writeln!(text, "{what}: {said}");
        }
    }
    if let Some(doc) = &found.doc {
        let _ = write!(text, "\n{doc}");
    }
    text.truncate(text.trim_end().len());
    text
}

fn unseen(told: Told) -> SessionError {
    SessionError::Unseen(match told {
        Told::Failed(why) => why,
        _ => "its Python answered something else".to_owned(),
    })
}
