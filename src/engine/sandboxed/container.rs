//! One container with a running worker in it, from its start to its end.

use std::fmt::Display;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::folder::SessionFolder;
use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptions, RemoveContainerOptions,
    RemoveContainerOptionsBuilder, StartContainerOptions, WaitContainerOptionsBuilder,
};
use futures_util::StreamExt;
use tokio::net::unix::pipe;
use tokio::net::{UnixListener, UnixStream};

use super::connection::said;
use super::control::{Control, Said, hand_over};
use super::facts::Facts;
use super::machine::Machine;
use super::policy::{self, Shape};
use super::{mount, relay};
use crate::engine::EngineError;
use crate::worker::{BOOTSTRAP, Compiled, Link};

/// Process 1.
const INIT: &str = include_str!("init.py");
/// What carries its wires where no socket can be shared with it.
const RELAY: &str = include_str!("relay.py");
/// Time that a fresh container gets to answer, on a machine that starts many of them.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// Time that a container gets to be gone.
const END_PATIENCE: Duration = Duration::from_secs(20);

/// A container whose worker waits for its first order. Dropping it ends it.
#[derive(Debug)]
pub struct Container {
    /// The wire to process 1.
    pub control: Control,
    /// The wire to the worker.
    pub link: Link,
    /// What it says of itself.
    pub facts: Facts,
    handle: Handle,
}

/// A container that exists. Dropping it removes it, some time later.
#[derive(Debug)]
struct Handle {
    machine: Arc<Machine>,
    docker: Docker,
    id: String,
    removed: bool,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.removed {
            let (docker, id) = (self.docker.clone(), std::mem::take(&mut self.id));
            self.machine
                .in_background(async move { remove(&docker, &id).await });
        }
    }
}

impl Container {
    /// Starts a container of this shape, and the worker in it.
    ///
    /// # Errors
    /// When none can be had, or it does not keep in what it should; nothing is left behind.
    pub async fn start(machine: &Arc<Machine>, shape: &Shape) -> Result<Self, EngineError> {
        let docker = machine.docker().await?;
        let _turn = machine.starts.acquire().await; // more at once would all be slow
        let known = match shape.mount {
            None => machine.wire(),
            Some(_) => Some(Wire::Attached), // such a container has no sockets to connect with
        };
        let first = known.unwrap_or(Wire::Socket);
        let mut started = Self::start_over(machine, &docker, shape, first).await;
        if known.is_none() {
            match &started {
                Ok(_) => machine.learn(Wire::Socket),
                // An engine in a machine of its own takes the folder, and no socket works in it.
                Err(EngineError::Unavailable { .. }) => {
                    let second = Self::start_over(machine, &docker, shape, Wire::Attached).await;
                    if second.is_ok() {
                        machine.learn(Wire::Attached);
                        started = second;
                    }
                }
                Err(EngineError::Option { .. } | EngineError::Gone) => {}
            }
        }
        started
    }

    async fn start_over(
        machine: &Arc<Machine>,
        docker: &Docker,
        shape: &Shape,
        wire: Wire,
    ) -> Result<Self, EngineError> {
        let mut command = ["python3", "-I", "-c", INIT, BOOTSTRAP]
            .map(str::to_owned)
            .to_vec();
        command.push(shape.data().to_string());
        let (filter, _its_folder) = machine.filter(shape).await?;
        let folder; // goes when the container has answered: it has no further use for it
        let socket = match wire {
            Wire::Socket => {
                folder = machine.session_folder().await?;
                Some(Socket::open(&folder).map_err(no_socket)?)
            }
            Wire::Attached => {
                command.push(RELAY.to_owned());
                None
            }
        };
        let run = socket.as_ref().map(|socket| socket.folder.as_path());
        let config = policy::container(shape, command, &machine.owner, &filter, run);
        let options = None::<CreateContainerOptions>;
        let created = docker.create_container(options, config).await;
        let handle = Handle {
            machine: Arc::clone(machine),
            docker: docker.clone(),
            id: created.map_err(|error| explain(shape, &error))?.id,
            removed: false,
        };
        let greeting = async {
            match socket {
                Some(socket) => handle.greet(shape, &socket.listener).await,
                None => handle.greet_attached(shape).await,
            }
        };
        let (control, link, facts) = tokio::select! {
            greeting = tokio::time::timeout(START_PATIENCE, greeting) => {
                greeting.unwrap_or_else(|_| Err(silent(shape)))?
            }
            () = ended(docker, &handle.id) => return Err(silent(shape)),
        };
        facts.enforced(shape).map_err(|missing| {
            EngineError::unavailable(format!(
                "the Docker engine does not enforce on its containers: {missing}"
            ))
        })?;
        mount::check(shape, &facts)?;
        Ok(Self {
            control,
            link,
            facts,
            handle,
        })
    }

    /// Ends it, and returns when it is gone.
    pub async fn end(mut self) {
        remove(&self.handle.docker, &self.handle.id).await;
        self.handle.removed = true;
    }
}

/// A running container's wires, and what it says of itself.
type Greeting = (Control, Link, Facts);

impl Handle {
    async fn run(&self, shape: &Shape) -> Result<(), EngineError> {
        let options = None::<StartContainerOptions>;
        let started = self.docker.start_container(&self.id, options).await;
        started.map_err(|error| explain(shape, &error))
    }

    /// Starts it, takes the connection of process 1, and hands the worker its channel and its streams.
    async fn greet(&self, shape: &Shape, listener: &UnixListener) -> Result<Greeting, EngineError> {
        self.run(shape).await?;
        let connect = async || -> io::Result<(Control, Link)> {
            let (stream, _) = listener.accept().await?;
            let (ours, theirs) = StdUnixStream::pair()?;
            ours.set_nonblocking(true)?;
            let (stdout, stdout_reader) = pipe::pipe()?;
            let (stderr, stderr_reader) = pipe::pipe()?;
            let (stdout, stderr) = (stdout.into_blocking_fd()?, stderr.into_blocking_fd()?);
            hand_over(&stream, [theirs.as_fd(), stdout.as_fd(), stderr.as_fd()]).await?;
            let link = Link::new(UnixStream::from_std(ours)?, stdout_reader, stderr_reader);
            Ok((Control::new(stream), link))
        };
        let (control, link) = connect().await.map_err(no_socket)?;
        begin(control, link).await
    }

    /// Starts it, and has its wires carried over the stream that the engine attaches.
    async fn greet_attached(&self, shape: &Shape) -> Result<Greeting, EngineError> {
        let options = AttachContainerOptionsBuilder::new()
            .stream(true)
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .build();
        let attached = self.docker.attach_container(&self.id, Some(options)).await;
        let attached = attached.map_err(|error| explain(shape, &error))?;
        self.run(shape).await?;
        let carry = || -> io::Result<(Control, Link)> {
            let (control, control_end) = UnixStream::pair()?;
            let (channel, channel_end) = UnixStream::pair()?;
            let (stdout_end, stdout) = pipe::pipe()?;
            let (stderr_end, stderr) = pipe::pipe()?;
            let wires = relay::Wires {
                control: control_end,
                channel: channel_end,
                stdout: stdout_end,
                stderr: stderr_end,
            };
            self.machine.in_background(relay::carry(attached, wires));
            Ok((Control::new(control), Link::new(channel, stdout, stderr)))
        };
        let (control, link) = carry().map_err(no_socket)?;
        begin(control, link).await
    }
}

/// Sends the worker its source, and hears what process 1 says of the container.
async fn begin(mut control: Control, mut link: Link) -> Result<Greeting, EngineError> {
    let sent = link.send_sources(&Compiled::default()).await;
    let said = match control.said().await {
        Ok(Said::Hello(facts)) if sent.is_ok() => return Ok((control, link, facts)),
        Ok(_) => "it says what it was not asked".to_owned(),
        Err(end) => link.last_said().unwrap_or(end),
    };
    Err(EngineError::unavailable(format!(
        "the Python of a container does not start: {said}"
    )))
}

/// How a container talks to the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Over a socket of this machine.
    Socket,
    /// Over the stream that the engine attaches to it.
    Attached,
}

/// The socket that process 1 connects to, in a folder that only this user can enter. The folder within,
/// which is what the container sees, is open: its user is nobody that this machine knows.
struct Socket {
    folder: PathBuf,
    listener: UnixListener,
}

impl Socket {
    fn open(outer: &SessionFolder) -> io::Result<Self> {
        let folder = outer.path().join("run");
        fs::create_dir(&folder)?;
        fs::set_permissions(&folder, Permissions::from_mode(0o711))?;
        let path = folder.join("socket");
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o666))?;
        Ok(Self { folder, listener })
    }
}

fn no_socket(error: impl Display) -> EngineError {
    EngineError::unavailable(format!("a container cannot be connected to: {error}"))
}

/// Waits until the container, which has not begun, has ended; forever where that cannot be said.
async fn ended(docker: &Docker, id: &str) {
    let options = WaitContainerOptionsBuilder::new()
        .condition("next-exit")
        .build();
    let mut waiting = docker.wait_container(id, Some(options));
    match waiting.next().await {
        Some(
            Ok(_)
            | Err(
                Error::DockerContainerWaitError { .. }
                | Error::DockerResponseServerError {
                    status_code: 404, ..
                },
            ),
        ) => {}
        _ => std::future::pending().await,
    }
}

/// Removes a container, and returns when it is gone.
pub async fn remove(docker: &Docker, id: &str) {
    let options: RemoveContainerOptions = RemoveContainerOptionsBuilder::new().force(true).build();
    let gone = WaitContainerOptionsBuilder::new()
        .condition("removed")
        .build();
    match docker.remove_container(id, Some(options)).await {
        Ok(())
        | Err(Error::DockerResponseServerError {
            status_code: 404, ..
        }) => {}
        // It ended by itself, and the engine is removing it.
        Err(Error::DockerResponseServerError {
            status_code: 409, ..
        }) => {
            let mut waiting = docker.wait_container(id, Some(gone));
            let _ = tokio::time::timeout(END_PATIENCE, waiting.next()).await;
        }
        Err(error) => {
            let why = said(&error);
            tracing::warn!("a container could not be removed: {why}");
        }
    }
}

fn silent(shape: &Shape) -> EngineError {
    let image = &shape.image;
    EngineError::unavailable(format!(
        "a container of the image '{image}' ended before its Python said anything; \
         `docker run --rm {image} python3 -c pass` may show why"
    ))
}

/// What the engine's refusal means to the user.
pub fn explain(shape: &Shape, error: &Error) -> EngineError {
    let image = &shape.image;
    match error {
        Error::DockerResponseServerError {
            status_code: 404,
            message,
        } if message.contains("image") => no_image(image),
        Error::DockerResponseServerError { message, .. }
            if message.contains("executable file not found") =>
        {
            EngineError::Option {
                field: "image",
                message: format!("the image '{image}' has no python3"),
            }
        }
        error => {
            let why = said(error);
            mount::explain(shape, &why).unwrap_or_else(|| {
                EngineError::unavailable(format!("the Docker engine makes no container: {why}"))
            })
        }
    }
}

/// The engine does not have the image.
fn no_image(image: &str) -> EngineError {
    if image == super::DEFAULT_IMAGE {
        return EngineError::Unavailable {
            message: format!("the image '{image}' has not been made yet"),
            hint: "`tinycode setup --sandbox` makes it".to_owned(),
        };
    }
    EngineError::Option {
        field: "image",
        message: format!(
            "the Docker engine has no image '{image}'; pull it, or make one with `tinycode setup --sandbox --image {image}`"
        ),
    }
}
