//! A Unix socket that many clients connect to.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use super::framed::{self, Daemon, QUEUE};
use super::stream;

/// A bound socket. Its file goes with it.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Binds a socket of mode 0600 at `path`. One that a dead daemon left there is replaced.
///
/// # Errors
/// When something else is there, or a daemon that lives.
pub fn bind(path: &Path) -> io::Result<Socket> {
    let named = |what: &str| {
        io::Error::new(
            io::ErrorKind::AddrInUse,
            format!("{}: {what}", path.display()),
        )
    };
    if let Ok(there) = fs::symlink_metadata(path) {
        if !there.file_type().is_socket() {
            return Err(named("is there already and is not a socket"));
        }
        if StdUnixStream::connect(path).is_ok() {
            return Err(named("another daemon listens there"));
        }
        fs::remove_file(path)?;
    }
    // The mode has to be right from the first moment, so it cannot be set afterwards.
    let before = rustix::process::umask(Mode::from_raw_mode(0o177));
    let listener = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = listener
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    Ok(Socket {
        listener,
        path: path.to_owned(),
    })
}

/// Serves clients until the daemon ends.
pub async fn serve(daemon: &Daemon, socket: &Socket) -> Infallible {
    loop {
        match socket.listener.accept().await {
            Ok((client, _)) => {
                tokio::spawn(serve_client(daemon.clone(), client));
            }
            // Too many open files, for instance: those who are here are served on.
            Err(error) => {
                tracing::warn!("a client could not be accepted: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve_client(daemon: Daemon, client: UnixStream) {
    let (reader, writer) = client.into_split();
    let (to_server, incoming) = mpsc::channel(QUEUE);
    let (outgoing, to_client) = mpsc::channel(QUEUE);
    let reading = tokio::spawn(stream::read(reader, to_server));
    tokio::spawn(stream::write(writer, to_client));
    framed::serve(daemon, incoming, outgoing).await;
    reading.abort();
}
