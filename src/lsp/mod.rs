//! The editor face: what the daemon is as a language server.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tower_lsp_server::jsonrpc::Result;
use tower_lsp_server::ls_types::{
    InitializeParams, InitializeResult, ServerCapabilities, ServerInfo,
};
use tower_lsp_server::{ClientSocket, LanguageServer, LspService};

use crate::api::{App, status_of};

/// Time that the trust levels get to say what they are while an editor waits for its server.
const PATIENCE: Duration = Duration::from_millis(20);

/// The language server of one connection.
pub struct Server {
    app: Arc<App>,
}

impl Server {
    /// A language server, and the socket for what it asks of its client.
    #[must_use]
    pub fn service(app: Arc<App>) -> (LspService<Self>, ClientSocket) {
        LspService::new(|_client| Self { app })
    }
}

impl LanguageServer for Server {
    async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
        let status = status_of(&self.app, PATIENCE).await;
        Ok(InitializeResult {
            capabilities: ServerCapabilities {
                experimental: Some(json!({"tinycode": status})),
                ..ServerCapabilities::default()
            },
            server_info: Some(ServerInfo {
                name: "tinycode".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
            ..InitializeResult::default()
        })
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }
}
