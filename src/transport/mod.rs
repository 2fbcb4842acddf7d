//! STUB, to be replaced: bytes to and from the protocol.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use crate::api::App;

/// Where to serve, and whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether to serve stdin and stdout.
    pub stdio: bool,
    /// The Unix socket to serve.
    pub socket: Option<PathBuf>,
    /// HOST:PORT to serve WebSocket and HTTP at.
    pub ws: Option<String>,
    /// Whether other machines may connect.
    pub allow_remote: bool,
    /// Origins of browser pages that may connect.
    pub allow_origin: Vec<String>,
    /// Names that clients may know this machine by.
    pub allow_host: Vec<String>,
    /// The file that holds the token.
    pub token_file: Option<PathBuf>,
    /// Where a token is kept that is made at start.
    pub state_folder: PathBuf,
}

/// Serves until a client or a signal ends it.
///
/// # Errors
/// When a transport cannot be set up.
pub async fn serve(_app: Arc<App>, _options: Options) -> std::io::Result<ExitCode> {
    Err(std::io::Error::other("this build cannot serve"))
}
