//! Functions that generated code may call.

use super::{
    Context, Empty, Error, SessionRef, ToolList, ToolNames, ToolsRegister, ToolsResult, error,
};
use crate::engine::Raise;
use crate::protocol::{ErrorKind, Tool, ToolKind};
use crate::session::Session;

pub async fn register(context: &Context, params: ToolsRegister) -> Result<ToolNames, Error> {
    let session = context.app.registry.get(&params.session)?;
    let names = params.tools.iter().map(|tool| tool.name.clone()).collect();
    add(context, &session, params.tools).await?;
    Ok(ToolNames { tools: names })
}

/// Adds tools to a session; those of kind `client` are run by the context's connection.
pub async fn add(context: &Context, session: &Session, tools: Vec<Tool>) -> Result<(), Error> {
    let of_client = |tool: &Tool| tool.kind == ToolKind::Client;
    if !context.connection.gets_events() && tools.iter().any(of_client) {
        let message = "tools: a tool of kind client needs a connection that calls can be sent to";
        return Err(error::params(message).hint("connect by WebSocket, or use kind python"));
    }
    for tool in &tools {
        if let Some(source) = &tool.source {
            let registry = &context.app.registry;
            registry
                .check_tool(session.trust_level(), session.python(), &tool.name, source)
                .await?;
        }
    }
    Ok(session.add_tools(tools, context.connection.gone())?)
}

pub async fn list(context: &Context, params: SessionRef) -> Result<ToolList, Error> {
    let tools = context.app.registry.get(&params.session)?.tools();
    Ok(ToolList { tools })
}

pub async fn result(context: &Context, params: ToolsResult) -> Result<Empty, Error> {
    let unknown = || {
        let message = format!("no call '{}' waits for an answer", params.call);
        Error::new(ErrorKind::ToolError, message)
            .hint("its step has ended, or it was answered before")
    };
    let (session, number) = params.call.rsplit_once('.').ok_or_else(unknown)?;
    let number = number.parse().map_err(|_| unknown())?;
    let session = context.app.registry.get(session).map_err(|_| unknown())?;
    let result = match &params.error {
        None => Ok(params.value.clone()),
        Some(failure) => Err(Raise {
            kind: failure.kind.clone(),
            message: failure.message.clone(),
        }),
    };
    session
        .answer_call(number, result)
        .then_some(Empty {})
        .ok_or_else(unknown)
}
