//! Running a task with a model, whole or one turn at a time.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::error::ErrorKind;
use super::exec::ExecResult;
use super::session::SessionOptions;

/// Parameters of `run`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct RunParams {
    /// What to do.
    pub task: String,
    /// The session to do it in; a new one of the options below where it is left out.
    #[cfg_attr(test, schemars(default))]
    pub session: Option<String>,
    /// Steps that the run may take, at most the session's `limits.max_steps`; at least 1.
    #[cfg_attr(test, schemars(default = "default_max_steps"))]
    pub max_steps: u32,
    /// Whether the daemon logs the steps.
    #[cfg_attr(test, schemars(default))]
    pub verbose: bool,
    /// Whether to answer a `RunResult` instead of a string.
    #[cfg_attr(test, schemars(default))]
    pub return_result: bool,
    /// Whether to answer at once and go on in the background.
    #[cfg_attr(test, schemars(default))]
    pub detach: bool,
    /// What the new session is to be like; only where no session is given.
    #[serde(flatten)]
    pub options: SessionOptions,
}

const fn default_max_steps() -> u32 {
    10
}

/// The fields of `RunParams` that are its own.
#[derive(Deserialize)]
struct OwnParams {
    task: String,
    #[serde(default)]
    session: Option<String>,
    #[serde(default = "default_max_steps")]
    max_steps: u32,
    #[serde(default)]
    verbose: bool,
    #[serde(default)]
    return_result: bool,
    #[serde(default)]
    detach: bool,
}

const OWN_PARAMS: &[&str] = &[
    "task",
    "session",
    "max_steps",
    "verbose",
    "return_result",
    "detach",
];

// By hand, because serde cannot flatten the options and refuse unknown fields at once.
impl<'de> Deserialize<'de> for RunParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = Map::deserialize(deserializer)?;
        let (own, options): (Map<_, _>, Map<_, _>) = all
            .into_iter()
            .partition(|(name, _)| OWN_PARAMS.contains(&name.as_str()));
        let own: OwnParams = fields(own)?;
        if let (Some(_), Some(name)) = (&own.session, options.keys().next()) {
            let message =
                format!("{name}: options are only for a new session, and `session` is given");
            return Err(D::Error::custom(message));
        }
        if own.max_steps == 0 {
            return Err(D::Error::custom(
                "max_steps: 0 is out of range, it must be at least 1",
            ));
        }
        Ok(Self {
            task: own.task,
            session: own.session,
            max_steps: own.max_steps,
            verbose: own.verbose,
            return_result: own.return_result,
            detach: own.detach,
            options: fields(options)?,
        })
    }
}

/// Reads some of the fields of an object; an error names the field.
fn fields<T: DeserializeOwned, E: serde::de::Error>(fields: Map<String, Value>) -> Result<T, E> {
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let path = error.path().to_string();
        match path.as_str() {
            "." => E::custom(error.inner()),
            path => E::custom(format!("{path}: {}", error.inner())),
        }
    })
}

/// The answer to `run`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(untagged)]
pub enum RunAnswer {
    /// The answer as text.
    Text(String),
    /// With `return_result`.
    Result(Box<RunResult>),
    /// With `detach`.
    Started(RunStarted),
}

/// The answer to `run` with `detach`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct RunStarted {
    /// The run's id, as in its events.
    pub run: String,
    /// The session that it runs in.
    pub session: String,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// With an answer.
    Completed,
    /// Its steps were used up.
    StepLimitReached,
    /// The model did not answer, or the engine failed.
    Error,
    /// Somebody stopped it.
    Cancelled,
}

/// How an answer came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FinalSource {
    /// The model gave it by itself.
    Normal,
    /// The model gave it in the last step, having been told that it is the last.
    FinalAttempt,
}

/// The value given to `final_answer`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct FinalAnswer {
    /// The value, as JSON where it can be, else its `repr`.
    pub value: Value,
    /// How it came about.
    pub source: FinalSource,
    /// When, in seconds since 1970.
    pub timestamp: f64,
    /// The step that gave it, as `step`.
    pub metadata: Map<String, Value>,
}

/// Why a run has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct RunError {
    /// The kind of error, as in error objects.
    #[serde(rename = "type")]
    pub kind: ErrorKind,
    /// What is wrong, in the user's words.
    pub message: String,
    /// What to do next, or null.
    pub hint: Option<String>,
}

/// Tokens used, as the model's server counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct TokenUsage {
    /// Tokens of the prompts.
    pub prompt_tokens: u64,
    /// Tokens of the replies.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
    /// Number of requests answered.
    pub requests: u64,
}

/// What else there is to say of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct RunMetadata {
    /// The run's id.
    pub run: String,
    /// The session that it ran in.
    pub session: String,
    /// Tokens used.
    pub usage: TokenUsage,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct RunResult {
    /// The answer as text; without one, what the last step printed.
    pub output: String,
    /// The answer, or null.
    pub final_answer: Option<FinalAnswer>,
    /// How the run ended.
    pub state: RunState,
    /// Turns of the model that the run took.
    pub steps_taken: u32,
    /// Seconds that it took.
    pub duration_seconds: f64,
    /// Why there is no answer, or null.
    pub error: Option<RunError>,
    /// Where it ran and what it used.
    pub metadata: RunMetadata,
}

/// Parameters of `step`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct StepParams {
    /// The session's id.
    pub session: String,
    /// The task to begin; the one that was begun goes on where it is left out.
    #[serde(default)]
    pub task: Option<String>,
}

/// How the task stands after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It goes on with the next `step`.
    Running,
    /// It has an answer.
    Completed,
    /// Its steps are used up.
    StepLimitReached,
    /// Somebody stopped the step; the next one goes on.
    Cancelled,
}

/// What one turn of the loop did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema, ts_rs::TS))]
pub struct StepResult {
    /// Number of the step in its session.
    pub step: u64,
    /// What the model said.
    pub reply: String,
    /// The code in it, or null.
    pub code: Option<String>,
    /// What the code did, or null without code.
    pub result: Option<ExecResult>,
    /// Whether the task has ended.
    pub done: bool,
    /// The answer, or null.
    pub final_answer: Option<FinalAnswer>,
    /// How the task stands.
    pub state: StepState,
}
