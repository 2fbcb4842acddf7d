//! The daemon's end of the process that starts isolated sessions.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::packets::Packets;
use crate::engine::process::{self, Bounds};
use crate::jail::{Launch, Layers, Without, messages};

/// Time that a fresh spawner gets to try the layers of protection.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts sessions, by a process that is started with the first of them.
#[derive(Debug, Default)]
pub struct Spawner {
    without: Without,
    running: Mutex<Option<Arc<Running>>>,
}

/// The daemon's ends of what a program was started with.
#[derive(Debug)]
pub struct Launched {
    /// To its init.
    pub control: Packets,
    /// Its descriptor 3.
    pub channel: UnixStream,
    /// Its standard output.
    pub stdout: pipe::Receiver,
    /// Its standard error.
    pub stderr: pipe::Receiver,
}

#[derive(Debug)]
struct Running {
    packets: Packets,
    layers: Layers,
    _process: Process,
}

#[derive(Debug)]
struct Process {
    id: u32,
    _child: Child,
}

impl Drop for Process {
    fn drop(&mut self) {
        process::kill_tree(self.id);
        process::reaped(self.id);
    }
}

impl Spawner {
    /// A spawner whose sessions do without some layers of protection.
    pub fn new(without: Without) -> Self {
        Self {
            without,
            running: Mutex::default(),
        }
    }

    /// The layers of protection that work here.
    ///
    /// # Errors
    /// When no process can be started.
    pub async fn layers(&self) -> io::Result<Layers> {
        Ok(self.running(None).await?.layers.clone())
    }

    /// Has a program started. Whether it is, its control socket says.
    ///
    /// # Errors
    /// When no process can be started, or what it is to be told is too long.
    pub async fn launch(&self, launch: &Launch) -> io::Result<Launched> {
        let (control, init) = messages::pair()?;
        let (channel, theirs) = StdUnixStream::pair()?;
        channel.set_nonblocking(true)?;
        let (writer, stdout) = pipe::pipe()?;
        let (other_writer, stderr) = pipe::pipe()?;
        let writers = [writer.into_blocking_fd()?, other_writer.into_blocking_fd()?];
        let fds = [
            init.as_fd(),
            theirs.as_fd(),
            writers[0].as_fd(),
            writers[1].as_fd(),
        ];
        let running = self.running(None).await?;
        match running.packets.send(launch, &fds).await {
            Err(error) if error.kind() != io::ErrorKind::InvalidInput => {
                // It has been killed, by whom ever; another one does as well.
                let another = self.running(Some(&running)).await?;
                another.packets.send(launch, &fds).await?;
            }
            sent => sent?,
        }
        Ok(Launched {
            control: Packets::new(control)?,
            channel: UnixStream::from_std(channel)?,
            stdout,
            stderr,
        })
    }

    /// The one that runs, which is not to be `but`.
    async fn running(&self, but: Option<&Arc<Running>>) -> io::Result<Arc<Running>> {
        let mut running = self.running.lock().await;
        if let Some(running) = running.as_ref()
            && !but.is_some_and(|but| Arc::ptr_eq(but, running))
        {
            return Ok(Arc::clone(running));
        }
        let fresh = Arc::new(self.start().await?);
        *running = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    async fn start(&self) -> io::Result<Running> {
        let (ours, theirs) = messages::pair()?;
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("tinycode")
            .args(["spawn-sessions", "--without", &self.without.names()])
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let bounds = Bounds {
            max_memory: None,
            channel: Some(theirs.as_fd().as_raw_fd()),
        };
        let child = process::spawn(&mut command, &bounds)?;
        let id = child.id().ok_or(io::ErrorKind::NotFound)?;
        let process = Process { id, _child: child };
        drop(theirs);
        let packets = Packets::new(ours)?;
        let layers = timeout(PATIENCE, packets.receive()).await??;
        Ok(Running {
            packets,
            layers: layers.ok_or(io::ErrorKind::UnexpectedEof)?,
            _process: process,
        })
    }

    /// Ends the process, and with it all that it started.
    pub async fn end(&self) {
        self.running.lock().await.take();
    }
}
