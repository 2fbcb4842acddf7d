//! The names of a session's Python.

use super::{
    CodeAt, Completions, Context, Error, Inspection, SessionRef, VariableList, VariableRef,
    VariableValue, error,
};
use crate::session::When::InTurn;

/// Bytes of code that one question may hold.
const MAX_CODE: usize = 1 << 20;
/// Characters of a `repr` where nothing is said.
const DEFAULT_LENGTH: u32 = 300;
/// Most characters of one.
const MAX_LENGTH: u32 = 1_000_000;

pub async fn list(context: &Context, params: SessionRef) -> Result<VariableList, Error> {
    let session = context.app.registry.get(&params.session)?;
    Ok(session.variables(&context.cancel).await?)
}

pub async fn get(context: &Context, params: VariableRef) -> Result<VariableValue, Error> {
    let session = context.app.registry.get(&params.session)?;
    let length = params.max_length.unwrap_or(DEFAULT_LENGTH);
    if !(1..=MAX_LENGTH).contains(&length) {
        return Err(error::params(&format!(
            "max_length: {length} is out of range, it must be from 1 to {MAX_LENGTH}"
        )));
    }
    let shown = session.variable(params.name, length as usize, &context.cancel);
    Ok(shown.await?)
}

pub async fn complete(context: &Context, params: CodeAt) -> Result<Completions, Error> {
    let session = context.app.registry.get(&params.session)?;
    let cursor = cursor_of(&params)?;
    let completions = session.complete(params.code, cursor, InTurn, &context.cancel);
    Ok(completions.await?)
}

pub async fn inspect(context: &Context, params: CodeAt) -> Result<Inspection, Error> {
    let session = context.app.registry.get(&params.session)?;
    let cursor = cursor_of(&params)?;
    let inspection = session.inspect(params.code, cursor, InTurn, &context.cancel);
    Ok(inspection.await?)
}

fn cursor_of(params: &CodeAt) -> Result<usize, Error> {
    if params.code.len() > MAX_CODE {
        return Err(error::params(&format!(
            "code: longer than {MAX_CODE} bytes"
        )));
    }
    let length = params.code.chars().count();
    match params.cursor <= length {
        true => Ok(params.cursor),
        false => Err(error::params(&format!(
            "cursor: {} is beyond the end of code, which has {length} characters",
            params.cursor
        ))),
    }
}
