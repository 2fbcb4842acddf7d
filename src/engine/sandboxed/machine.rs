//! What all sandboxed sessions of a daemon share: the engine, the containers that are ready, and the
//! order in which everything goes when the daemon ends.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::engine::folder::SessionFolder;
use bollard::Docker;
use bollard::query_parameters::ListContainersOptionsBuilder;
use futures_util::future::join_all;
use tokio::sync::{OnceCell, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client::{Endpoint, Settings};
use super::connection::{Connection, said};
use super::container::{Container, Wire, explain, remove};
use super::facts::Facts;
use super::policy::{DEFAULT_MEMORY, LABEL, Shape};
use super::pool::{self, Pool};
use super::{DEFAULT_IMAGE, mount, owner};
use crate::engine::folder::Folder;
use crate::engine::{EngineError, Spec};

/// Containers that are started at once.
const STARTS: usize = 4;
/// Times that an engine is asked which containers there are: Podman fails where one goes meanwhile.
const LISTINGS: usize = 5;

/// What all sandboxed sessions share.
#[derive(Debug)]
pub struct Machine {
    settings: Settings,
    /// The name of this daemon, on every container of it.
    pub owner: String,
    /// Made with the first container.
    folder: OnceCell<Folder>,
    connection: OnceCell<Connection>,
    /// How containers talk to the daemon, once that is known.
    wire: OnceLock<Wire>,
    /// What the first container of the default shape said of itself.
    facts: Mutex<Option<Facts>>,
    /// The containers that are ready.
    pub pool: Pool,
    /// The right to start a container.
    pub starts: Semaphore,
    /// Cancelled when the daemon ends.
    pub closing: CancellationToken,
    tasks: TaskTracker,
}

impl Machine {
    /// A machine that keeps `ready` containers ready.
    #[must_use]
    pub fn new(settings: Settings, ready: usize) -> Self {
        Self {
            settings,
            owner: owner::name(),
            folder: OnceCell::new(),
            connection: OnceCell::new(),
            wire: OnceLock::new(),
            facts: Mutex::default(),
            pool: Pool::new(ready),
            starts: Semaphore::new(STARTS),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// The engine.
    ///
    /// # Errors
    /// Why there is none; the next time asks again.
    pub async fn docker(&self) -> Result<Docker, EngineError> {
        self.connection().await.map(|found| found.docker.clone())
    }

    async fn connection(&self) -> Result<&Connection, EngineError> {
        let connect = || Connection::new(&self.settings);
        let found = self.connection.get_or_try_init(connect).await?;
        if !found.is_near {
            self.learn(Wire::Attached);
        }
        Ok(found)
    }

    /// The filter of system calls of such containers, as this engine takes it: Podman from a file, whose
    /// folder has to be there until the container has started.
    ///
    /// # Errors
    /// When no file can be made.
    pub async fn filter(
        &self,
        shape: &Shape,
    ) -> Result<(String, Option<SessionFolder>), EngineError> {
        let filter = shape.filter().to_string();
        if !self.connection().await?.is_podman {
            return Ok((filter, None));
        }
        let folder = self.session_folder().await?;
        let path = folder.path().join("seccomp.json");
        tokio::fs::write(&path, filter).await.map_err(no_folder)?;
        Ok((path.display().to_string(), Some(folder)))
    }

    /// Whether there is an engine, and it does not see the files of this machine.
    pub fn is_far(&self) -> bool {
        Endpoint::find(&self.settings).is_ok_and(|endpoint| !endpoint.is_near())
    }

    /// How containers talk to the daemon, if that is known.
    pub fn wire(&self) -> Option<Wire> {
        self.wire.get().copied()
    }

    /// Learns how containers talk to the daemon.
    pub fn learn(&self, wire: Wire) {
        let _ = self.wire.set(wire); // the first to know was right
    }

    /// A folder for what one container needs to start.
    ///
    /// # Errors
    /// When none can be made.
    pub async fn session_folder(&self) -> Result<SessionFolder, EngineError> {
        let folder = self.folder.get_or_try_init(async || Folder::make()).await;
        folder.and_then(Folder::for_session).map_err(no_folder)
    }

    /// The shape of the containers of such sessions, or of sessions without wishes.
    #[must_use]
    pub fn shape(&self, spec: Option<&Spec>) -> Shape {
        let image = spec.and_then(|spec| spec.image.clone());
        Shape {
            image: image.unwrap_or_else(|| DEFAULT_IMAGE.to_owned()),
            memory: spec
                .and_then(|spec| spec.max_memory)
                .unwrap_or(DEFAULT_MEMORY),
            network: spec.is_some_and(|spec| spec.network),
            mount: spec.and_then(mount::folder),
        }
    }

    /// A container that no code has run in: one that is ready, or a fresh one.
    ///
    /// # Errors
    /// When none can be had.
    pub async fn container(self: &Arc<Self>, shape: &Shape) -> Result<Container, EngineError> {
        if *shape != self.shape(None) {
            return Container::start(self, shape).await;
        }
        let container = match self.pool.take() {
            Some(container) => container,
            None => Container::start(self, shape).await?,
        };
        self.facts().get_or_insert_with(|| container.facts.clone());
        pool::refill(self, shape);
        Ok(container)
    }

    /// What a container of the default shape says of itself, if one has been started, or one is to be
    /// where none has.
    ///
    /// # Errors
    /// Why none can be had.
    pub async fn look(self: &Arc<Self>, closely: bool) -> Result<Option<Facts>, EngineError> {
        let docker = self.docker().await?;
        let shape = self.shape(None);
        let image = docker.inspect_image(&shape.image).await;
        image.map_err(|error| explain(&shape, &error))?;
        let known = self.facts().clone();
        if known.is_some() || !closely {
            return Ok(known);
        }
        let container = self.container(&shape).await?;
        let facts = container.facts.clone();
        self.pool.put(container);
        Ok(Some(facts))
    }

    fn facts(&self) -> MutexGuard<'_, Option<Facts>> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the containers of daemons that are gone.
    pub async fn sweep(self: Arc<Self>) {
        let Ok(docker) = self.docker().await else {
            return; // then there is nothing to remove, or nobody to remove it
        };
        let ours = HashMap::from([("label", vec![LABEL])]);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&ours)
            .build();
        let list = || docker.list_containers(Some(options.clone()));
        let mut found = list().await;
        for _ in 1..LISTINGS {
            if found.is_ok() {
                break;
            }
            found = list().await;
        }
        if let Err(error) = &found {
            let why = said(error);
            tracing::warn!("containers of daemons that are gone cannot be looked for: {why}");
        }
        let left = found.unwrap_or_default().into_iter().filter(|container| {
            let labels = container.labels.as_ref();
            labels
                .and_then(|labels| labels.get(LABEL))
                .is_some_and(|name| owner::is_gone(name))
        });
        let ids = left.filter_map(|container| container.id);
        join_all(ids.map(async |id| remove(&docker, &id).await)).await;
    }

    /// Does something that nobody waits for, until the daemon ends.
    pub fn in_background(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work);
    }

    /// Ends what is not a session's, and waits for what is on its way.
    pub async fn close(&self) {
        self.closing.cancel();
        join_all(self.pool.empty().into_iter().map(Container::end)).await;
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn no_folder(error: impl Display) -> EngineError {
    EngineError::unavailable(format!("no temporary folder can be made: {error}"))
}
