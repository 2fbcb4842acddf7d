//! A Unix socket that many clients connect to.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::Mode;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::framed::{self, Daemon, QUEUE};
use super::stream::{self, Queue};

/// Clients at once.
const MAX_CONNECTIONS: usize = 1_000;

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
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        match socket.listener.accept().await {
            Ok((client, _)) => match check(&client) {
                Ok(()) => match Arc::clone(&places).try_acquire_owned() {
                    Ok(place) => drop(tokio::spawn(serve_client(daemon.clone(), client, place))),
                    Err(_) => {
                        tracing::warn!("a client is turned away: {MAX_CONNECTIONS} are connected");
                    }
                },
                Err(why) => tracing::warn!("a client was refused: {why}"),
            },
            // Too many open files, for instance: those who are here are served on.
            Err(error) => {
                tracing::warn!("a client could not be accepted: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

/// Makes sure that a client is a process of the daemon's user, and not one that runs generated code.
fn check(client: &UnixStream) -> Result<(), &'static str> {
    let peer = client
        .peer_cred()
        .map_err(|_| "it cannot be told who it is")?;
    if peer.uid() != rustix::process::geteuid().as_raw() {
        return Err("it is another user's");
    }
    match peer.pid() {
        // Of a PID namespace that cannot be seen from here: those of sessions can.
        None | Some(0) => Ok(()),
        Some(pid) => match is_below_us(pid) {
            Some(false) => Ok(()),
            Some(true) => Err("the daemon has started it itself"),
            None => Err("it has ended already"),
        },
    }
}

/// Whether a process descends from this one, as all do that run generated code: an init adopts their orphans.
fn is_below_us(pid: i32) -> Option<bool> {
    let us = rustix::process::getpid().as_raw_pid();
    let mut next = pid;
    while next > 1 {
        if next == us {
            return Some(true);
        }
        let stat = fs::read(format!("/proc/{next}/stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        let (_, after_name) = stat.rsplit_once(')')?;
        next = after_name.split_whitespace().nth(1)?.parse().ok()?;
    }
    Some(false)
}

async fn serve_client(daemon: Daemon, client: UnixStream, _place: OwnedSemaphorePermit) {
    let (reader, writer) = client.into_split();
    let (to_server, incoming) = Queue::new();
    let (outgoing, to_client) = mpsc::channel(QUEUE);
    let reading = tokio::spawn(stream::read(reader, to_server));
    tokio::spawn(stream::write(writer, to_client));
    framed::serve(daemon, incoming, outgoing).await;
    reading.abort();
}
