//! Making, finding and ending sessions, and attaching to their events.

use std::sync::Arc;

use super::{
    Attached, CheckpointList, Context, Empty, Error, SessionInfo, SessionList, SessionRef,
    SessionRewind, Since, error,
};
use crate::protocol::SessionOptions;
use crate::session::Session;

pub async fn create(context: &Context, options: SessionOptions) -> Result<SessionInfo, Error> {
    Ok(open(context, options).await?.info())
}

/// Makes a session with its tools, and attaches the connection to it.
pub async fn open(context: &Context, mut options: SessionOptions) -> Result<Arc<Session>, Error> {
    check(&options)?;
    let tools = std::mem::take(&mut options.tools);
    let session = context.app.registry.open(options).await?;
    if let Err(error) = super::tools::add(context, &session, tools).await {
        session.close("its tools are wrong").await;
        return Err(error);
    }
    let _ = context.connection.attach(&session, Some(0)); // plain HTTP goes without events
    Ok(session)
}

/// Checks the ranges of the options.
fn check(options: &SessionOptions) -> Result<(), Error> {
    options
        .check()
        .map_err(|(field, what)| error::params(&format!("{field}: {what}")))
}

pub async fn list(context: &Context, _: Empty) -> Result<SessionList, Error> {
    Ok(SessionList {
        sessions: context.app.registry.list(),
    })
}

pub async fn get(context: &Context, params: SessionRef) -> Result<SessionInfo, Error> {
    Ok(context.app.registry.get(&params.session)?.info())
}

pub async fn reset(context: &Context, params: SessionRef) -> Result<SessionInfo, Error> {
    let session = context.app.registry.get(&params.session)?;
    session.reset()?.answer_or(&context.cancel).await?;
    Ok(session.info())
}

pub async fn checkpoints(context: &Context, params: SessionRef) -> Result<CheckpointList, Error> {
    let session = context.app.registry.get(&params.session)?;
    Ok(CheckpointList {
        checkpoints: session.checkpoints().await,
    })
}

pub async fn rewind(context: &Context, params: SessionRewind) -> Result<SessionInfo, Error> {
    let session = context.app.registry.get(&params.session)?;
    let rewound = session.rewind(&params.checkpoint)?;
    rewound.answer_or(&context.cancel).await?;
    Ok(session.info())
}

pub async fn close(context: &Context, params: SessionRef) -> Result<Empty, Error> {
    let session = context.app.registry.get(&params.session)?;
    session.close("a client closed it").await;
    context.connection.flush(&session).await;
    Ok(Empty {})
}

pub async fn attach(context: &Context, params: Since) -> Result<Attached, Error> {
    let session = context.app.registry.get(&params.session)?;
    let seq = context.connection.attach(&session, params.since)?;
    Ok(Attached { seq })
}

pub async fn detach(context: &Context, params: SessionRef) -> Result<Empty, Error> {
    let session = context.app.registry.get(&params.session)?;
    context.connection.detach(&session.id);
    Ok(Empty {})
}
