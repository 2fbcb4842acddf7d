//! The scratchpad and the conversation.

use super::{
    Context, Empty, Error, MemoryContext, MemoryList, MemoryPrune, MemoryPruned, MemoryRecall,
    MemoryRecalled, MemorySteps, MemoryStore, MemoryText, SessionRef, error,
};
use crate::protocol::ErrorKind;
use crate::session::{MAX_NAMES, MAX_WEIGHT};

/// Bytes of a value that the scratchpad takes, as JSON.
const MAX_VALUE: usize = 1 << 20;
/// Bytes of a name that it takes.
const MAX_NAME: usize = 2_000;

pub async fn store(context: &Context, params: MemoryStore) -> Result<Empty, Error> {
    let session = context.app.registry.get(&params.session)?;
    if params.name.is_empty() {
        return Err(error::params("name: must not be empty"));
    }
    if params.name.len() > MAX_NAME {
        return Err(error::params(&format!(
            "name: longer than {MAX_NAME} bytes"
        )));
    }
    if params.value.to_string().len() > MAX_VALUE {
        return Err(error::params(&format!(
            "value: longer than {MAX_VALUE} bytes as JSON"
        )));
    }
    if !session.store(&params.name, params.value) {
        let most = MAX_WEIGHT >> 20;
        let message =
            format!("the scratchpad is full: it holds {MAX_NAMES} names and {most} MiB at most");
        return Err(Error::new(ErrorKind::LimitExceeded, message)
            .hint("`memory.clear` empties it; one name can hold a whole object"));
    }
    Ok(Empty {})
}

pub async fn recall(context: &Context, params: MemoryRecall) -> Result<MemoryRecalled, Error> {
    let session = context.app.registry.get(&params.session)?;
    let value = session.recall(&params.name);
    Ok(MemoryRecalled {
        found: value.is_some(),
        value: value.unwrap_or(params.default),
    })
}

pub async fn observe(context: &Context, params: MemoryText) -> Result<Empty, Error> {
    context
        .app
        .registry
        .get(&params.session)?
        .observe(&params.text);
    Ok(Empty {})
}

pub async fn fail(context: &Context, params: MemoryText) -> Result<Empty, Error> {
    context
        .app
        .registry
        .get(&params.session)?
        .fail(&params.text);
    Ok(Empty {})
}

pub async fn clear(context: &Context, params: SessionRef) -> Result<Empty, Error> {
    context.app.registry.get(&params.session)?.clear_memory();
    Ok(Empty {})
}

pub async fn list(context: &Context, params: SessionRef) -> Result<MemoryList, Error> {
    Ok(context.app.registry.get(&params.session)?.list_memory())
}

pub async fn context(context: &Context, params: SessionRef) -> Result<MemoryContext, Error> {
    let text = context.app.registry.get(&params.session)?.memory_context();
    Ok(MemoryContext { text })
}

pub async fn steps(context: &Context, params: SessionRef) -> Result<MemorySteps, Error> {
    let steps = context.app.registry.get(&params.session)?.steps();
    Ok(MemorySteps { steps })
}

pub async fn prune(context: &Context, params: MemoryPrune) -> Result<MemoryPruned, Error> {
    Ok(context.app.registry.get(&params.session)?.prune(&params))
}
