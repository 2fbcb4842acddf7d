//! The command line: a client of the same table of methods as every editor.
//!
//! Each command has a file of its own. Progress and complaints go to stderr, answers to stdout.

mod client;
mod doctor;
mod exec;
mod exit;
mod failure;
mod json;
mod look;
mod options;
mod run;
mod screen;
mod serve;
mod setup;
mod spinner;
mod stop;
mod story;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::config::{self, Config};
use crate::jail::{Without, spawner};
use crate::logging::{self, OF_COMMANDS, OF_DAEMON};
use client::Client;
use exit::Exit;
use failure::Failure;
use screen::{Looks, complain};
use stop::Stop;

/// Fewest threads: on one processor, too, a `ping` must not wait for a slow task.
const MIN_THREADS: usize = 2;
/// Most threads: the daemon waits more than it computes.
const MAX_THREADS: usize = 4;
/// Time that what still runs gets when the program ends.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

const EXAMPLES: &str = "\
Examples:
  tinycode doctor                                    what works on this machine
  tinycode run \"What is the 100th prime number?\"     a task for a model (OPENAI_API_KEY)
  tinycode exec script.py                            your own Python, isolated
  tinycode serve --socket ~/.tinycode.sock           the daemon, for editors and notebooks

`tinycode COMMAND --help` says more, with examples.";

/// An agent that works in Python: for a shell, or as a daemon for editors, notebooks and scripts
#[derive(Parser, Debug)]
#[command(name = "tinycode", version, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// File with the Python of local sessions, built elsewhere [env: TINYCODE_LOCAL_COMPONENT]
    #[arg(long, global = true, value_name = "FILE")]
    local_component: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Give a model a task; show its steps and print its answer
    Run(run::RunArgs),
    /// Run a file of Python code in an isolated process, without a model
    Exec(exec::ExecArgs),
    /// Say what works on this machine, and what to do about what does not
    Doctor(doctor::DoctorArgs),
    /// Make beforehand what trust levels need: the Python of local sessions, the image of sandboxed ones
    Setup(setup::SetupArgs),
    /// Serve editors, notebooks and scripts over JSON-RPC
    Serve(serve::ServeArgs),
    /// Start isolated sessions for a daemon
    #[command(hide = true)]
    SpawnSessions(SpawnArgs),
}

/// Options of the process that starts isolated sessions.
#[derive(clap::Args, Debug)]
struct SpawnArgs {
    /// Layers of protection to leave out, with commas between them
    #[arg(long, default_value = "")]
    without: String,
}

/// The program `tinycode`, from its arguments to its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => {
            let _ = told.print(); // help, a version or a complaint: whoever closed the pipe has enough
            return u8::try_from(told.exit_code()).unwrap_or(2).into();
        }
    };
    if let Command::SpawnSessions(args) = &cli.command {
        return spawner::main(&Without::parse(&args.without));
    }
    crate::engine::local::open_map(); // which the system shows only before the key is hidden
    let hidden = config::hide_key();
    let mut config = Config::from_environment();
    config.local_component = cli.local_component.or(config.local_component);
    let looks = Looks::find(&config);
    let ready =
        hidden.map_err(|error| failure::defect(format!("the API key cannot be hidden: {error}")));
    let ended = ready.and_then(|()| start(cli.command, &config, looks));
    ended.unwrap_or_else(|failure| {
        let _ = complain(&failure.text(looks.err)); // there is nowhere else to say it
        failure.exit().into()
    })
}

fn start(command: Command, config: &Config, looks: Looks) -> Result<ExitCode, Failure> {
    match command {
        Command::Run(args) => {
            log(config, OF_COMMANDS, None)?;
            let job = args.job()?; // may read stdin, where Ctrl-C must still end the program
            // Whoever started this process configures it, whose key is theirs.
            let mut config = config.clone();
            config.base_url = args.base_url.unwrap_or(config.base_url);
            as_client(&config, args.record, async |client, stop| {
                run::run(job, client, stop, looks).await
            })
        }
        Command::Exec(args) => {
            log(config, OF_COMMANDS, None)?;
            let job = args.job()?;
            as_client(config, None, async |client, stop| {
                exec::run(job, client, stop, looks).await
            })
        }
        Command::Doctor(args) => {
            log(config, OF_COMMANDS, None)?;
            as_client(config, None, async |client, _| {
                doctor::run(&args, config, client, looks).await
            })
        }
        Command::Setup(args) => {
            log(config, OF_COMMANDS, None)?;
            on_runtime(async { Ok(setup::run(args, config, looks).await?.into()) })
        }
        Command::SpawnSessions(_) => Ok(ExitCode::SUCCESS), // has been served before there were threads
        Command::Serve(args) => {
            log(config, OF_DAEMON, args.log_file.as_deref())?;
            on_runtime(serve::run(args, config))
        }
    }
}

fn log(config: &Config, default: &str, file: Option<&Path>) -> Result<(), Failure> {
    Ok(logging::start(config.log_filter.as_deref(), default, file)?)
}

/// Does what a client does in a daemon of its own, and ends with all that ran in it.
fn as_client(
    config: &Config,
    record: Option<PathBuf>,
    work: impl AsyncFnOnce(&mut Client, &Stop) -> Result<Exit, Failure>,
) -> Result<ExitCode, Failure> {
    on_runtime(async {
        let app = config.app(record, None, Vec::new());
        let stop = Stop::listen()?;
        let mut client = Client::new(app.clone(), stop.clone());
        let ended = work(&mut client, &stop).await;
        tokio::select! {
            () = app.registry.close_all("the command has ended") => {}
            () = stop.at_once.cancelled() => {}
        }
        Ok(ended?.into())
    })
}

fn on_runtime(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(work);
    // Drops what still runs, which kills its processes.
    runtime.shutdown_timeout(LAST_PATIENCE);
    ended
}

fn runtime() -> Result<Runtime, Failure> {
    let processors = std::thread::available_parallelism().map_or(MIN_THREADS, usize::from);
    let runtime = Builder::new_multi_thread()
        .worker_threads(processors.clamp(MIN_THREADS, MAX_THREADS))
        .enable_all()
        .build();
    runtime.map_err(|error| failure::defect(format!("cannot start: {error}")))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_options_are_consistent_and_mistakes_are_usage_errors() {
        Cli::command().debug_assert();
        let wrong = [
            "tinycode",
            "tinycode walk",
            "tinycode run",
            "tinycode run --max-steps x task",
            "tinycode run --trust-level full task",
            "tinycode run --api-key sk-1 task",
            "tinycode exec",
            "tinycode serve --allow-remote",
        ];
        for line in wrong {
            let told = Cli::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(told.exit_code(), 2, "{line}");
        }
    }
}
