//! The unit of a sandboxed session: a container of its own, and a fresh one when that is lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::container::{Container, last_line};
use super::control::{Order, Said};
use super::machine::Machine;
use super::{DEFAULT_IMAGE, files, mount};
use crate::engine::report::{aside, event, none_runs, outcome, request, unanswered};
use crate::engine::{
    Answers, Emit, EngineError, Event, Outcome, Query, Spec, Step, Told, Unanswered, Unit, imports,
};
use crate::worker::{Ended, Frame, Start, Watch, to_json};

/// What errors call that which runs the code.
const PYTHON: &str = "the Python of the container";
/// Time that a Python which waits gets to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The unit of a sandboxed session.
pub struct InContainer {
    machine: Arc<Machine>,
    spec: Spec,
    /// None only after a fresh container could not be had.
    running: Option<Container>,
}

impl InContainer {
    /// A unit with a fresh Python state.
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
        let mut unit = Self {
            machine,
            spec,
            running: None,
        };
        unit.reset().await?;
        Ok(Box::new(unit))
    }

    /// A container that is ready for the first step.
    async fn start(&self) -> Result<Container, EngineError> {
        let shape = self.machine.shape(Some(&self.spec));
        let files = self.files(shape.folder() / 2).await?; // the code needs room too
        let mut container = self.machine.container(&shape).await?;
        let ready = async {
            self.find_modules(&mut container).await?;
            if let Some(files) = files {
                copy(&mut container, &files).await?;
            }
            self.greet(&mut container).await
        };
        match tokio::time::timeout(PATIENCE, ready).await {
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

    /// What is in the folder of the session, where it is to be copied.
    async fn files(&self, most: u64) -> Result<Option<Vec<u8>>, EngineError> {
        let Some(folder) = self.spec.cwd.clone() else {
            return Ok(None);
        };
        let refused = |message| EngineError::Option {
            field: "cwd",
            message,
        };
        self.spec.check_cwd()?;
        if self.spec.mount {
            return mount::possible(&self.machine).map(|()| None);
        }
        let archived = tokio::task::spawn_blocking(move || files::archive(&folder, most)).await;
        let archived = archived.unwrap_or_else(|error| Err(error.to_string()));
        archived.map(Some).map_err(refused)
    }

    /// Makes sure that what the session may import beyond the default list is there.
    async fn find_modules(&self, container: &mut Container) -> Result<(), EngineError> {
        let names = imports::beyond_default(&self.spec.imports);
        if names.is_empty() {
            return Ok(());
        }
        let order = Order::Modules { names: &names };
        match ask(container, &order, &[]).await? {
            Said::Missing { names } if names.is_empty() => Ok(()),
            Said::Missing { names } => Err(self.lacks(&names)),
            _ => Err(confused()),
        }
    }

    fn lacks(&self, names: &[String]) -> EngineError {
        let image = self.spec.image.as_deref().unwrap_or(DEFAULT_IMAGE);
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

    async fn greet(&self, container: &mut Container) -> Result<(), EngineError> {
        let start = Start {
            imports: &self.spec.imports,
        };
        let greeting = async {
            container.link.send(&to_json(&start)).await?;
            container.link.receive().await
        };
        match greeting.await {
            Ok(Frame::Ready) => Ok(()),
            _ => {
                let said = container.link.take_stderr(2_000);
                let last = last_line(&said).unwrap_or_else(|| "it said nothing".to_owned());
                let message = format!("the Python of a container does not start: {last}");
                Err(EngineError::unavailable(message))
            }
        }
    }
}

async fn copy(container: &mut Container, files: &[u8]) -> Result<(), EngineError> {
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

#[async_trait]
impl Unit for InContainer {
    async fn step(
        &mut self,
        step: &Step<'_>,
        answers: &mut Answers,
        events: &dyn Emit<Event>,
        stop: &CancellationToken,
    ) -> Result<Outcome, EngineError> {
        let started = Instant::now();
        if self.running.is_none() {
            self.reset().await?;
        }
        let Some(running) = &mut self.running else {
            return Err(EngineError::unavailable("no container is running"));
        };
        let request = request(step, &self.spec);
        let watch = Watch {
            process: &mut running.control,
            timeout: self.spec.timeout,
            limit: self.spec.max_output,
            stop,
            replies: answers,
            happening: &mut |happening| events.emit(event(happening)),
        };
        let report = running.link.step(request, watch).await;
        let duration = started.elapsed();
        if !matches!(report.ended, Ended::Done(_))
            && let Err(error) = self.reset().await
        {
            tracing::warn!("a fresh container could not be had: {error}");
        }
        Ok(outcome(report, &self.spec, duration, PYTHON, events))
    }

    async fn ask(
        &mut self,
        query: &Query,
        events: &dyn Emit<Event>,
        stop: &CancellationToken,
    ) -> Result<Told, Unanswered> {
        let Some(running) = &mut self.running else {
            return Err(none_runs(PYTHON));
        };
        let (process, happening) = (&mut running.control, &mut aside(events));
        let told = running.link.ask(query, process, stop, happening).await;
        if told.is_err()
            && let Err(error) = self.reset().await
        {
            tracing::warn!("a fresh container could not be had: {error}");
        }
        told.map_err(|ended| unanswered(ended, PYTHON))
    }

    async fn reset(&mut self) -> Result<(), EngineError> {
        self.close().await;
        self.running = Some(self.start().await?);
        Ok(())
    }

    async fn close(&mut self) {
        if let Some(running) = self.running.take() {
            running.end().await;
        }
    }
}
