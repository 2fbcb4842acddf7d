//! What a client can do and wants: its capabilities and `initializationOptions`, and what it is offered.
//!
//! Pure: from LSP's `initialize` to settings and back.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tower_lsp_server::ls_types::{
    ClientCapabilities, CodeActionKind, CodeActionOptions, CodeActionProviderCapability,
    CodeLensOptions, CompletionOptions, DiagnosticOptions, DiagnosticServerCapabilities,
    ExecuteCommandOptions, HoverProviderCapability, InitializeParams, OneOf, ServerCapabilities,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, Uri,
    WorkspaceFoldersServerCapabilities, WorkspaceServerCapabilities,
};

use super::text::position::Encoding;
use super::{commands, names};
use crate::protocol::{Error, ErrorKind, SessionOptions};

/// What a client can do and wants.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How it counts characters.
    pub encoding: Encoding,
    /// Whether it can be asked to show progress.
    pub progress: bool,
    /// Whether it can be asked to ask for hints again.
    pub refresh_hints: bool,
    /// Whether it can be asked to ask for lenses again.
    pub refresh_lenses: bool,
    /// Whether it asks for diagnostics, and can be asked to ask again; else it is sent them.
    pub pulls_diagnostics: bool,
    /// Whether it wants the notifications `tinycode/execution`.
    pub executions: bool,
    /// Whether commands that run something answer at once.
    pub detach: bool,
    /// Whether it is offered inlay hints.
    pub hints: bool,
    /// What its sessions are to be like, but for the folder.
    pub session: Map<String, Value>,
}

/// `initializationOptions`. Unknown ones are for others, or from the future.
#[derive(Deserialize)]
#[serde(default)]
struct Wanted {
    session: Map<String, Value>,
    detach: bool,
    hints: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            session: Map::new(),
            detach: false,
            hints: true,
        }
    }
}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// When an option is not as it should be.
    pub fn read(params: &InitializeParams) -> Result<Self, Error> {
        let options = params.initialization_options.clone().unwrap_or_default();
        let wanted = match options {
            Value::Null => Wanted::default(),
            options => read("initializationOptions", options)?,
        };
        let capabilities = &params.capabilities;
        let general = capabilities.general.as_ref();
        let offered = general.and_then(|general| general.position_encodings.as_deref());
        let settings = Self {
            encoding: Encoding::negotiate(offered),
            detach: wanted.detach,
            hints: wanted.hints,
            session: wanted.session,
            ..Self::of_capabilities(capabilities)
        };
        settings.session_options(Map::new(), None)?;
        Ok(settings)
    }

    fn of_capabilities(capabilities: &ClientCapabilities) -> Self {
        let workspace = capabilities.workspace.as_ref();
        let window = capabilities.window.as_ref();
        let refresh = |support: Option<Option<bool>>| support.flatten().unwrap_or(false);
        let document = capabilities.text_document.as_ref();
        let pulls = document.is_some_and(|document| document.diagnostic.is_some());
        let asked = workspace.and_then(|workspace| workspace.diagnostics.as_ref());
        let experimental = capabilities.experimental.as_ref();
        let executions = experimental.and_then(|all| all.pointer("/tinycode/executions"));
        Self {
            progress: refresh(window.map(|window| window.work_done_progress)),
            refresh_hints: refresh(workspace.and_then(|workspace| {
                workspace
                    .inlay_hint
                    .as_ref()
                    .map(|hint| hint.refresh_support)
            })),
            refresh_lenses: refresh(workspace.and_then(|workspace| {
                workspace
                    .code_lens
                    .as_ref()
                    .map(|lens| lens.refresh_support)
            })),
            pulls_diagnostics: pulls && refresh(asked.map(|asked| asked.refresh_support)),
            executions: executions == Some(&Value::Bool(true)),
            ..Self::default()
        }
    }

    /// The options of a session that works in `folder`, with `changes` to what was configured.
    ///
    /// # Errors
    /// When an option is not as it should be.
    pub fn session_options(
        &self,
        changes: Map<String, Value>,
        folder: Option<&Path>,
    ) -> Result<SessionOptions, Error> {
        let mut options = Map::new();
        options.insert("trust_level".to_owned(), json!("isolated"));
        options.insert("extra_imports".to_owned(), json!(["*"]));
        if let Some(folder) = folder {
            options.insert("cwd".to_owned(), json!(folder));
        }
        options.extend(self.session.clone());
        options.extend(changes);
        let options: SessionOptions = read("session", Value::Object(options))?;
        let checked = options.check();
        checked.map_err(|(field, what)| invalid(format!("session.{field}: {what}")))?;
        Ok(options)
    }

    /// What the client is offered.
    pub fn offer(&self, status: &Value) -> ServerCapabilities {
        ServerCapabilities {
            position_encoding: Some(self.encoding.kind()),
            text_document_sync: Some(TextDocumentSyncCapability::Options(
                TextDocumentSyncOptions {
                    open_close: Some(true),
                    change: Some(TextDocumentSyncKind::INCREMENTAL),
                    ..TextDocumentSyncOptions::default()
                },
            )),
            hover_provider: Some(HoverProviderCapability::Simple(true)),
            completion_provider: Some(CompletionOptions {
                trigger_characters: Some(names::TRIGGERS.map(str::to_owned).to_vec()),
                ..CompletionOptions::default()
            }),
            code_lens_provider: Some(CodeLensOptions {
                resolve_provider: None,
            }),
            code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
                code_action_kinds: Some(vec![CodeActionKind::EMPTY, CodeActionKind::REFACTOR]),
                ..CodeActionOptions::default()
            })),
            inlay_hint_provider: self.hints.then_some(OneOf::Left(true)),
            diagnostic_provider: self.pulls_diagnostics.then(|| {
                DiagnosticServerCapabilities::Options(DiagnosticOptions {
                    identifier: Some("tinycode".to_owned()),
                    ..DiagnosticOptions::default()
                })
            }),
            execute_command_provider: Some(ExecuteCommandOptions {
                commands: commands::NAMES
                    .iter()
                    .map(|name| (*name).to_owned())
                    .collect(),
                ..ExecuteCommandOptions::default()
            }),
            workspace: Some(WorkspaceServerCapabilities {
                workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                    supported: Some(true),
                    change_notifications: Some(OneOf::Left(true)),
                }),
                ..WorkspaceServerCapabilities::default()
            }),
            experimental: Some(json!({"tinycode": status})),
            ..ServerCapabilities::default()
        }
    }
}

/// Reads a value; an error names the field, below `name`.
pub fn read<T: serde::de::DeserializeOwned>(name: &str, value: Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." {
            name.to_owned()
        } else {
            format!("{name}.{path}")
        };
        invalid(format!("{field}: {}", error.inner()))
    })
}

/// The client asked for something that is not as it should be.
pub fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidParams, message)
}

/// The folders that a client works in.
pub fn folders(params: &InitializeParams) -> Vec<PathBuf> {
    let folders = params.workspace_folders.iter().flatten();
    let folders: Vec<PathBuf> = folders.filter_map(|folder| path(&folder.uri)).collect();
    if !folders.is_empty() {
        return folders;
    }
    #[expect(deprecated, reason = "what editors sent before there were folders")]
    let root = params
        .root_uri
        .as_ref()
        .and_then(path)
        .or_else(|| params.root_path.as_ref().map(PathBuf::from));
    root.into_iter().collect()
}

/// The path of a file on this machine.
pub fn path(uri: &Uri) -> Option<PathBuf> {
    let is_file = uri.scheme().as_str().eq_ignore_ascii_case("file");
    uri.to_file_path()
        .filter(|_| is_file)
        .map(|path| path.into_owned())
}

/// The folder that the code of a document works in: the innermost that the client has open around it,
/// else the one that it is in, else the first that is open.
pub fn folder_of(uri: &Uri, folders: &[PathBuf]) -> Option<PathBuf> {
    let file = path(uri);
    let around = file.as_ref().and_then(|file| {
        let around = folders.iter().filter(|folder| file.starts_with(folder));
        around
            .max_by_key(|folder| folder.components().count())
            .cloned()
    });
    around
        .or_else(|| file.and_then(|file| file.parent().map(Path::to_owned)))
        .or_else(|| folders.first().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "`json!` is a value")]
    fn settings(options: Value) -> Result<Settings, Error> {
        let params = json!({"capabilities": {}, "initializationOptions": options});
        Settings::read(&serde_json::from_value(params).unwrap())
    }

    #[test]
    fn what_is_not_configured_is_what_editors_are_given() {
        for options in [
            Value::Null,
            json!({}),
            json!({"session": {}}),
            json!({"else": 1}),
        ] {
            let options = settings(options)
                .unwrap()
                .session_options(Map::new(), Some(Path::new("/w")));
            let options = options.unwrap();
            assert_eq!(options.trust_level.to_string(), "isolated");
            assert_eq!(
                (options.extra_imports, options.cwd),
                (vec!["*".to_owned()], Some("/w".to_owned()))
            );
        }
    }

    #[test]
    fn what_is_configured_is_kept_and_what_a_command_says_comes_first() {
        let configured = json!({"session": {"model": "m", "extra_imports": [], "cwd": "/c"}});
        let mut changes = Map::new();
        changes.insert("model".to_owned(), json!("n"));
        let options = settings(configured)
            .unwrap()
            .session_options(changes, Some(Path::new("/w")))
            .unwrap();
        assert_eq!(
            (options.model.as_str(), options.cwd.as_deref()),
            ("n", Some("/c"))
        );
        assert!(options.extra_imports.is_empty());
    }

    #[test]
    fn what_is_configured_wrongly_is_named() {
        let cases = [
            (json!({"session": {"modell": "m"}}), "modell"),
            (
                json!({"session": {"limits": {"timeout_seconds": 0}}}),
                "limits.timeout_seconds",
            ),
            (json!({"session": []}), "initializationOptions.session"),
            (json!({"detach": 1}), "initializationOptions.detach"),
            (json!(7), "initializationOptions"),
        ];
        for (options, name) in cases {
            let error = settings(options).unwrap_err();
            assert_eq!(error.code, -32602);
            assert!(error.message.contains(name), "{}", error.message);
        }
    }

    #[test]
    fn code_works_in_the_innermost_folder_around_its_file() {
        let folders: Vec<PathBuf> = ["/w", "/w/in", "/other"]
            .iter()
            .map(PathBuf::from)
            .collect();
        let cases = [
            ("file:///w/a.py", &folders[..], Some("/w")),
            ("file:///w/in/a%20b.py", &folders, Some("/w/in")),
            ("file:///w/inner/a.py", &folders, Some("/w")),
            ("file:///else/a.py", &folders, Some("/else")),
            ("untitled:Untitled-1", &folders, Some("/w")),
            ("untitled:Untitled-1", &[], None),
        ];
        for (uri, folders, wanted) in cases {
            let folder = folder_of(&uri.parse().unwrap(), folders);
            assert_eq!(folder.as_deref(), wanted.map(Path::new), "{uri}");
        }
    }
}
