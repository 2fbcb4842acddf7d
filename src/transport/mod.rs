//! The ways into the daemon: bytes on one side, the methods of `api` on the other.

mod access;
mod body;
mod framed;
mod frames;
mod guard;
mod room;
mod stdio;
mod stream;
mod token;
mod unix;
mod ws;

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::api::App;
use crate::protocol::TrustLevel;
use access::Access;
use framed::{Daemon, Ended};
use token::Token;

/// Which ways into the daemon to open.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Standard input and output.
    pub stdio: bool,
    /// A Unix socket at this path.
    pub socket: Option<PathBuf>,
    /// WebSocket and HTTP at this `HOST:PORT`; port 0 takes any that is free.
    pub ws: Option<String>,
    /// Whether `ws` may be an address that other machines reach.
    pub allow_remote: bool,
    /// Origins of pages that may connect.
    pub allow_origin: Vec<String>,
    /// Further names of this machine.
    pub allow_host: Vec<String>,
    /// Where the token is; else one is made.
    pub token_file: Option<PathBuf>,
    /// Where a token that is made is written to.
    pub state_folder: PathBuf,
}

/// Serves clients until the daemon is to end, and ends all sessions.
///
/// # Errors
/// When one of the ways cannot be opened; no client has been served then.
pub async fn serve(app: Arc<App>, options: Options) -> io::Result<ExitCode> {
    // First of all: who sees that a way is open may also tell the daemon to end.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let socket = options.socket.as_deref().map(unix::bind).transpose()?;
    let ws = match &options.ws {
        Some(address) => Some(open_ws(&app, address, &options)?),
        None => None,
    };
    // Found out while the first client connects, so that `initialize` can say it at once. Not so for
    // sandboxed: looking closely takes a container, which nobody may want.
    let registry = Arc::clone(&app.registry);
    tokio::spawn(async move {
        let patience = std::time::Duration::from_secs(30);
        futures_util::future::join_all(
            [TrustLevel::Local, TrustLevel::Isolated].map(|level| registry.level(level, patience)),
        )
        .await
    });
    let daemon = Daemon::new(&app);
    let code = tokio::select! {
        ended = stdio::serve(daemon.clone()), if options.stdio => match ended {
            Ended::AfterShutdown => ExitCode::SUCCESS,
            Ended::Abruptly => ExitCode::FAILURE,
        },
        never = serve_socket(&daemon, socket.as_ref()) => match never {},
        _ = terminate.recv() => ExitCode::SUCCESS,
        _ = interrupt.recv() => ExitCode::SUCCESS,
        _ = hang_up.recv() => ExitCode::SUCCESS,
    };
    if let Some((server, _token)) = ws {
        server.stop().await;
    }
    app.registry.close_all("the daemon has ended").await;
    Ok(code)
}

async fn serve_socket(daemon: &Daemon, socket: Option<&unix::Socket>) -> Infallible {
    match socket {
        Some(socket) => unix::serve(daemon, socket).await,
        None => std::future::pending().await,
    }
}

/// Opens the WebSocket server and says on stderr where it is. Its token goes with what is returned.
fn open_ws(app: &Arc<App>, address: &str, options: &Options) -> io::Result<(ws::Server, Token)> {
    let addresses: Vec<SocketAddr> = address
        .to_socket_addrs()
        .map_err(|error| named(address, &error))?
        .collect();
    let remote = addresses.iter().any(|address| !address.ip().is_loopback());
    if remote && !options.allow_remote {
        let message = format!(
            "{address}: other machines could reach this address; add --allow-remote if they are to"
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    let listener = TcpListener::bind(&*addresses).map_err(|error| named(address, &error))?;
    let bound = listener.local_addr()?;
    let token = match &options.token_file {
        Some(file) => Token::read(file)?,
        None => Token::make(&options.state_folder, bound.port())?,
    };
    let mut hosts = options.allow_host.clone();
    hosts.push(bound.ip().to_string());
    let access = Access {
        token: token.secret.clone(),
        hosts,
        any_address: options.allow_remote,
        origins: options.allow_origin.clone(),
    };
    let server = ws::Server::start(Arc::clone(app), listener, access)?;
    let where_it_is = json!({
        "url": format!("ws://{bound}"),
        "host": bound.ip().to_string(),
        "port": bound.port(),
        "token_file": token.path,
    });
    writeln!(io::stderr(), "{where_it_is}")?;
    Ok((server, token))
}

fn named(address: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{address}: {error}"))
}
