//! Frames as they come from a worker, held to their bounds before anything is made of them. Pure.
//!
//! A worker holds its frames to these bounds itself, so that code finds out where it went too far; but code
//! can send frames of its own. So nothing of a frame becomes a value before its text has been weighed, and
//! all that it says is cut to its bound here, for all levels.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::frames::{Answer, Call, Change, Done, Fault, Frame, Kept, Raise, SignalKind, Stream};
use super::query::{Told, cut};
use super::weight::weigh;

/// Bytes of memory that the values may take which a frame says.
pub const MAX_WEIGHT: usize = 64 << 20;
/// Lists and objects within each other.
pub const MAX_DEPTH: usize = 100;
/// Bytes of a value of the scratchpad, as JSON.
const MAX_STORED: usize = 64 << 10;
/// Characters of a name, and of the name of a class.
const MAX_NAME: usize = 200;
/// Characters of a note, a signal, the name of a value and the `repr` of one.
const MAX_TEXT: usize = 2_000;
/// Characters of what an exception says.
const MAX_MESSAGE: usize = 10_000;
/// Characters of a traceback.
const MAX_TRACEBACK: usize = 20_100;
/// Bytes of a final answer, as JSON and as text.
const MAX_ANSWER: usize = 8 << 20;
/// Bytes of all that a step displays, as JSON.
const MAX_DISPLAY: usize = 16 << 20;
/// Rich outputs of a step, and forms of one.
const MAX_DISPLAYS: usize = 100;
/// Bytes of the list of names that a step bound to something else.
const MAX_REBOUND: usize = 256 << 10;

/// Everything that a frame may have, with the values still as text.
#[derive(Deserialize)]
struct Raw<'a> {
    event: Kind,
    call: Option<u64>,
    nonce: Option<u64>,
    kind: Option<SignalKind>,
    stream: Option<Stream>,
    message: Option<String>,
    op: Option<Op>,
    name: Option<String>,
    repr: Option<String>,
    text: Option<String>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    #[serde(borrow)]
    kwargs: Option<&'a RawValue>,
    #[serde(borrow)]
    display: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow, rename = "final")]
    answer: Option<&'a RawValue>,
    #[serde(borrow)]
    rebound: Option<&'a RawValue>,
    threads: Option<bool>,
    #[serde(borrow)]
    told: Option<&'a RawValue>,
    pid: Option<u32>,
    memory: Option<u64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Ready,
    Signal,
    Memory,
    Output,
    Begun,
    Call,
    Done,
    Kept,
    Told,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    Store,
    Observe,
    Fail,
}

#[derive(Deserialize)]
struct RawAnswer<'a> {
    #[serde(borrow)]
    value: &'a RawValue,
    text: String,
}

type Read<T> = Result<T, String>;

/// Reads a frame.
///
/// # Errors
/// When it is none that a worker sends.
pub fn read(frame: &[u8]) -> Read<Frame> {
    let raw: Raw<'_> = serde_json::from_slice(frame).map_err(|error| error.to_string())?;
    Ok(match raw.event {
        Kind::Ready => Frame::Ready,
        Kind::Signal => Frame::Signal {
            call: there(raw.call, "call")?,
            kind: there(raw.kind, "kind")?,
            message: short(there(raw.message, "message")?, MAX_TEXT),
        },
        Kind::Memory => Frame::Memory(change(raw)?),
        Kind::Output => Frame::Output {
            stream: there(raw.stream, "stream")?,
            text: there(raw.text, "text")?,
        },
        Kind::Begun => Frame::Begun {
            call: there(raw.call, "call")?,
        },
        Kind::Call => call(raw)?,
        Kind::Done => Frame::Done(Box::new(done(&raw)?)),
        Kind::Kept => Frame::Kept(Kept {
            pid: raw.pid,
            memory: there(raw.memory, "memory")?,
        }),
        Kind::Told => Frame::Told {
            nonce: there(raw.nonce, "nonce")?,
            told: Box::new(told(there(raw.told, "told")?)?),
        },
    })
}

fn there<T>(field: Option<T>, name: &str) -> Read<T> {
    field.ok_or_else(|| format!("it left out the field '{name}'"))
}

/// A text of so many characters at most, which takes no more memory than that.
fn short(mut text: String, characters: usize) -> String {
    cut(&mut text, characters);
    text.shrink_to_fit();
    text
}

/// The values of a JSON text that has been weighed.
fn values<T: DeserializeOwned>(raw: &RawValue) -> Read<T> {
    serde_json::from_str(raw.get()).map_err(|error| error.to_string())
}

/// Whether values of this text may be made.
fn is_light(raw: &RawValue) -> bool {
    let weight = weigh(raw.get());
    weight.bytes <= MAX_WEIGHT && weight.depth <= MAX_DEPTH
}

fn change(raw: Raw<'_>) -> Read<Change> {
    let note = |text: Option<String>| Ok::<_, String>(short(there(text, "text")?, MAX_TEXT));
    Ok(match there(raw.op, "op")? {
        Op::Store => {
            let name = short(there(raw.name, "name")?, MAX_TEXT);
            let may_be = |value: &&RawValue| value.get().len() <= MAX_STORED && is_light(value);
            let value = raw.value.filter(may_be).map(values).transpose()?;
            let repr = raw.repr.or_else(|| {
                let text = raw.value.filter(|_| value.is_none())?.get();
                Some(text.chars().take(MAX_TEXT).collect())
            });
            let repr = repr.map(|repr| short(repr, MAX_TEXT));
            Change::Store { name, value, repr }
        }
        Op::Observe => Change::Observe {
            text: note(raw.text)?,
        },
        Op::Fail => Change::Fail {
            text: note(raw.text)?,
        },
    })
}

fn call(raw: Raw<'_>) -> Read<Frame> {
    let number = there(raw.call, "call")?;
    let name = short(there(raw.name, "name")?, MAX_NAME);
    let (args, kwargs) = (there(raw.args, "args")?, there(raw.kwargs, "kwargs")?);
    let weights = [weigh(args.get()), weigh(kwargs.get())];
    let weight = weights[0].bytes + weights[1].bytes;
    let too_much = match weights[0].depth.max(weights[1].depth) {
        _ if weight > MAX_WEIGHT => Some("hold too many values".to_owned()),
        depth if depth > MAX_DEPTH => Some(format!("nest deeper than {MAX_DEPTH} lists and dicts")),
        _ => None,
    };
    Ok(match too_much {
        Some(what) => Frame::Refused {
            call: number,
            error: Raise {
                kind: "TypeError".to_owned(),
                message: format!("{name}(): its arguments {what}"),
            },
        },
        None => Frame::Call(Call {
            number,
            name,
            args: values(args)?,
            kwargs: values(kwargs)?,
            weight,
        }),
    })
}

fn done(raw: &Raw<'_>) -> Read<Done> {
    let displays = |raw: &RawValue| -> Read<Vec<Map<String, Value>>> {
        if raw.get().len() > MAX_DISPLAY || !is_light(raw) {
            return Ok(Vec::new());
        }
        let mut displays: Vec<Map<String, Value>> = values(raw)?;
        displays.truncate(MAX_DISPLAYS);
        displays.retain(|forms| forms.len() <= MAX_DISPLAYS);
        Ok(displays)
    };
    let rebound = |raw: &RawValue| -> Read<Vec<String>> {
        match raw.get().len() > MAX_REBOUND {
            true => Ok(Vec::new()),
            false => values(raw),
        }
    };
    Ok(Done {
        nonce: there(raw.nonce, "nonce")?,
        value: raw.value.map(values).transpose()?,
        display: displays(there(raw.display, "display")?)?,
        error: raw.error.map(fault).transpose()?,
        answer: raw.answer.map(answer).transpose()?,
        rebound: rebound(there(raw.rebound, "rebound")?)?,
        threads: raw.threads.unwrap_or(false),
    })
}

fn fault(raw: &RawValue) -> Read<Fault> {
    let fault: Fault = values(raw)?;
    Ok(Fault {
        kind: short(fault.kind, MAX_NAME),
        message: short(fault.message, MAX_MESSAGE),
        traceback: short(fault.traceback, MAX_TRACEBACK),
        line: fault.line,
        tool: fault.tool.map(|tool| short(tool, MAX_NAME)),
    })
}

fn answer(raw: &RawValue) -> Read<Answer> {
    let RawAnswer { value, mut text } =
        serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
    if text.len() > MAX_ANSWER {
        text.truncate(text.floor_char_boundary(MAX_ANSWER));
        text.shrink_to_fit();
    }
    let value = match value.get().len() <= MAX_ANSWER && is_light(value) {
        true => values(value)?,
        false => Value::String(text.clone()),
    };
    Ok(Answer { value, text })
}

fn told(raw: &RawValue) -> Read<Told> {
    match is_light(raw) {
        true => values(raw),
        false => Ok(Told::Failed("the answer is too long".to_owned())),
    }
}

#[cfg(test)]
mod tests;
