//! What a tool takes, and whether the arguments of a call are that.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value};

use super::schema::{Allowance, Budget, Failure, Schema};
use super::signature;
use crate::engine::{Call, Raise};
use crate::protocol::Tool;

/// Bytes of a signature that an error quotes.
const MAX_SIGNATURE: usize = 1_000;
/// Bytes of a name that an error quotes.
const MAX_NAME: usize = 100;

/// What a tool takes.
#[derive(Debug)]
pub struct Takes {
    schema: Schema,
    /// Parameters in the order in which they may be given without a name.
    order: Vec<String>,
    /// The places of their names in it.
    places: HashMap<String, usize>,
    /// Whether a parameter that is not among them is wrong, whatever the schema says.
    closed: bool,
    /// How it is called, for errors.
    signature: String,
    /// Bytes of its schema.
    pub bytes: usize,
}

/// Why arguments were not found to be what a tool takes.
#[derive(Debug)]
pub enum Unfit {
    /// They are not, or it would take too long to find out.
    Wrong(Raise),
    /// The budget was too small to find out.
    Unknown,
    /// Nobody wants to know any more.
    Stopped,
}

impl Takes {
    /// What the parameters of a tool say.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(tool: &Tool, allowance: &mut Allowance) -> Result<Self, String> {
        let (schema, bytes) = Schema::new(&tool.parameters, allowance)?;
        let properties = tool.parameters.get("properties").and_then(Value::as_object);
        let is_open = |keyword| {
            tool.parameters
                .get(keyword)
                .is_some_and(|more| *more != false)
        };
        let mut signature = signature::of(tool);
        shorten(&mut signature, MAX_SIGNATURE);
        let names = properties
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone());
        let order: Vec<String> = names.collect();
        Ok(Self {
            schema,
            places: order.iter().cloned().zip(0..).collect(),
            order,
            closed: !is_open("additionalProperties") && !is_open("patternProperties"),
            signature,
            bytes,
        })
    }

    /// Whether the arguments of a call are what the tool takes, found out within so many units of work and until
    /// `stop` is set. `last` says that there will be no further look at them.
    ///
    /// # Errors
    /// Why they were not found to be.
    pub fn check(
        &self,
        call: &mut Call,
        units: u64,
        stop: Option<&AtomicBool>,
        last: bool,
    ) -> Result<(), Unfit> {
        if call.args.len() > self.order.len() {
            let (most, given) = (self.order.len(), call.args.len());
            return Err(self.wrong(
                call,
                &format!("takes {most} arguments, and {given} were given"),
            ));
        }
        let given = call.args.len();
        for name in call.kwargs.keys() {
            let what = match self.places.get(name) {
                Some(place) if *place < given => "got two values for",
                None if self.closed => "has no parameter",
                _ => continue,
            };
            let mut name = name.clone();
            shorten(&mut name, MAX_NAME);
            return Err(self.wrong(call, &format!("{what} {name}")));
        }
        // What may be large is moved there and back, not copied.
        let args = std::mem::take(&mut call.args);
        let mut all: Map<String, Value> = self.order.iter().cloned().zip(args).collect();
        all.append(&mut call.kwargs);
        let all = Value::Object(all);
        let checked = self.schema.check(&all, Budget::new(units, stop));
        if let Value::Object(all) = all {
            let mut all = all.into_iter();
            call.args = all.by_ref().take(given).map(|(_, value)| value).collect();
            call.kwargs = all.collect();
        }
        checked.map_err(|failure| match failure {
            Failure::Mismatch { place, what } if place.is_empty() => self.wrong(call, &what),
            Failure::Mismatch { place, what } => self.wrong(call, &format!("{place}: {what}")),
            Failure::Exhausted if last => self.wrong(
                call,
                "its arguments take too long to check against its parameters; pass smaller ones",
            ),
            Failure::Exhausted => Unfit::Unknown,
            Failure::Stopped => Unfit::Stopped,
        })
    }

    fn wrong(&self, call: &Call, what: &str) -> Unfit {
        let message = format!("{}(): {what}; it is {}", call.name, self.signature);
        Unfit::Wrong(Raise {
            kind: "TypeError".to_owned(),
            message,
        })
    }
}

/// Cuts a text to so many bytes, and says so.
fn shorten(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push_str("...");
    }
}
