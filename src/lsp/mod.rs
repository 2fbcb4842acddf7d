//! The editor face: what the daemon is as a language server.
//!
//! It knows documents and sessions, and not which transport its client is on. Handlers change a document
//! before their first wait, and so in the order in which the messages came.

mod commands;
mod document;
mod editor;
mod execution;
mod follow;
mod names;
mod progress;
mod rewind;
mod seats;
mod settings;
mod show;
mod summary;
mod text;
mod timeline;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tower_lsp_server::jsonrpc::{self, Result};
use tower_lsp_server::ls_types::{
    CodeActionParams, CodeActionResponse, CodeLens, CodeLensParams, CompletionList,
    CompletionParams, CompletionResponse, DidChangeConfigurationParams,
    DidChangeTextDocumentParams, DidChangeWorkspaceFoldersParams, DidCloseTextDocumentParams,
    DidOpenTextDocumentParams, DocumentDiagnosticParams, DocumentDiagnosticReport,
    DocumentDiagnosticReportResult, ExecuteCommandParams, FullDocumentDiagnosticReport, Hover,
    HoverParams, InitializeParams, InitializeResult, InitializedParams, InlayHint, InlayHintParams,
    LSPAny, MessageType, RelatedFullDocumentDiagnosticReport, ServerInfo,
    TextDocumentContentChangeEvent, Uri, WorkDoneProgressCancelParams,
};
use tower_lsp_server::{ClientSocket, LanguageServer, LspService};

use crate::api::{Context, status_of};
use crate::protocol::Error;
use document::{Document, View};
use editor::{Editor, lock};
pub use seats::Seats;
use settings::Settings;
use text::outline::Language;

/// Time that the trust levels get to say what they are while an editor waits for its server.
const PATIENCE: Duration = Duration::from_millis(20);

/// The language server of one connection.
pub struct Server(Arc<Editor>);

impl Server {
    /// A language server for the client of this context, and the socket for what it asks of it.
    #[must_use]
    pub fn service(context: Context, seats: Arc<Seats>) -> (LspService<Self>, ClientSocket) {
        let server = |client| Self(Arc::new(Editor::new(context, client, seats)));
        LspService::build(server)
            .custom_method("window/workDoneProgress/cancel", Self::cancel_progress)
            .finish()
    }

    async fn cancel_progress(&self, params: WorkDoneProgressCancelParams) {
        if let Some(cancel) = lock(&self.0.progress).get(&params.token) {
            cancel.cancel();
        }
    }

    /// Answers from a document as it stands.
    fn look<T>(&self, uri: &Uri, look: impl FnOnce(View<'_>) -> T) -> Result<T> {
        let looked = self.0.document(uri, |document| look(document.view()));
        looked.map_err(of_wire)
    }

    /// Tells the user that what the client sent cannot be followed.
    async fn complain(&self, uri: &Uri, what: &str) {
        let message = format!("tinycode: {}: {what}", uri.as_str());
        tracing::warn!("{message}");
        self.0
            .client
            .show_message(MessageType::ERROR, message)
            .await;
    }
}

impl LanguageServer for Server {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let settings = Settings::read(&params).map_err(of_wire)?;
        let status = status_of(&self.0.context.app, PATIENCE).await;
        let status = serde_json::to_value(status).unwrap_or_default();
        let capabilities = settings.offer(&status);
        self.0.set_up(settings, settings::folders(&params));
        Ok(InitializeResult {
            capabilities,
            server_info: Some(ServerInfo {
                name: "tinycode".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
            ..InitializeResult::default()
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        let editor = Arc::clone(&self.0);
        tokio::spawn(async move { editor.keep_told().await });
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    /// Editors send their settings unasked; ours come with `initialize`.
    async fn did_change_configuration(&self, _: DidChangeConfigurationParams) {}

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        let mut folders = self.0.folders();
        let removed: Vec<_> = params
            .event
            .removed
            .iter()
            .filter_map(|it| settings::path(&it.uri))
            .collect();
        folders.retain(|folder| !removed.contains(folder));
        folders.extend(
            params
                .event
                .added
                .iter()
                .filter_map(|it| settings::path(&it.uri)),
        );
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let item = params.text_document;
        let language = Language::of(&item.language_id);
        let mut documents = self.0.documents();
        let known = documents
            .get_mut(&item.uri)
            .filter(|document| document.is(language));
        match known {
            Some(document) => document.reopen(item.version, item.text),
            None => {
                let document = Document::new(language, item.version, &item.text);
                documents.insert(item.uri, document);
            }
        }
        drop(documents);
        self.0.results_changed();
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let (uri, version) = (params.text_document.uri, params.text_document.version);
        let encoding = self.0.settings().encoding;
        let changes: Vec<TextDocumentContentChangeEvent> = params.content_changes;
        let changed = self.0.document(&uri, |document| {
            document.version = version;
            document.change(encoding, &changes)
        });
        let problem = match changed {
            Ok(Ok(())) => return self.0.text_changed(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        let problem = format!("a change is left out: {problem}");
        self.complain(&uri, &problem).await;
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        let uri = params.text_document.uri;
        let mut documents = self.0.documents();
        match documents.get_mut(&uri) {
            Some(document) if document.has_results() => document.open = false,
            _ => drop(documents.remove(&uri)),
        }
        drop(documents);
        self.0.text_changed();
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        let uri = params.text_document.uri;
        self.0.look_back(&uri).await;
        self.look(&uri, |view| Some(show::lenses::lenses(view, &uri)))
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let uri = params.text_document.uri;
        let encoding = self.0.settings().encoding;
        let line = params.range.start.line as usize;
        self.0.look_back(&uri).await;
        self.look(&uri, |view| {
            Some(show::actions::actions(
                view,
                &uri,
                encoding,
                line,
                &params.context,
            ))
        })
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        let encoding = self.0.settings().encoding;
        let lines = params.range.start.line as usize..=params.range.end.line as usize;
        self.look(&params.text_document.uri, |view| {
            Some(show::hints::hints(view, encoding, &lines))
        })
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let at = params.text_document_position_params;
        let encoding = self.0.settings().encoding;
        let result = self.look(&at.text_document.uri, |view| {
            show::hover::hover(view, encoding, at.position.line as usize)
        })?;
        match result {
            None => Ok(names::hover(&self.0, &at).await),
            result => Ok(result),
        }
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let (at, context) = (params.text_document_position, params.context);
        let items = names::completion(&self.0, &at, context.as_ref()).await;
        Ok(items.map(|items| {
            CompletionResponse::List(CompletionList {
                is_incomplete: false,
                items,
            })
        }))
    }

    async fn diagnostic(
        &self,
        params: DocumentDiagnosticParams,
    ) -> Result<DocumentDiagnosticReportResult> {
        let uri = params.text_document.uri;
        let encoding = self.0.settings().encoding;
        let items = self.look(&uri, |view| {
            show::diagnostics::diagnostics(view, &uri, encoding)
        })?;
        let full = FullDocumentDiagnosticReport {
            result_id: None,
            items,
        };
        let report = RelatedFullDocumentDiagnosticReport {
            related_documents: None,
            full_document_diagnostic_report: full,
        };
        Ok(DocumentDiagnosticReport::Full(report).into())
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<LSPAny>> {
        let done = commands::execute(&self.0, params).await;
        done.map(Some).map_err(of_wire)
    }
}

/// The error in tower-lsp-server's form; the transport gives it ours back.
fn of_wire(error: Error) -> jsonrpc::Error {
    jsonrpc::Error {
        code: i64::from(error.code).into(),
        message: error.message.into(),
        data: serde_json::to_value(error.data)
            .ok()
            .filter(|data| *data != Value::Null),
    }
}
