//! Where the containers of sandboxed sessions come from, and how their workers are called and ended.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use super::container::Container;
use super::control::{Order, Said};
use super::machine::Machine;
use super::{DEFAULT_IMAGE, files, mount};
use crate::engine::copies::Copies;
use crate::engine::forking::{Forking, Host, Source};
use crate::engine::{EngineError, Spec, Unit, imports};
use crate::worker::{Link, Process, Refusals, Start};

/// Time that a Python which waits gets to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time that a container gets to have a copy take the place of its worker; one that stands still never does.
const CALL_PATIENCE: Duration = Duration::from_secs(5);

/// Starts containers for one session.
pub struct Containers(Arc<Machine>);

/// A unit with a container of its own, and a fresh one when that is lost.
///
/// # Errors
/// When none can be had; nothing is left behind.
pub async fn open(machine: Arc<Machine>, spec: Spec) -> Result<Box<dyn Unit>, EngineError> {
    if spec.python.is_some() {
        return Err(EngineError::Option {
            field: "python",
            message: "a sandboxed session runs the Python of its image; name one with `image`"
                .to_owned(),
        });
    }
    let room = machine.shape(Some(&spec)).memory / 4;
    let unit = Forking::open(Containers(machine), spec, room).await?;
    Ok(Box::new(unit))
}

#[async_trait]
impl Source for Containers {
    type Host = Container;

    const PYTHON: &'static str = "the Python of the container";
    /// What the code did to the files would stay.
    const COPIES_ARE_FRESH: bool = false;

    async fn start(&self, spec: &Spec) -> Result<Container, EngineError> {
        let shape = self.0.shape(Some(spec));
        let files = self.files(spec, shape.folder() / 2).await?; // the code needs room too
        let mut container = self.0.container(&shape).await?;
        let ready = async {
            find_modules(spec, &mut container).await?;
            if let Some(files) = files {
                put_files(&mut container, &files).await?;
            }
            begin(spec, &mut container).await
        };
        match timeout(PATIENCE, ready).await {
            Ok(Ok(())) => Ok(container),
            Ok(Err(error)) => {
                container.end().await;
                Err(error)
            }
            Err(_) => {
                container.end().await;
                Err(EngineError::unavailable(
                    "the Python of a container does not answer",
                ))
            }
        }
    }
}

impl Containers {
    /// What is in the folder of the session, where it is to be copied.
    async fn files(&self, spec: &Spec, most: u64) -> Result<Option<Vec<u8>>, EngineError> {
        let Some(folder) = spec.cwd.clone() else {
            return Ok(None);
        };
        let refused = |message| EngineError::Option {
            field: "cwd",
            message,
        };
        spec.check_cwd()?;
        if spec.mount {
            return mount::possible(&self.0).map(|()| None);
        }
        let archived = tokio::task::spawn_blocking(move || files::archive(&folder, most)).await;
        let archived = archived.unwrap_or_else(|error| Err(error.to_string()));
        archived.map(Some).map_err(refused)
    }
}

#[async_trait]
impl Host for Container {
    /// Its process, as the container knows it.
    type Copy = u32;

    fn worker(&mut self) -> (&mut Link, &mut dyn Process) {
        (&mut self.link, &mut self.control)
    }

    fn adopt(&mut self, pid: u32) -> Option<u32> {
        Some(pid)
    }

    fn discard(&mut self, copy: u32) {
        self.control.drop_copy(copy);
    }

    async fn call(&mut self, copy: u32, others: &Copies<u32>) -> bool {
        let others: Vec<u32> = others.iter().copied().collect();
        let called = self.control.call(copy, &others);
        timeout(CALL_PATIENCE, called).await.unwrap_or(false)
    }

    async fn end(self, _: Copies<u32>) {
        Self::end(self).await;
    }
}

/// Makes sure that what the session may import beyond the default list is there.
async fn find_modules(spec: &Spec, container: &mut Container) -> Result<(), EngineError> {
    let names = imports::beyond_default(&spec.imports);
    if names.is_empty() {
        return Ok(());
    }
    let order = Order::Modules { names: &names };
    match ask(container, &order, &[]).await? {
        Said::Missing { names } if names.is_empty() => Ok(()),
        Said::Missing { names } => Err(lacks(spec, &names)),
        _ => Err(confused()),
    }
}

fn lacks(spec: &Spec, names: &[String]) -> EngineError {
    let image = spec.image.as_deref().unwrap_or(DEFAULT_IMAGE);
    let quoted = names.join("', '");
    let with = names.join(" ");
    EngineError::Option {
        field: "extra_imports",
        message: format!(
            "the image '{image}' has no '{quoted}'; `tinycode setup --sandbox --with {with}` makes \
             an image that has"
        ),
    }
}

async fn begin(spec: &Spec, container: &mut Container) -> Result<(), EngineError> {
    let start = Start {
        imports: &spec.imports,
        refusals: Refusals::default(),
    };
    container.link.begin(&start).await.map_err(|error| {
        let last = container.link.last_said();
        let why = last.unwrap_or_else(|| error.to_string());
        EngineError::unavailable(format!("the Python of a container does not start: {why}"))
    })
}

async fn put_files(container: &mut Container, files: &[u8]) -> Result<(), EngineError> {
    let order = Order::Files { size: files.len() };
    match ask(container, &order, files).await? {
        Said::Copied { error: None } => Ok(()),
        Said::Copied { error: Some(error) } => Err(EngineError::Option {
            field: "cwd",
            message: format!("it cannot be copied into the sandbox: {error}"),
        }),
        _ => Err(confused()),
    }
}

async fn ask(
    container: &mut Container,
    order: &Order<'_>,
    body: &[u8],
) -> Result<Said, EngineError> {
    let sent = container.control.order(order, body).await;
    let said = container.control.said().await;
    match (sent, said) {
        (_, Err(end)) => Err(EngineError::unavailable(format!(
            "the Python of a container {end}"
        ))),
        (Err(error), _) => Err(EngineError::unavailable(error)),
        (Ok(()), Ok(said)) => Ok(said),
    }
}

fn confused() -> EngineError {
    EngineError::unavailable("a container answered what it was not asked")
}
