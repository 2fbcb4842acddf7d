//! SANDBOXED: a container for each session, made by a Docker engine.
//!
//! The worker talks to the daemon over a socket and two pipes that it is handed when it starts, so a step
//! costs what it costs in a subprocess: the engine makes and removes containers, and nothing passes
//! through it between. What protects the machine is looked for in every container before code runs in it.

mod client;
mod connection;
mod container;
mod control;
mod facts;
mod files;
pub mod image;
mod machine;
mod mount;
mod owner;
mod policy;
mod pool;
mod relay;
mod seccomp;
mod unit;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Engine, EngineError, Level, Spec, Unit, python};
pub use client::Settings;
use container::Wire;
use control::{Order, Said};
use machine::Machine;

/// The image where a session names none.
pub const DEFAULT_IMAGE: &str = "tinycode-sandbox:latest";
/// What `status` calls the engine.
const NAME: &str = "CPython in a container";
/// The same where no socket can be shared with containers.
const NAME_ATTACHED: &str = "CPython in a container, over its attached stream (slower)";
/// Time below which nobody wants to wait for a container.
const SHORT: Duration = Duration::from_secs(5);

/// Opens containers.
#[derive(Debug)]
pub struct Sandboxed(Arc<Machine>);

impl Sandboxed {
    /// An engine of a daemon that keeps `ready` containers ready, from the first session on; or of a command,
    /// which keeps none. Has to be called on the runtime that the sessions are to live on.
    #[must_use]
    pub fn new(settings: Settings, ready: Option<usize>) -> Self {
        let machine = Arc::new(Machine::new(settings, ready.unwrap_or(0)));
        if ready.is_some() {
            machine.in_background(Arc::clone(&machine).sweep());
            machine.in_background(pool::reap(Arc::clone(&machine)));
        }
        Self(machine)
    }
}

#[async_trait]
impl Engine for Sandboxed {
    async fn level(&self, patience: Duration) -> Level {
        let found = match tokio::time::timeout(patience, self.0.look(patience >= SHORT)).await {
            Ok(found) => found,
            Err(_) => Err(EngineError::unavailable(
                "the Docker engine has not answered yet",
            )),
        };
        let unavailable = found.as_ref().err().map(ToString::to_string);
        let facts = found.ok().flatten();
        Level {
            engine: match self.0.wire() {
                Some(Wire::Attached) => NAME_ATTACHED,
                _ => NAME,
            },
            missing: Vec::new(),
            enforced: match &facts {
                Some(facts) => facts.enforced(&self.0.shape(None)).unwrap_or_default(),
                None => Vec::new(),
            },
            python_version: facts.map(|facts| facts.python),
            unavailable,
            preparing: None,
        }
    }

    async fn open(&self, spec: Spec) -> Result<Box<dyn Unit>, EngineError> {
        unit::open(Arc::clone(&self.0), spec).await
    }

    async fn check_tool(
        &self,
        _: Option<&str>,
        name: &str,
        source: &str,
    ) -> Result<(), EngineError> {
        let mut container = self.0.container(&self.0.shape(None)).await?;
        let order = Order::Check {
            script: &python::checker(),
            name,
            source,
        };
        let _ = container.control.order(&order, &[]).await;
        match container.control.said().await {
            Ok(Said::Checked { said }) => {
                self.0.pool.put(container); // nothing of the source has been run
                python::verdict(name, said.as_deref())
            }
            _ => python::verdict(name, None),
        }
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
