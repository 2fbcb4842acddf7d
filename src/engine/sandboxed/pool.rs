//! Containers that are kept ready, so that a session begins at once. None is ever used twice.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::container::Container;
use super::machine::Machine;
use super::policy::Shape;

/// Time after which containers that nobody wanted are given up.
const IDLE: Duration = Duration::from_secs(600);
/// Time between looks at them.
const LOOK: Duration = Duration::from_secs(60);

/// The containers that are ready, all of the default shape.
#[derive(Debug)]
pub struct Pool {
    size: usize,
    ready: Mutex<Ready>,
}

#[derive(Debug, Default)]
struct Ready {
    containers: VecDeque<Container>,
    starting: usize,
    /// When a container was last asked for; none before, and after they were given up.
    wanted: Option<Instant>,
}

impl Pool {
    /// A pool that keeps `size` containers ready, from the first time that one is wanted.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self {
            size,
            ready: Mutex::default(),
        }
    }

    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a container that still runs, if there is one.
    pub fn take(&self) -> Option<Container> {
        let mut ready = self.ready();
        ready.wanted = Some(Instant::now());
        loop {
            let mut container = ready.containers.pop_front()?;
            if container.control.is_silent() {
                return Some(container);
            }
        }
    }

    /// Puts a container in that no code has run in. One is kept even where none is kept ready.
    pub fn put(&self, container: Container) {
        let mut ready = self.ready();
        if ready.containers.len() < self.size.max(1) {
            ready.containers.push_back(container);
        }
    }

    /// Takes all containers out.
    pub fn empty(&self) -> Vec<Container> {
        self.ready().containers.drain(..).collect()
    }

    /// Counts one more container that is being started, if more are to be.
    fn begin(&self) -> bool {
        let mut ready = self.ready();
        let more = ready.containers.len() + ready.starting < self.size;
        ready.starting += usize::from(more);
        more
    }

    fn begun(&self) {
        self.ready().starting -= 1;
    }

    /// Whether nobody has wanted a container for long.
    fn is_idle(&self) -> bool {
        let mut ready = self.ready();
        let idle = ready.wanted.is_none_or(|wanted| wanted.elapsed() >= IDLE);
        if idle {
            ready.wanted = None;
        }
        idle
    }
}

/// Starts as many containers as are missing, in the background.
pub fn refill(machine: &Arc<Machine>, shape: &Shape) {
    while machine.pool.begin() {
        let (owner, shape) = (Arc::clone(machine), shape.clone());
        machine.in_background(async move {
            let started = Container::start(&owner, &shape).await;
            owner.pool.begun();
            match started {
                Ok(container) if !owner.closing.is_cancelled() => owner.pool.put(container),
                Ok(container) => container.end().await,
                Err(error) => tracing::warn!("no container could be made ready: {error}"),
            }
        });
    }
}

/// Gives the containers up when nobody wants them, until the daemon ends.
pub async fn reap(machine: Arc<Machine>) {
    loop {
        tokio::select! {
            () = machine.closing.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if machine.pool.is_idle() {
            for container in machine.pool.empty() {
                container.end().await;
            }
        }
    }
}
