//! From what the agent and the engines say to what clients are told. Pure.

use serde_json::{Map, Value, json};

use crate::agent::checkpoints::Checkpoint;
use crate::agent::conversation::{Entry, EntryKind, Prune};
use crate::engine::{self, Final, Outcome, PyError, Stored};
use crate::model::Usage;
use crate::protocol::{
    CheckpointInfo, ExecResult, FinalAnswer, FinalSource, MemoryPrune, PruneStrategy, PyErrorInfo,
    Signal, SignalKind, StateAfter, StepEntry, TokenUsage,
};

/// Characters that `truncate_observations` leaves where nothing is said.
const DEFAULT_MAX_LENGTH: u32 = 500;

pub fn exec_result(step: u64, outcome: Outcome, signals: Vec<Signal>) -> ExecResult {
    ExecResult {
        step,
        output: outcome.output,
        stderr: outcome.stderr,
        output_truncated: outcome.truncated,
        value: outcome.value,
        is_final: outcome.answer.is_some(),
        final_value: outcome.answer.map_or(Value::Null, |answer| answer.value),
        error: outcome.error.map(error_info),
        timeout: outcome.timeout,
        interrupted: outcome.interrupted,
        duration_ms: outcome.duration.as_secs_f64() * 1_000.0,
        signals,
        display: outcome.display,
        state: match outcome.state {
            engine::State::Kept => StateAfter::Kept,
            engine::State::Restored => StateAfter::Restored,
            engine::State::Lost => StateAfter::Lost,
        },
    }
}

fn error_info(error: PyError) -> PyErrorInfo {
    PyErrorInfo {
        kind: error.kind,
        message: error.message,
        traceback: error.traceback,
        line: error.line,
    }
}

pub const fn signal_kind(kind: engine::SignalKind) -> SignalKind {
    match kind {
        engine::SignalKind::Uncertain => SignalKind::Uncertain,
        engine::SignalKind::Explore => SignalKind::Explore,
        engine::SignalKind::Commit => SignalKind::Commit,
    }
}

pub const fn usage(usage: Usage) -> TokenUsage {
    TokenUsage {
        prompt_tokens: usage.prompt_tokens,
        completion_tokens: usage.completion_tokens,
        total_tokens: usage.prompt_tokens + usage.completion_tokens,
        requests: usage.requests,
    }
}

pub fn final_answer(answer: Final, source: FinalSource, step: u64, time: f64) -> FinalAnswer {
    FinalAnswer {
        value: answer.value,
        source,
        timestamp: time,
        metadata: Map::from_iter([("step".to_owned(), json!(step))]),
    }
}

pub fn stored(value: &Stored) -> Value {
    match value {
        Stored::Json(value) => value.clone(),
        Stored::Repr(repr) => Value::String(repr.clone()),
    }
}

/// What clients call a checkpoint.
pub fn checkpoint_name(number: u64) -> String {
    format!("c{number}")
}

pub fn checkpoint_number(name: &str) -> Option<u64> {
    let number = name.strip_prefix('c')?.parse().ok()?;
    (checkpoint_name(number) == name).then_some(number)
}

pub fn checkpoint(checkpoint: &Checkpoint) -> CheckpointInfo {
    CheckpointInfo {
        checkpoint: checkpoint_name(checkpoint.number),
        step: checkpoint.memory.step,
        time: checkpoint.time,
    }
}

pub fn step_entry(entry: &Entry) -> StepEntry {
    let time = entry.time;
    match &entry.kind {
        EntryKind::SystemPrompt(text) => StepEntry::SystemPrompt {
            text: text.clone(),
            time,
        },
        EntryKind::Task(text) => StepEntry::Task {
            text: text.clone(),
            time,
        },
        EntryKind::Scratchpad(text) | EntryKind::Tools(text) => StepEntry::Scratchpad {
            text: text.clone(),
            time,
        },
        EntryKind::Action(action) => StepEntry::Action {
            step: action.step,
            reply: action.reply.clone(),
            code: action.code.clone(),
            observation: action.observation.clone(),
            error: action.error.clone(),
            duration_seconds: action.duration,
            usage: usage(action.usage),
            time,
        },
    }
}

pub fn prune(params: &MemoryPrune, default_keep: u32) -> Prune {
    match params.strategy {
        PruneStrategy::KeepLast => {
            Prune::KeepLast(params.keep_last.unwrap_or(default_keep) as usize)
        }
        PruneStrategy::TruncateObservations => {
            Prune::TruncateObservations(params.max_length.unwrap_or(DEFAULT_MAX_LENGTH) as usize)
        }
        PruneStrategy::None => Prune::None,
    }
}
