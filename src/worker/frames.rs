//! The frames that the daemon and a worker send each other. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::query::{Query, Told};

/// Longest frame that is read or written, in bytes.
pub const MAX_FRAME: usize = 32 << 20;

/// The first frame to a worker.
#[derive(Debug, Serialize)]
pub struct Start<'a> {
    /// Modules that the code may import.
    pub imports: &'a [String],
    /// What refusals of the system are explained with.
    pub refusals: Refusals,
}

/// Sentences that follow an exception which the sandbox caused: what the session allows, and what allows more. Empty
/// where there is nothing to say.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Refusals {
    /// Of files and sockets.
    pub access: String,
    /// Of what programs do to others and to the system, such as signals.
    pub rights: String,
    /// Of files that the session does not see.
    pub unseen: String,
    /// What paths of such files begin with.
    pub covered: Vec<String>,
    /// What paths begin with that it sees all the same.
    pub shown: Vec<String>,
    /// What paths begin with that the sandbox lets it write.
    pub writable: Vec<String>,
    /// Of the network.
    pub network: String,
    /// Of memory.
    pub memory: String,
    /// Of processes and threads.
    pub processes: String,
}

/// What a running worker is sent.
#[derive(Debug, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Order<'a> {
    /// To run a step.
    Step(Request<'a>),
    /// To say something about the names.
    Query(Question<'a>),
    /// The answer to what the code waits for.
    Answer(Reply),
    /// To leave a copy of itself behind, which takes its place when it is called.
    Keep {
        /// What separates its frames on the wire from those of the process before.
        token: &'a str,
    },
    /// To end as a program does.
    Exit,
}

/// A query, as a worker is sent it.
#[derive(Debug, Serialize)]
pub struct Question<'a> {
    /// Comes back in the frame that answers it.
    pub nonce: u64,
    /// What is asked.
    pub query: &'a Query,
}

/// The answer to a frame that has a number: a value or an error.
#[derive(Clone, Debug, Serialize)]
pub struct Reply {
    /// The number.
    pub call: u64,
    /// The value.
    pub value: Value,
    /// The exception to raise in its place.
    pub error: Option<Raise>,
}

/// An exception that the code is to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Raise {
    /// Name of its class.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it says.
    pub message: String,
}

/// A function that the code may call.
#[derive(Debug, Serialize)]
pub struct ToolSpec<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its docstring.
    pub doc: &'a str,
    /// Its source, where it runs beside the code and not in the client.
    pub source: Option<&'a str>,
}

/// A step to run.
#[derive(Debug, Serialize)]
pub struct Request<'a> {
    /// Comes back in the frame that ends the step.
    pub nonce: u64,
    /// Number of the step in its session.
    pub step: u64,
    /// Python source.
    pub code: &'a str,
    /// What clients changed in the scratchpad.
    pub memory: Memory<'a>,
    /// The tools, where they have changed.
    pub tools: Option<Vec<ToolSpec<'a>>>,
    /// Characters that `value` may have.
    pub max_text: usize,
}

/// Changes of the scratchpad.
#[derive(Debug, Serialize)]
pub struct Memory<'a> {
    /// Whether to forget everything first.
    pub clear: bool,
    /// Values to store.
    pub set: &'a BTreeMap<String, Value>,
}

/// What a worker says, within its bounds: see `reading`.
#[derive(Debug)]
pub enum Frame {
    /// It is ready for its first step.
    Ready,
    /// The code gave a signal, and waits until it is noted.
    Signal {
        /// Number to answer with.
        call: u64,
        /// What it says.
        kind: SignalKind,
        /// Why.
        message: String,
    },
    /// The code changed the scratchpad.
    Memory(Change),
    /// A thread that an earlier step left running printed something.
    Output {
        /// Where to.
        stream: Stream,
        /// What.
        text: String,
    },
    /// The code calls a tool of the client's, and waits for the answer.
    Call(Call),
    /// It calls one, and its arguments are beyond their bounds.
    Refused {
        /// Number to answer with.
        call: u64,
        /// What the call raises.
        error: Raise,
    },
    /// What comes from here on is the step's, and not of threads that earlier steps left running.
    Begun {
        /// Number to answer with: the step waits until nothing of theirs is left in the pipes.
        call: u64,
    },
    /// The step has ended.
    Done(Box<Done>),
    /// A copy has been left behind.
    Kept(Kept),
    /// The answer to a query.
    Told {
        /// The nonce of the query.
        nonce: u64,
        /// What the worker says.
        told: Box<Told>,
    },
}

/// A call of a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Number to answer with.
    pub number: u64,
    /// The tool.
    pub name: String,
    /// Arguments by position.
    pub args: Vec<Value>,
    /// Arguments by name.
    pub kwargs: Map<String, Value>,
    /// Bytes of memory that the arguments take, about.
    pub weight: usize,
}

/// A copy of a worker, which waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its process, if the system let there be one.
    pub pid: Option<u32>,
    /// Bytes of memory that it shares with the worker until one of them writes there.
    pub memory: u64,
}

/// One of the two streams that code prints to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What a signal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignalKind {
    /// The model is not sure.
    Uncertain,
    /// The model tries something out.
    Explore,
    /// The model has made up its mind.
    Commit,
}

/// A change of the scratchpad.
#[derive(Debug)]
pub enum Change {
    /// A value was stored.
    Store {
        /// Its name.
        name: String,
        /// The value, where JSON can say it.
        value: Option<Value>,
        /// Else its `repr`.
        repr: Option<String>,
    },
    /// Something was observed.
    Observe {
        /// What.
        text: String,
    },
    /// Something did not work.
    Fail {
        /// What.
        text: String,
    },
}

/// The end of a step.
#[derive(Debug)]
pub struct Done {
    /// The nonce of the request.
    pub nonce: u64,
    /// `repr` of a last bare expression.
    pub value: Option<String>,
    /// Rich forms of it.
    pub display: Vec<Map<String, Value>>,
    /// The exception that ended the code.
    pub error: Option<Fault>,
    /// The value given to `final_answer`.
    pub answer: Option<Answer>,
    /// Names of the session's own that the code bound to something else.
    pub rebound: Vec<String>,
    /// Whether it left threads running, so that the next one says when it has `begun`.
    pub threads: bool,
}

/// An exception.
#[derive(Debug, Deserialize)]
pub struct Fault {
    /// Name of its class.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it says.
    pub message: String,
    /// The traceback.
    pub traceback: String,
    /// Line of the step's code.
    pub line: Option<u32>,
    /// The tool that raised it.
    pub tool: Option<String>,
}

/// A final answer.
#[derive(Debug)]
pub struct Answer {
    /// As JSON, else its `repr`.
    pub value: Value,
    /// As `str` shows it.
    pub text: String,
}
