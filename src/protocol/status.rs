//! What the daemon says of itself.

use serde::{Deserialize, Serialize};

/// No parameters, or nothing to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// The answer to `ping`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Pong {
    /// Always true.
    pub pong: bool,
}

/// The answer to `interrupt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Interrupted {
    /// Whether something was running.
    pub interrupted: bool,
}

/// The daemon and what works on its machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// Seconds since the daemon started.
    pub uptime_seconds: f64,
    /// Number of open sessions.
    pub sessions: usize,
    /// What each trust level is on this machine.
    pub trust_levels: TrustLevels,
}

/// One status for each trust level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct TrustLevels {
    /// CPython inside the daemon's own process.
    pub local: LevelStatus,
    /// A Python subprocess for each session.
    pub isolated: LevelStatus,
    /// A container for each session.
    pub sandboxed: LevelStatus,
}

/// Whether a trust level works here, and what it enforces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct LevelStatus {
    /// Whether sessions of this level can be created.
    pub available: bool,
    /// What runs the code.
    pub engine: String,
    /// Version of the Python that runs the code, where it is known.
    pub python_version: Option<String>,
    /// What is enforced on the code, found by probing.
    pub enforced: Vec<String>,
    /// What is not enforced here although it is on other systems, and what would bring it; left out where there is
    /// nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// What is still to be done, or being done, before its first session, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparing: Option<String>,
    /// Why the level is not available, or null.
    pub reason: Option<String>,
}
