//! LOCAL: CPython inside the daemon's own process, as a WebAssembly component.
//!
//! Each session has an instance with a memory of its own, made from a snapshot in which Python is started
//! already. The code reaches the daemon by the functions of `python.wit` and nothing else; it runs on
//! threads of its own, in turns with others, where it can be interrupted, and stopped by force, at any moment.

mod component;
mod host;
mod memory;
mod packages;
mod pagemap;
mod pages;
mod provision;
mod recipe;
mod scheduler;
pub mod setup;
mod threads;
mod unit;
mod work;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex as AsyncMutex;
use wasmtime::Engine as Wasmtime;

use super::python::{self, Interpreters};
use super::{Engine, EngineError, Level, Spec, Unit};
use component::Python;
pub use pagemap::open_map;
pub use provision::Provision;
use provision::{Built, ProvisionError, unusable};
use unit::Local as LocalUnit;

/// What is enforced on the code, as `status` says it.
const ENFORCED: &[&str] = &[
    "own memory",
    "no environment",
    "no network",
    "no processes",
    "files read-only, below cwd",
    "time",
    "output",
    "memory",
    "imports",
];
const NOT_YET: &str = "it is built once, by `tinycode setup` or with the first session";

/// Opens Pythons in this process.
pub struct Local {
    shared: Arc<Shared>,
    interpreters: Arc<Interpreters>,
}

struct Shared {
    provision: Provision,
    /// Has the programs that building needs on its path.
    environment: Vec<(std::ffi::OsString, std::ffi::OsString)>,
    /// Held while it is loaded or built.
    python: AsyncMutex<Option<Arc<Python>>>,
    standing: Mutex<Standing>,
}

/// How far the Python is.
#[derive(Clone, Debug)]
enum Standing {
    Unknown,
    Preparing(String),
    Ready { python_version: String },
    Failed(String),
}

impl Local {
    /// An engine that has its Python from `provision`, and pure packages from that of the machine.
    #[must_use]
    pub fn new(
        provision: Provision,
        environment: Vec<(std::ffi::OsString, std::ffi::OsString)>,
        interpreters: Arc<Interpreters>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                provision,
                environment,
                python: AsyncMutex::new(None),
                standing: Mutex::new(Standing::Unknown),
            }),
            interpreters,
        }
    }
}

#[async_trait]
impl Engine for Local {
    async fn level(&self, _: Duration) -> Level {
        let (python_version, preparing, unavailable) = match self.shared.look().await {
            Standing::Ready { python_version } => (Some(python_version), None, None),
            Standing::Preparing(what) => (None, Some(what), None),
            Standing::Failed(why) => (None, None, Some(why)),
            Standing::Unknown => (None, Some(NOT_YET.to_owned()), None),
        };
        Level {
            engine: "CPython in the daemon, as a WebAssembly component",
            python_version,
            missing: Vec::new(),
            enforced: ENFORCED.iter().map(|what| (*what).to_owned()).collect(),
            preparing,
            unavailable,
        }
    }

    async fn open(&self, spec: Spec) -> Result<Box<dyn Unit>, EngineError> {
        let python = self.shared.python().await?;
        let packages = packages::folders(&self.interpreters, &spec.imports).await?;
        Ok(Box::new(LocalUnit::open(python, spec, packages).await?))
    }

    async fn check_tool(
        &self,
        _: Option<&str>,
        name: &str,
        source: &str,
    ) -> Result<(), EngineError> {
        let python = self.shared.python().await?;
        match unit::check_tool(&python, name, source).await? {
            None => Ok(()),
            Some(problem) => Err(EngineError::Option {
                field: "source",
                message: format!("tool '{name}': {problem}"),
            }),
        }
    }
}

impl Shared {
    /// Says how far the Python is; has it loaded, if it has been built, so that the first session need not
    /// wait for that.
    async fn look(self: &Arc<Self>) -> Standing {
        let standing = self.standing().clone();
        if !matches!(standing, Standing::Unknown) {
            return standing;
        }
        let shared = Arc::clone(self);
        let found = tokio::task::spawn_blocking(move || {
            let engine = component::engine().map_err(|error| error.to_string())?;
            Ok(shared.provision.find(&engine))
        });
        match found.await.unwrap_or(Ok(None)) {
            Ok(Some(built)) => {
                let shared = Arc::clone(self);
                tokio::spawn(async move { shared.python().await });
                ready(&built)
            }
            Ok(None) if self.can_build() => Standing::Unknown,
            Ok(None) => Standing::Failed(
                "it has to be built once, for which there is no python3 on PATH".to_owned(),
            ),
            Err(why) => Standing::Failed(why),
        }
    }

    fn can_build(&self) -> bool {
        self.provision.component.is_some() || python::is_on_path(&self.environment)
    }

    /// The Python: loaded where it has been built, else built.
    async fn python(self: &Arc<Self>) -> Result<Arc<Python>, EngineError> {
        let mut python = self.python.lock().await;
        if let Some(python) = &*python {
            return Ok(Arc::clone(python));
        }
        let engine = component::engine().map_err(unusable);
        let prepared = match engine {
            Ok(engine) => self.prepare(&engine).await,
            Err(error) => Err(error),
        };
        match prepared {
            Ok((built, loaded)) => {
                *self.standing() = ready(&built);
                Ok(Arc::clone(python.insert(Arc::new(loaded))))
            }
            Err(error) => {
                *self.standing() = Standing::Failed(error.message.clone());
                Err(EngineError::Unavailable {
                    message: format!("the Python of local sessions is not there: {error}"),
                    hint: error.hint,
                })
            }
        }
    }

    async fn prepare(&self, engine: &Wasmtime) -> Result<(Built, Python), ProvisionError> {
        let (provision, engine_of_task) = (self.provision.clone(), engine.clone());
        let loaded = tokio::task::spawn_blocking(move || {
            let built = provision.find(&engine_of_task)?;
            match built.load(&engine_of_task) {
                Ok(python) => Some((built, python)),
                Err(why) => {
                    tracing::warn!("the Python of local sessions is built anew: {why}");
                    None
                }
            }
        });
        if let Ok(Some(found)) = loaded.await {
            return Ok(found);
        }
        setup::run(&self.provision, |what| {
            tracing::info!("building the Python of local sessions: {what}");
            *self.standing() = Standing::Preparing(what);
        })
        .await?;
        let built = self.provision.find(engine);
        let built = built.ok_or_else(|| unusable("it is not where it was put"))?;
        let python = built.load(engine).map_err(unusable)?;
        Ok((built, python))
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ready(built: &Built) -> Standing {
    Standing::Ready {
        python_version: built.python_version().to_owned(),
    }
}
