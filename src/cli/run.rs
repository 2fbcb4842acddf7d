//! `tinycode run`: a task for a model, its steps as they go, and its answer.

use std::io;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use serde_json::value::RawValue;

use super::client::{Client, Show};
use super::exit::Exit;
use super::failure::{Failure, defect};
use super::json::JsonLines;
use super::look::{Look, Tone, count, time};
use super::options::{self, SessionArgs, from_here};
use super::screen::{Looks, Screen, complain, print};
use super::stop::Stop;
use super::story::Story;
use crate::protocol::{
    Error, EventEnvelope, RunResult, RunState, SessionInfo, SessionOptions, TrustLevel,
};

const EXAMPLES: &str = "\
Examples:
  tinycode run \"Read data.csv, calculate the mean of column 'value', and return it\"
  tinycode run --base-url http://localhost:8080/v1 --model qwen2.5-coder \"...\"
  git diff | tinycode run --import subprocess -      the task from stdin
  mean=$(tinycode run \"...\")                         the answer alone is on stdout
  tinycode run --json \"...\" | jq -r .type            what happens, as JSON lines
  tinycode run --record day.jsonl \"...\"              then --model replay:day.jsonl, without a key

The key for the model's server is taken from OPENAI_API_KEY, never from the command line.
Ctrl-C stops the run, a second Ctrl-C quits at once.

Exit codes: 0 answer, 1 no answer, 2 usage, 3 model, 4 engine, 130 Ctrl-C, 143 SIGTERM";

/// Options of `tinycode run`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// What to do; `-` reads it from stdin
    task: String,
    /// How far the generated code is trusted; this version has isolated alone
    #[arg(long, value_name = "LEVEL", default_value = "isolated")]
    #[arg(value_parser = ["local", "isolated", "sandboxed"])]
    trust_level: String,
    /// The model, as its server calls it, or replay:FILE [default: gpt-4o-mini]
    #[arg(long, short, value_name = "MODEL")]
    model: Option<String>,
    /// Base URL of the model's server [default: OPENAI_BASE_URL, else https://api.openai.com/v1]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
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
    task: String,
    max_steps: u32,
    options: SessionOptions,
    json: bool,
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
            extra_imports: self.imports.clone(),
            base_url: self.base_url.clone(),
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

/// Runs the task and shows how it goes.
///
/// # Errors
/// When it cannot be run at all.
pub async fn run(
    job: Job,
    client: &mut Client,
    stop: &Stop,
    looks: Looks,
) -> Result<Exit, Failure> {
    let mut view = View::new(looks.err);
    if !job.json {
        view.screen.now("starting Python");
    }
    let session: SessionInfo = client.call("session.create", &job.options).await?;
    let params = json!({
        "session": session.session,
        "task": job.task,
        "max_steps": job.max_steps,
        "return_result": true,
    });
    let id = session.session.as_str();
    let result: RunResult = match job.json {
        true => client.follow(id, "run", &params, &mut JsonLines).await?,
        false => client.follow(id, "run", &params, &mut view).await?,
    };
    if !job.json {
        view.screen.end()?;
        if looks.err.live {
            complain("\n")?;
        }
        print(&answer(looks.out, &result))?;
        complain(&summary(looks.err, &result))?;
    }
    ending(&result, stop)
}

/// How the run ends the program, and why where it has no answer.
fn ending(result: &RunResult, stop: &Stop) -> Result<Exit, Failure> {
    let Some(error) = &result.error else {
        return match result.state {
            RunState::Completed => Ok(Exit::Answer),
            _ => Err(defect("the run ended without saying why")),
        };
    };
    let failure = Error::new(error.kind, &error.message);
    match (result.state, &error.hint) {
        (RunState::Cancelled, _) => Err(stop.failure()),
        // There is no session to go on with, as the hint of the protocol has it.
        (RunState::StepLimitReached, _) => Err(failure
            .hint("raise --max-steps, or say the task in more detail")
            .into()),
        (_, Some(hint)) => Err(failure.hint(hint).into()),
        (_, None) => Err(failure.into()),
    }
}

/// The answer as stdout gets it: as it is, but for people it is bold and cannot command a terminal.
fn answer(look: Look, result: &RunResult) -> String {
    if result.state != RunState::Completed {
        return String::new();
    }
    let text = look.safe(result.output.trim_end_matches('\n'));
    look.paint(Tone::Bold, &text) + "\n"
}

/// What the run took, in a line.
fn summary(look: Look, result: &RunResult) -> String {
    if result.steps_taken == 0 {
        return String::new();
    }
    let mut parts = vec![
        count(result.steps_taken.into(), "step", "steps"),
        time(result.duration_seconds),
    ];
    let tokens = result.metadata.usage.total_tokens;
    if tokens > 0 {
        parts.push(count(tokens, "token", "tokens"));
    }
    look.paint(Tone::Dim, &parts.join(look.dot())) + "\n"
}

/// Shows a run to people.
struct View {
    story: Story,
    screen: Screen,
}

impl View {
    const fn new(look: Look) -> Self {
        Self {
            story: Story::new(look),
            screen: Screen::new(look),
        }
    }
}

impl Show for View {
    fn event(&mut self, params: &RawValue) -> io::Result<()> {
        let event: EventEnvelope = serde_json::from_str(params.get())?;
        self.screen.show(&self.story.tell(&event))
    }

    fn stopping(&mut self) -> io::Result<()> {
        self.screen.now("stopping (Ctrl-C again quits at once)");
        Ok(())
    }
}
