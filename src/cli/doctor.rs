//! `tinycode doctor`: what works on this machine, and what to do about what does not.

mod report;

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::client::Client;
use super::exit::Exit;
use super::failure::{Failure, as_options, defect};
use super::screen::{Looks, Screen, print};
use crate::config::Config;
use crate::logging::OF_COMMANDS;
use crate::model;
use crate::protocol::{
    Empty, ExecResult, LevelStatus, SessionInfo, SessionOptions, SessionRef, Status, TrustLevel,
};

/// Time that the model's server gets to answer.
const PATIENCE: Duration = Duration::from_secs(5);

const EXAMPLES: &str = "\
Examples:
  tinycode doctor
  tinycode doctor --json | jq .trust_levels.isolated
  OPENAI_BASE_URL=http://localhost:8080/v1 tinycode doctor

Every check is real: Python is started and runs code. The API key is neither shown nor sent.

Exit codes: 0 at least one trust level works, 4 none does";

/// Options of `tinycode doctor`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    /// Write one JSON object to stdout
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Findings {
    version: String,
    trust_levels: Levels,
    model: ModelServer,
    state_folder: Folder,
    log: Log,
}

#[derive(Debug, Serialize)]
struct Levels {
    isolated: Level,
    local: Level,
    sandboxed: Level,
}

/// What a trust level says of itself, and how it did.
#[derive(Debug, Serialize)]
struct Level {
    #[serde(flatten)]
    status: LevelStatus,
    /// Whether it ran code.
    works: bool,
    /// Milliseconds until a session was there.
    start_ms: Option<f64>,
    /// Milliseconds that `1+1` took in it.
    exec_ms: Option<f64>,
    /// What to do about what does not work.
    hint: Option<String>,
}

#[derive(Debug, Serialize)]
struct ModelServer {
    api_key_set: bool,
    /// Absent where it cannot be used.
    base_url: Option<String>,
    reachable: bool,
    reason: Option<String>,
    hint: Option<String>,
}

#[derive(Debug, Serialize)]
struct Folder {
    path: String,
    writable: bool,
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct Log {
    filter: String,
}

/// Looks, and says what it found.
///
/// # Errors
/// When it cannot look at all, or not say it.
pub async fn run(
    args: &DoctorArgs,
    config: &Config,
    client: &Client,
    looks: Looks,
) -> Result<Exit, Failure> {
    let mut screen = Screen::new(looks.err);
    if !args.json {
        screen.now("looking");
    }
    let status: Status = client.call("status", &Empty {}).await?;
    let levels = status.trust_levels;
    let findings = Findings {
        version: status.version,
        trust_levels: Levels {
            isolated: try_level(client, levels.isolated, TrustLevel::Isolated).await?,
            local: try_level(client, levels.local, TrustLevel::Local).await?,
            sandboxed: try_level(client, levels.sandboxed, TrustLevel::Sandboxed).await?,
        },
        model: find_model(config).await,
        state_folder: try_folder(&config.state_folder),
        log: Log {
            filter: config
                .log_filter
                .clone()
                .unwrap_or_else(|| OF_COMMANDS.to_owned()),
        },
    };
    screen.end()?;
    print(&match args.json {
        true => serde_json::to_string(&findings).map_err(defect)? + "\n",
        false => report::text(looks.out, &findings),
    })?;
    let levels = &findings.trust_levels;
    let works = levels.isolated.works || levels.local.works || levels.sandboxed.works;
    Ok(if works { Exit::Answer } else { Exit::Engine })
}

/// Starts a session of the level and runs `1+1` in it.
async fn try_level(
    client: &Client,
    status: LevelStatus,
    trust_level: TrustLevel,
) -> Result<Level, Failure> {
    let mut level = Level {
        status,
        works: false,
        start_ms: None,
        exec_ms: None,
        hint: None,
    };
    if !level.status.available && trust_level != TrustLevel::Sandboxed {
        let hint = "install Python 3.9 or newer and have `python3` on the PATH";
        level.hint = (trust_level == TrustLevel::Isolated).then(|| hint.to_owned());
        return Ok(level);
    }
    let options = SessionOptions {
        trust_level,
        ..SessionOptions::default()
    };
    match try_session(client, &options).await {
        Ok((start, exec, result)) => {
            level.works = result.value.as_deref() == Some("2");
            level.start_ms = Some(in_ms(start));
            level.exec_ms = Some(in_ms(exec));
            if let Some(error) = result.error {
                level.status.reason = Some(error.message);
            }
        }
        Err(Failure::Wire(error)) => {
            level.status.reason = Some(error.message);
            // Some errors send people here.
            let hint = error.data.hint.filter(|hint| !hint.contains("doctor"));
            level.hint = hint.map(|hint| as_options(&hint));
        }
        Err(failure) => return Err(failure),
    }
    Ok(level)
}

async fn try_session(
    client: &Client,
    options: &SessionOptions,
) -> Result<(Duration, Duration, ExecResult), Failure> {
    let begun = Instant::now();
    let SessionInfo { session, .. } = client.call("session.create", options).await?;
    let start = begun.elapsed();
    let begun = Instant::now();
    let code = json!({"session": session, "code": "1+1"});
    let result: ExecResult = client.call("exec", &code).await?;
    let exec = begun.elapsed();
    let _: Empty = client
        .call("session.close", &SessionRef { session })
        .await?;
    Ok((start, exec, result))
}

fn in_ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

async fn find_model(config: &Config) -> ModelServer {
    let mut server = ModelServer {
        api_key_set: config.api_key.is_some(),
        base_url: None,
        reachable: false,
        reason: None,
        hint: None,
    };
    match model::reach(&config.base_url, config.api_key.as_ref(), PATIENCE).await {
        Ok(reached) => {
            server.base_url = Some(reached.url);
            server.reachable = reached.failure.is_none();
            server.reason = reached.failure;
        }
        Err(error) => {
            server.reason = Some(error.message);
            server.hint = error.hint.map(|hint| as_options(&hint));
        }
    }
    server
}

/// Writes a file into the folder, which is made where it is missing.
fn try_folder(folder: &Path) -> Folder {
    let tried = || -> io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        tempfile::tempfile_in(folder).map(drop)
    };
    let reason = tried().err().map(|error| error.to_string());
    Folder {
        path: folder.display().to_string(),
        writable: reason.is_none(),
        reason,
    }
}
