//! The options of `tinycode run`, and what they are called in the protocol.

use std::path::PathBuf;

use clap::Args;

use crate::cli::failure::Failure;
use crate::cli::options::{self, SessionArgs, from_here};
use crate::protocol::{CwdMode, SessionOptions, TrustLevel};

const EXAMPLES: &str = "\
Examples:
  tinycode run \"Read data.csv, calculate the mean of column 'value', and return it\"
  tinycode run --base-url http://localhost:8080/v1 --model qwen2.5-coder \"...\"
  git diff | tinycode run --import subprocess -      the task from stdin
  mean=$(tinycode run \"...\")                         the answer alone is on stdout
  tinycode run --json \"...\" | jq -r .type            what happens, as JSON lines
  tinycode run --record day.jsonl \"...\"              then --model replay:day.jsonl, without a key

The key for the model's server is taken from OPENAI_API_KEY, never from the command line. It goes to the
server of --base-url, which takes the place of OPENAI_BASE_URL, and to no other.
Ctrl-C stops the run, a second Ctrl-C quits at once.

Exit codes: 0 answer, 1 no answer, 2 usage, 3 model, 4 engine, 130 Ctrl-C, 143 SIGTERM";

/// Options of `tinycode run`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// What to do; `-` reads it from stdin
    task: String,
    /// How far the generated code is trusted: in the daemon, in a process, or in a container
    #[arg(long, value_name = "LEVEL", default_value = "isolated")]
    #[arg(value_parser = ["local", "isolated", "sandboxed"])]
    trust_level: String,
    /// How a sandboxed run has the folder: a copy, or the folder itself, read-only [default: copy]
    #[arg(long, value_name = "MODE", value_parser = ["copy", "mount"])]
    cwd_mode: Option<String>,
    /// The model, as its server calls it, or replay:FILE [default: gpt-4o-mini]
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,
    /// Base URL of the model's server [default: OPENAI_BASE_URL, else https://api.openai.com/v1]
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// Steps that the run may take
    #[arg(long, value_name = "N", default_value_t = 10)]
    max_steps: u32,
    /// Bytes of output of one step that are kept
    #[arg(long, value_name = "BYTES", default_value_t = 10_000)]
    max_output_bytes: u64,
    /// Package that the code may import beyond the harmless part of the standard library; * for all
    #[arg(long = "import", value_name = "PKG")]
    imports: Vec<String>,
    #[command(flatten)]
    session: SessionArgs,
    /// File whose text takes the place of the system prompt
    #[arg(long, value_name = "FILE")]
    prompt_file: Option<String>,
    /// Text added to the end of the system prompt
    #[arg(long, value_name = "TEXT")]
    system_suffix: Option<String>,
    /// File to which the replies of the model are added
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Write every event as one JSON line to stdout, and nothing else
    #[arg(long)]
    json: bool,
}

/// A task that is ready to run.
#[derive(Debug)]
pub struct Job {
    /// What to do.
    pub task: String,
    /// Steps that the run may take.
    pub max_steps: u32,
    /// Of the session that it runs in.
    pub options: SessionOptions,
    /// Whether events go to stdout.
    pub json: bool,
}

impl RunArgs {
    /// Reads what the options name.
    ///
    /// # Errors
    /// When they cannot be meant.
    pub fn job(&self) -> Result<Job, Failure> {
        let task = match self.task.as_str() {
            "-" => options::stdin("the task")?,
            task => task.to_owned(),
        };
        if task.trim().is_empty() {
            return Err(Failure::Usage("the task is empty".to_owned()));
        }
        Ok(Job {
            task,
            max_steps: self.max_steps,
            options: self.options()?,
            json: self.json,
        })
    }

    fn options(&self) -> Result<SessionOptions, Failure> {
        let mut options = SessionOptions {
            trust_level: match self.trust_level.as_str() {
                "local" => TrustLevel::Local,
                "sandboxed" => TrustLevel::Sandboxed,
                _ => TrustLevel::Isolated,
            },
            cwd_mode: self.cwd_mode.as_deref().map(|mode| match mode {
                "mount" => CwdMode::Mount,
                _ => CwdMode::Copy,
            }),
            extra_imports: self.imports.clone(),
            prompt_file: self.prompt_file.as_deref().map(from_here).transpose()?,
            system_suffix: self.system_suffix.clone(),
            ..SessionOptions::default()
        };
        if let Some(model) = &self.model {
            options.model = match model.strip_prefix("replay:") {
                Some(file) => format!("replay:{}", from_here(file)?),
                None => model.clone(),
            };
        }
        if self.record.is_some() && options.model.starts_with("replay:") {
            let what = "--record: what is replayed cannot be recorded again";
            return Err(Failure::Usage(what.to_owned()));
        }
        options.limits.max_output_bytes = self.max_output_bytes;
        options.limits.max_steps = self.max_steps;
        self.session.fill(&mut options)?;
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<SessionOptions, Failure> {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            run: RunArgs,
        }
        let words = ["run", "task"].into_iter().chain(line.split_whitespace());
        <Line as clap::Parser>::parse_from(words).run.options()
    }

    #[test]
    fn options_are_what_the_protocol_calls_them() {
        let given =
            options("--max-steps 200 --import numpy --import pandas --timeout 1.5").unwrap();
        let default = SessionOptions::default();
        assert_eq!(given.trust_level, TrustLevel::Isolated);
        assert_eq!(given.extra_imports, ["numpy", "pandas"]);
        assert_eq!(
            (given.limits.max_steps, given.limits.timeout_seconds),
            (200, 1.5)
        );
        assert_eq!(
            (given.model, given.cwd, given.python),
            (default.model, None, None)
        );
        let paths = options("--model replay:a.jsonl --cwd b --python ./c --prompt-file d").unwrap();
        let here = from_here(".").unwrap();
        let here = here.trim_end_matches(['.', '/']);
        assert_eq!(paths.model, format!("replay:{here}/a.jsonl"));
        assert_eq!(paths.cwd, Some(format!("{here}/b")));
        assert_eq!(paths.python, Some(format!("{here}/c")));
        assert_eq!(paths.prompt_file, Some(format!("{here}/d")));
        let sandboxed = options("--trust-level sandboxed --cwd b --cwd-mode mount").unwrap();
        assert_eq!(sandboxed.cwd_mode, Some(CwdMode::Mount));
        assert!(options("--model replay:a.jsonl --record b").is_err());
    }
}
