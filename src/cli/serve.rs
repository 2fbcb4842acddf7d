//! `tinycode serve`: the daemon.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::failure::Failure;
use crate::api::App;
use crate::config::Config;
use crate::transport;

const EXAMPLES: &str = "\
Examples:
  tinycode serve                                     JSON-RPC over stdin and stdout, for an editor
  tinycode serve --socket /run/user/1000/tinycode    the same for many clients, on a Unix socket
  tinycode serve --ws 127.0.0.1:8765                 WebSocket and HTTP POST, with a token

Several transports may be given at once; all share one set of sessions.";

/// Options of `tinycode serve`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    /// Serve stdin and stdout, with Content-Length framing [default, where nothing else is given]
    #[arg(long)]
    stdio: bool,
    /// Serve a Unix socket of mode 0600, with the same framing, to many clients
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Serve WebSocket and HTTP POST; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT")]
    ws: Option<String>,
    /// Let other machines connect to --ws
    #[arg(long, requires = "ws")]
    allow_remote: bool,
    /// Let pages of this origin connect to --ws, such as https://example.org
    #[arg(long, value_name = "ORIGIN", requires = "ws")]
    allow_origin: Vec<String>,
    /// Let clients of --ws call this machine by this name
    #[arg(long, value_name = "NAME", requires = "ws")]
    allow_host: Vec<String>,
    /// File that holds the token of --ws [default: one is made at start]
    #[arg(long, value_name = "FILE", requires = "ws")]
    token_file: Option<PathBuf>,
    /// File to which the replies of all models are added
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// File to which log lines are added [default: stderr]
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
}

impl ServeArgs {
    /// The files that are the daemon's alone.
    fn own_files(&self) -> Vec<PathBuf> {
        let named = [&self.socket, &self.token_file, &self.record, &self.log_file];
        let named = named.into_iter().flatten();
        named
            .filter_map(|file| std::path::absolute(file).ok())
            .collect()
    }

    fn options(self, config: &Config) -> transport::Options {
        transport::Options {
            stdio: self.stdio || (self.socket.is_none() && self.ws.is_none()),
            socket: self.socket,
            ws: self.ws,
            allow_remote: self.allow_remote,
            allow_origin: self.allow_origin,
            allow_host: self.allow_host,
            token_file: self.token_file,
            state_folder: config.state_folder.clone(),
        }
    }
}

/// Serves until it is ended.
///
/// # Errors
/// When it cannot serve what it was asked to.
pub async fn run(args: ServeArgs, config: &Config) -> Result<ExitCode, Failure> {
    let ready = Some(config.sandbox_ready);
    let app: Arc<App> = config.app(args.record.clone(), ready, args.own_files());
    let served = transport::serve(Arc::clone(&app), args.options(config)).await;
    app.registry.close_all("the daemon ends").await;
    served.map_err(|error| Failure::Usage(format!("cannot serve: {error}")))
}
