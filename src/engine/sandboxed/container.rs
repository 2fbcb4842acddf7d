//! One container with a running worker in it, from its start to its end.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::query_parameters::{
    CreateContainerOptions, RemoveContainerOptions, RemoveContainerOptionsBuilder,
    StartContainerOptions, WaitContainerOptionsBuilder,
};
use futures_util::StreamExt;
use tempfile::TempDir;
use tokio::net::unix::pipe;
use tokio::net::{UnixListener, UnixStream};

use super::super::isolated::BOOTSTRAP;
use super::control::{Control, Said};
use super::facts::Facts;
use super::machine::Machine;
use super::policy::{self, Shape};
use super::unavailable;
use crate::engine::EngineError;
use crate::worker::{self, Link};

/// Process 1.
const INIT: &str = include_str!("init.py");
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
        let folder = machine.session_folder().await?;
        let socket = Socket::open(&folder).map_err(|error| {
            unavailable(format!("no socket can be made for a container: {error}"))
        })?;
        let command = [
            "python3",
            "-I",
            "-c",
            INIT,
            BOOTSTRAP,
            &shape.data().to_string(),
        ]
        .map(str::to_owned)
        .to_vec();
        let config = policy::container(shape, command, &machine.owner, Some(&socket.folder));
        let created = docker
            .create_container(None::<CreateContainerOptions>, config)
            .await
            .map_err(|error| explain(shape, &error))?;
        let handle = Handle {
            machine: Arc::clone(machine),
            docker: docker.clone(),
            id: created.id,
            removed: false,
        };
        docker
            .start_container(&handle.id, None::<StartContainerOptions>)
            .await
            .map_err(|error| explain(shape, &error))?;
        let greeting = tokio::select! {
            greeting = tokio::time::timeout(START_PATIENCE, greet(&socket.listener)) => greeting,
            () = ended(&docker, &handle.id) => return Err(silent(shape)),
        };
        let (control, link, facts) = match greeting {
            Ok(Ok(all)) => all,
            Ok(Err(said)) => {
                return Err(unavailable(format!(
                    "the Python of a container does not start: {said}"
                )));
            }
            Err(_) => return Err(silent(shape)),
        };
        facts.enforced(shape).map_err(|missing| {
            unavailable(format!(
                "the Docker engine does not enforce on its containers: {missing}"
            ))
        })?;
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

/// The socket that process 1 connects to, in a folder that only this user can enter. The folder within,
/// which is what the container sees, is open: its user is nobody that this machine knows.
struct Socket {
    folder: PathBuf,
    listener: UnixListener,
}

impl Socket {
    fn open(outer: &TempDir) -> io::Result<Self> {
        let folder = outer.path().join("run");
        fs::create_dir(&folder)?;
        fs::set_permissions(&folder, Permissions::from_mode(0o711))?;
        let path = folder.join("socket");
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o666))?;
        Ok(Self { folder, listener })
    }
}

/// Takes the connection of process 1, and hands the worker its channel, its streams and its source.
async fn greet(listener: &UnixListener) -> Result<(Control, Link, Facts), String> {
    let failed = |error: io::Error| error.to_string();
    let (stream, _) = listener.accept().await.map_err(failed)?;
    let (ours, theirs) = StdUnixStream::pair().map_err(failed)?;
    ours.set_nonblocking(true).map_err(failed)?;
    let (stdout, stdout_reader) = pipe::pipe().map_err(failed)?;
    let (stderr, stderr_reader) = pipe::pipe().map_err(failed)?;
    let (stdout, stderr) = (
        stdout.into_blocking_fd().map_err(failed)?,
        stderr.into_blocking_fd().map_err(failed)?,
    );
    let descriptors = [theirs.as_fd(), stdout.as_fd(), stderr.as_fd()];
    let mut control = Control::new(stream, descriptors).await.map_err(failed)?;
    drop((theirs, stdout, stderr));
    let ours = UnixStream::from_std(ours).map_err(failed)?;
    let mut link = Link::new(ours, stdout_reader, stderr_reader);
    let sent = match link.send(worker::SESSION.as_bytes()).await {
        Ok(()) => link.send(worker::PROCESS.as_bytes()).await,
        error => error,
    };
    match control.said().await {
        Ok(Said::Hello(facts)) if sent.is_ok() => Ok((control, link, facts)),
        Ok(_) => Err("it says what it was not asked".to_owned()),
        Err(end) => Err(last_line(&link.take_stderr(2_000)).unwrap_or(end)),
    }
}

/// What a Python that failed says of it.
pub fn last_line(said: &str) -> Option<String> {
    said.lines().last().map(str::to_owned)
}

/// Waits until the container has ended, or forever where that cannot be said.
async fn ended(docker: &Docker, id: &str) {
    let options = WaitContainerOptionsBuilder::new()
        .condition("not-running")
        .build();
    let mut waiting = docker.wait_container(id, Some(options));
    match waiting.next().await {
        Some(Ok(_) | Err(Error::DockerContainerWaitError { .. })) => {}
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
        Err(error) => tracing::warn!("a container could not be removed: {error}"),
    }
}

fn silent(shape: &Shape) -> EngineError {
    let image = &shape.image;
    unavailable(format!(
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
        error => unavailable(format!("the Docker engine makes no container: {error}")),
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
