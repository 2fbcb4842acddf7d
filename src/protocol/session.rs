//! Sessions and their options.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::tools::Tool;

/// How far the generated code is trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum TrustLevel {
    /// CPython inside the daemon's own process, restricted.
    #[default]
    Local,
    /// A Python subprocess for each session.
    Isolated,
    /// A container for each session.
    Sandboxed,
}

impl fmt::Display for TrustLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Isolated => "isolated",
            Self::Sandboxed => "sandboxed",
        })
    }
}

/// What the network of a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// None at all.
    None,
    /// What the host has.
    Host,
}

/// What the code of an isolated session may touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum Sandbox {
    /// Reads Python, its packages and `cwd`; writes its temporary folder alone; has no network unless it is asked for.
    Strict,
    /// Reads what its user may but hidden files of the home folder; writes `cwd` and its temporary folder.
    #[default]
    Workspace,
    /// The files and the network of its user.
    Off,
}

/// How a sandboxed session has its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum CwdMode {
    /// A copy in memory, of bounded size, that the code may change.
    Copy,
    /// The folder itself, read-only, as it changes.
    Mount,
}

/// What a step and a run may use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Seconds that one step may take; above 0, at most 86,400.
    pub timeout_seconds: f64,
    /// Bytes of stdout, and as many of stderr, that one step may say; 1 to 16 MiB.
    pub max_output_bytes: u64,
    /// Steps that one run may take; 1 to 10,000.
    pub max_steps: u32,
    /// Bytes of memory that the Python of the session may use; at least 64 MiB.
    pub max_memory_bytes: Option<u64>,
    /// Seconds of processor time that threads and processes which a step leaves running may take until the next
    /// one, beyond which they are paused until then; 0 to 1,000,000,000, and 3,600 where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background_seconds: Option<f64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout_seconds: 30.0,
            max_output_bytes: 10_000,
            max_steps: 100,
            max_memory_bytes: None,
            background_seconds: None,
        }
    }
}

/// Reads a struct from an object alone: what serde derives takes an array of the fields too.
fn from_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    from.deserialize_map(Object(PhantomData))
}

/// What a session is to be like. Every field may be left out.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields, default)]
pub struct SessionOptions {
    /// How far the generated code is trusted.
    pub trust_level: TrustLevel,
    /// What a step and a run may use.
    #[serde(deserialize_with = "from_object")]
    pub limits: Limits,
    /// Top-level packages that code may import beyond the default list; "*" allows all.
    pub extra_imports: Vec<String>,
    /// The model, as its server calls it, or `replay:FILE`.
    pub model: String,
    /// The key for the model's server. Where it is left out, the one of the daemon's environment, which goes
    /// to the server of the daemon's own configuration and to no other.
    pub api_key: Option<String>,
    /// The base URL of the model's server; from the daemon's environment where it is left out. Another one
    /// has to come with an `api_key`, or is sent none.
    pub base_url: Option<String>,
    /// Tools that the code may call.
    pub tools: Vec<Tool>,
    /// Text added to the end of the system prompt.
    pub system_suffix: Option<String>,
    /// A file whose text takes the place of the system prompt.
    pub prompt_file: Option<String>,
    /// Whether old steps are pruned from the conversation after each step.
    pub enable_pruning: bool,
    /// How many of the latest steps pruning keeps; at least 1.
    pub prune_keep_last: u32,
    /// Whether a checkpoint is made after each step, to which the session can go back.
    pub checkpoints: bool,
    /// A name for people.
    pub name: Option<String>,
    /// The folder that the code works in.
    pub cwd: Option<String>,
    /// How a sandboxed session has that folder; "copy" where it is left out.
    pub cwd_mode: Option<CwdMode>,
    /// The interpreter of an isolated session; `python3` on PATH where it is left out.
    pub python: Option<String>,
    /// What the code of an isolated session may touch; "workspace" where it is left out.
    pub sandbox: Option<Sandbox>,
    /// The network; "host" when isolated, "none" when sandboxed or in the sandbox "strict".
    pub network: Option<Network>,
    /// The image of a sandboxed session.
    pub image: Option<String>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            trust_level: TrustLevel::default(),
            limits: Limits::default(),
            extra_imports: Vec::new(),
            model: "gpt-4o-mini".to_owned(),
            api_key: None,
            base_url: None,
            tools: Vec::new(),
            system_suffix: None,
            prompt_file: None,
            enable_pruning: false,
            prune_keep_last: 3,
            checkpoints: true,
            name: None,
            cwd: None,
            cwd_mode: None,
            python: None,
            sandbox: None,
            network: None,
            image: None,
        }
    }
}

// By hand, so that the key never gets into a log.
impl fmt::Debug for SessionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionOptions")
            .field("trust_level", &self.trust_level)
            .field("limits", &self.limits)
            .field("model", &self.model)
            .field("api_key", &self.api_key.as_ref().map(|_| "***"))
            .finish_non_exhaustive()
    }
}

/// Largest `max_output_bytes`: 16 MiB.
const MAX_OUTPUT_BYTES: u64 = 16 << 20;
/// Smallest `max_memory_bytes`: 64 MiB, below which a Python with its libraries does not start.
const MIN_MEMORY_BYTES: u64 = 64 << 20;

impl SessionOptions {
    /// The network of such a session.
    #[must_use]
    pub fn network(&self) -> Network {
        match self.trust_level {
            TrustLevel::Local => Network::None,
            TrustLevel::Isolated if self.sandbox == Some(Sandbox::Strict) => {
                self.network.unwrap_or(Network::None)
            }
            TrustLevel::Isolated => self.network.unwrap_or(Network::Host),
            TrustLevel::Sandboxed => self.network.unwrap_or(Network::None),
        }
    }

    /// The sandbox of such a session, if it has one.
    #[must_use]
    pub fn sandbox(&self) -> Option<Sandbox> {
        (self.trust_level == TrustLevel::Isolated).then(|| self.sandbox.unwrap_or_default())
    }

    /// Checks what types cannot say: ranges, and what goes with what.
    ///
    /// # Errors
    /// The field that cannot be meant, and what is wrong with it.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let limits = &self.limits;
        let seconds = limits.timeout_seconds;
        if !(seconds > 0.0 && seconds <= 86_400.0) {
            return out_of_range(
                "limits.timeout_seconds",
                seconds,
                "above 0 and at most 86400",
            );
        }
        if !(1..=MAX_OUTPUT_BYTES).contains(&limits.max_output_bytes) {
            let bytes = limits.max_output_bytes;
            return out_of_range("limits.max_output_bytes", bytes, "from 1 to 16777216");
        }
        if let Some(seconds) = limits
            .background_seconds
            .filter(|seconds| !(0.0..=1e9).contains(seconds))
        {
            return out_of_range("limits.background_seconds", seconds, "from 0 to 1000000000");
        }
        if !(1..=10_000).contains(&limits.max_steps) {
            return out_of_range("limits.max_steps", limits.max_steps, "from 1 to 10000");
        }
        if let Some(bytes) = limits
            .max_memory_bytes
            .filter(|bytes| *bytes < MIN_MEMORY_BYTES)
        {
            return out_of_range("limits.max_memory_bytes", bytes, "at least 67108864");
        }
        if self.prune_keep_last == 0 {
            return out_of_range("prune_keep_last", 0, "at least 1");
        }
        if self.model.trim().is_empty() {
            return Err(("model", "the name of a model must not be empty".to_owned()));
        }
        if let (Some(_), TrustLevel::Local | TrustLevel::Sandboxed) =
            (self.sandbox, self.trust_level)
        {
            let level = self.trust_level;
            return Err((
                "sandbox",
                format!("only an isolated session has a sandbox to choose; this one is {level}"),
            ));
        }
        if (self.trust_level, self.network) == (TrustLevel::Local, Some(Network::Host)) {
            return Err(("network", "a local session has no network".to_owned()));
        }
        self.check_cwd_mode()
    }

    fn check_cwd_mode(&self) -> Result<(), (&'static str, String)> {
        let wrong = |message: String| Err(("cwd_mode", message));
        match (self.cwd_mode, self.trust_level) {
            (None | Some(CwdMode::Copy), TrustLevel::Sandboxed) | (None, _) => Ok(()),
            (Some(CwdMode::Mount), TrustLevel::Sandboxed) if self.cwd.is_some() => Ok(()),
            (Some(_), TrustLevel::Sandboxed) => wrong("there is no `cwd` to mount".to_owned()),
            // Not even "copy", which would promise that the folder is safe from the code.
            (Some(_), level) => wrong(format!(
                "only a sandboxed session copies or mounts its folder; this one is {level}"
            )),
        }
    }
}

fn out_of_range(
    field: &'static str,
    value: impl fmt::Display,
    range: &str,
) -> Result<(), (&'static str, String)> {
    Err((
        field,
        format!("{value} is out of range, it must be {range}"),
    ))
}

/// Names a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct SessionRef {
    /// The session's id.
    pub session: String,
}

/// Parameters of `session.rewind`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct SessionRewind {
    /// The session's id.
    pub session: String,
    /// A checkpoint of `session.checkpoints`.
    pub checkpoint: String,
}

/// The answer to `session.checkpoints`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct CheckpointList {
    /// Where the session can go back to, oldest first.
    pub checkpoints: Vec<CheckpointInfo>,
}

/// A state that the session can go back to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct CheckpointInfo {
    /// Names it.
    pub checkpoint: String,
    /// The step after which it was made; 0 is the beginning of the session.
    pub step: u64,
    /// When, in seconds since 1970.
    pub time: f64,
}

/// Names a session and where in its events to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Since {
    /// The session's id.
    pub session: String,
    /// The `seq` after which to start.
    #[serde(default)]
    pub since: Option<u64>,
}

/// What a session is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// Nothing.
    Idle,
    /// Running code, or waiting for the model.
    Busy,
    /// It has been closed.
    Closed,
}

/// Whose key a model's server is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum KeySource {
    /// The one that was given with the session.
    Session,
    /// The daemon's own, which goes to the server of its own configuration.
    Daemon,
    /// None: `base_url` names another server than the daemon's, and came without an `api_key`.
    Withheld,
    /// None: there is no key, or nothing to send it to.
    None,
}

/// A session as clients see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct SessionInfo {
    /// The session's id.
    pub session: String,
    /// Its name for people, or null.
    pub name: Option<String>,
    /// How far its code is trusted.
    pub trust_level: TrustLevel,
    /// What it is doing.
    pub state: SessionState,
    /// Number of its latest step; 0 before the first.
    pub step: u64,
    /// When it was created, in seconds since 1970.
    pub created: f64,
    /// What a step and a run may use.
    pub limits: Limits,
    /// Its model.
    pub model: String,
    /// Whose key the model's server is sent.
    pub key: KeySource,
    /// Packages that its code may import beyond the default list.
    pub extra_imports: Vec<String>,
    /// Its network.
    pub network: Network,
    /// What its code may touch, where it is isolated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Sandbox>,
    /// What its sandbox promises and this system cannot enforce, in sentences; left out where there is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_enforced: Vec<String>,
    /// Names of its tools.
    pub tools: Vec<String>,
    /// `seq` of its latest event; 0 before the first.
    pub seq: u64,
}

/// The answer to `session.list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct SessionList {
    /// The open sessions, oldest first.
    pub sessions: Vec<SessionInfo>,
}
