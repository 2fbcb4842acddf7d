//! The system prompt of a session, from its options and its tools.

use std::path::{Path, PathBuf};

use super::error::SessionError;
use super::signature;
use crate::agent::prompt::{Folder, SystemPrompt, ToolDoc};
use crate::engine::imports;
use crate::protocol::{CwdMode, Sandbox, SessionOptions, Tool, TrustLevel};
use crate::regular_file;

/// Bytes of a prompt file.
const MAX_PROMPT: u64 = 1 << 20;

/// What the system prompt is made of, beside the tools.
#[derive(Debug)]
pub struct Prompt {
    imports: Vec<String>,
    /// The text of the user's `prompt_file`.
    template: Option<String>,
    suffix: Option<String>,
    folder: Option<Folder>,
}

impl Prompt {
    /// Reads what the options name.
    ///
    /// # Errors
    /// When `prompt_file` cannot be read.
    pub fn read(options: &SessionOptions) -> Result<Self, SessionError> {
        let template = match &options.prompt_file {
            Some(file) => {
                let path = path_in_folder(options.cwd.as_deref(), file);
                let text =
                    regular_file::read(&path, MAX_PROMPT).map_err(|error| SessionError::Option {
                        field: "prompt_file",
                        message: format!("cannot read '{file}': {error}"),
                    });
                Some(text?)
            }
            None => None,
        };
        Ok(Self {
            imports: options.extra_imports.clone(),
            template,
            suffix: options.system_suffix.clone(),
            folder: folder(options),
        })
    }

    /// The prompt with these tools in it.
    pub fn with_tools<'a>(&self, tools: impl Iterator<Item = &'a Tool>) -> String {
        let tools = with_signatures(tools);
        let docs = docs(&tools);
        let prompt = SystemPrompt {
            default_imports: imports::DEFAULT,
            imports: &self.imports,
            tools: &docs,
            folder: self.folder,
            template: self.template.as_deref(),
            suffix: self.suffix.as_deref(),
        };
        prompt.render()
    }
}

/// The folder that the code works in, if it has one.
fn folder(options: &SessionOptions) -> Option<Folder> {
    let writable = match options.trust_level {
        TrustLevel::Local => options.cwd.as_ref().map(|_| false)?,
        TrustLevel::Isolated => options.sandbox != Some(Sandbox::Strict),
        TrustLevel::Sandboxed => options.cwd_mode != Some(CwdMode::Mount),
    };
    Some(if writable {
        Folder::Writable
    } else {
        Folder::ReadOnly
    })
}

/// What the model is told of the tools once it has acted, when its system prompt stays as it is.
pub fn tools_now<'a>(tools: impl Iterator<Item = &'a Tool>) -> String {
    let tools = with_signatures(tools);
    let lines: Vec<String> = docs(&tools).iter().map(ToolDoc::line).collect();
    format!("Your tools are now:\n{}", lines.join("\n"))
}

fn with_signatures<'a>(tools: impl Iterator<Item = &'a Tool>) -> Vec<(&'a Tool, String)> {
    tools.map(|tool| (tool, signature::of(tool))).collect()
}

fn docs<'a>(tools: &'a [(&Tool, String)]) -> Vec<ToolDoc<'a>> {
    let docs = tools.iter().map(|(tool, signature)| ToolDoc {
        name: &tool.name,
        signature,
        description: &tool.description,
    });
    docs.collect()
}

/// A file that an option names; looked for in the session's folder.
pub fn path_in_folder(cwd: Option<&str>, file: &str) -> PathBuf {
    cwd.map_or_else(|| PathBuf::from(file), |cwd| Path::new(cwd).join(file))
}
