//! What the daemon says of itself.

use std::time::Duration;

use serde_json::Value;

use super::{App, Context, Empty, Error, Pong, Status};
use crate::engine::Level;
use crate::protocol::{ErrorKind, LevelStatus, TrustLevel, TrustLevels};

/// The OpenRPC document, generated from the table of methods and checked by a test.
const OPENRPC: &str = include_str!("../../editors/protocol/openrpc.json");

/// Time that the trust levels get to say what they are.
const PATIENCE: Duration = Duration::from_secs(30);

pub async fn ping(_: &Context, _: Empty) -> Result<Pong, Error> {
    Ok(Pong { pong: true })
}

pub async fn status(context: &Context, _: Empty) -> Result<Status, Error> {
    Ok(status_of(&context.app, PATIENCE).await)
}

/// The `status` object, as far as it can be told within `patience`.
pub async fn status_of(app: &App, patience: Duration) -> Status {
    let registry = &app.registry;
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: app.started.elapsed().as_secs_f64(),
        sessions: registry.count(),
        trust_levels: TrustLevels {
            local: level(registry.level(TrustLevel::Local, patience).await),
            isolated: level(registry.level(TrustLevel::Isolated, patience).await),
            sandboxed: level(registry.level(TrustLevel::Sandboxed, patience).await),
        },
    }
}

fn level(level: Level) -> LevelStatus {
    LevelStatus {
        available: level.unavailable.is_none(),
        engine: level.engine.to_owned(),
        python_version: level.python_version,
        enforced: level.enforced,
        missing: level.missing,
        preparing: level.preparing,
        reason: level.unavailable,
    }
}

pub async fn discover(_: &Context, _: Empty) -> Result<Value, Error> {
    serde_json::from_str(OPENRPC)
        .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}
