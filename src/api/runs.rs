//! Running code and tasks.

use super::{
    Context, Error, ExecParams, ExecResult, Interrupted, RunAnswer, SessionRef, Signals, Since,
    StepParams, StepResult, error,
};
use crate::protocol::{RunParams, RunResult, RunStarted};

/// Bytes of code that one request may hold: what the wire to a worker takes, with room to spare.
const MAX_CODE: usize = 16 << 20;

pub async fn exec(context: &Context, params: ExecParams) -> Result<ExecResult, Error> {
    let session = context.app.registry.get(&params.session)?;
    if params.code.len() > MAX_CODE {
        return Err(error::params(&format!(
            "code: longer than {MAX_CODE} bytes"
        )));
    }
    let pending = session.exec(params.code)?;
    let result = pending.answer_or(&context.cancel).await;
    context.connection.flush(&session).await;
    Ok(result?)
}

pub async fn run(context: &Context, params: RunParams) -> Result<RunAnswer, Error> {
    let session = match &params.session {
        Some(id) => context.app.registry.get(id)?,
        None => super::sessions::open(context, params.options).await?,
    };
    let (run, pending) = session.run(params.task, params.max_steps, params.verbose)?;
    if params.detach {
        tokio::spawn(pending.answer()); // so that somebody waits for it
        let session = session.id.clone();
        return Ok(RunAnswer::Started(RunStarted { run, session }));
    }
    let result = pending.answer_or(&context.cancel).await;
    context.connection.flush(&session).await;
    let result = result?;
    if params.return_result {
        return Ok(RunAnswer::Result(Box::new(result)));
    }
    text_of(result)
}

/// The answer as text; a run without one is an error.
fn text_of(result: RunResult) -> Result<RunAnswer, Error> {
    let Some(error) = result.error else {
        return Ok(RunAnswer::Text(result.output));
    };
    let wire = Error::new(error.kind, error.message);
    Err(match error.hint {
        Some(hint) => wire.hint(hint),
        None => wire,
    })
}

pub async fn step(context: &Context, params: StepParams) -> Result<StepResult, Error> {
    let session = context.app.registry.get(&params.session)?;
    let result = session.step(params.task)?.answer_or(&context.cancel).await;
    context.connection.flush(&session).await;
    Ok(result?)
}

pub async fn interrupt(context: &Context, params: SessionRef) -> Result<Interrupted, Error> {
    let session = context.app.registry.get(&params.session)?;
    Ok(Interrupted {
        interrupted: session.interrupt(),
    })
}

pub async fn signals(context: &Context, params: Since) -> Result<Signals, Error> {
    let session = context.app.registry.get(&params.session)?;
    Ok(Signals {
        signals: session.signals(params.since.unwrap_or(0)),
    })
}
