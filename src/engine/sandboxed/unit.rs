//! The unit of a sandboxed session: a container of its own, and a fresh one when that is lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::container::{Container, last_line};
use super::control::{Order, Said};
use super::machine::Machine;
use super::{DEFAULT_IMAGE, files, mount};
use crate::engine::copies::Copies;
use crate::engine::report::{aside, event, none_runs, outcome, request, token, unanswered};
use crate::engine::{
    Answers, Emit, EngineError, Event, FRESH, Outcome, Query, Spec, State, Step, Told, Unanswered,
    Unit, imports,
};
use crate::worker::{Ended, Frame, Happening, Kept, Start, Watch, to_json};

/// What errors call that which runs the code.
const PYTHON: &str = "the Python of the container";
/// Time that a Python which waits gets to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time that a container gets to have a copy take the place of its worker; one that stands still never does.
const CALL_PATIENCE: Duration = Duration::from_secs(5);

/// The unit of a sandboxed session.
pub struct InContainer {
    machine: Arc<Machine>,
    spec: Spec,
    /// None only after a fresh container could not be had.
    running: Option<Running>,
    /// The checkpoint that the state is that of, where no step has begun since.
    latest: Option<u64>,
    /// Separates what a worker says on the wire from what the one before it said.
    token: String,
}

struct Running {
    container: Container,
    /// The worker as it was at checkpoints: its processes, as the container knows them.
    copies: Copies<u32>,
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
            latest: None,
            token: token(),
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
                put_files(&mut container, &files).await?;
            }
            self.greet(&mut container).await
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

impl InContainer {
    /// Has the worker leave a copy of itself behind; says whether it did.
    async fn copy(
        &mut self,
        checkpoint: u64,
        happening: &mut (dyn FnMut(Happening) + Send),
    ) -> bool {
        let Some(running) = self.running.as_mut().filter(|_| self.spec.checkpoints) else {
            return false;
        };
        let Container { control, link, .. } = &mut running.container;
        let kept = link.keep(control, &self.token, happening).await;
        let kept = kept.is_some_and(|kept| running.add(checkpoint, kept));
        self.latest = kept.then_some(checkpoint);
        kept
    }

    /// Brings the state of a checkpoint back in the place of a worker that is to end.
    async fn bring_back(&mut self, checkpoint: Option<u64>) -> State {
        if let Some(checkpoint) = checkpoint
            && self.call(checkpoint).await
        {
            self.latest = Some(checkpoint);
            return State::Restored;
        }
        if let Err(error) = self.reset().await {
            tracing::warn!("a fresh container could not be had: {error}");
        }
        State::Lost
    }

    /// Ends the worker and has a copy take its place; says whether it did. Where it did not, nothing of use
    /// may be running.
    async fn call(&mut self, checkpoint: u64) -> bool {
        let Some(running) = &mut self.running else {
            return false;
        };
        let Some(pid) = running.copies.take(checkpoint) else {
            return false;
        };
        let others: Vec<u32> = running.copies.iter().copied().collect();
        let Container { control, link, .. } = &mut running.container;
        let called = async {
            match control.call(pid, &others).await {
                true => link.take_over(control, &self.token).await,
                false => None,
            }
        };
        let Ok(Some(kept)) = timeout(CALL_PATIENCE, called).await else {
            return false;
        };
        running.add(checkpoint, kept);
        true
    }
}

impl Running {
    /// Takes a copy that the worker left behind; says whether there is room for it.
    fn add(&mut self, checkpoint: u64, kept: Kept) -> bool {
        let Some(pid) = kept.pid else {
            return false;
        };
        for pid in self.copies.add(checkpoint, pid, kept.memory) {
            self.container.control.drop_copy(pid);
        }
        self.copies.checkpoints().any(|kept| kept == checkpoint)
    }
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
        let before = self.latest.take();
        let Some(Running { container, .. }) = &mut self.running else {
            return Err(EngineError::unavailable("no container is running"));
        };
        let request = request(step, &self.spec);
        let watch = Watch {
            process: &mut container.control,
            timeout: self.spec.timeout,
            limit: self.spec.max_output,
            stop,
            replies: answers,
            happening: &mut |happening| events.emit(event(happening)),
        };
        let report = container.link.step(request, watch).await;
        let duration = started.elapsed();
        let state = match report.ended {
            Ended::Done(_) => State::Kept,
            _ => self.bring_back(before).await,
        };
        Ok(outcome(report, &self.spec, duration, PYTHON, state, events))
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
        let Container { control, link, .. } = &mut running.container;
        let told = link.ask(query, control, stop, &mut aside(events)).await;
        match told {
            Ok(told) => Ok(told),
            Err(ended) => Err(unanswered(
                ended,
                PYTHON,
                self.bring_back(self.latest).await,
            )),
        }
    }

    async fn reset(&mut self) -> Result<(), EngineError> {
        // Not a copy of the fresh Python: what the code did to the files goes with the container.
        self.latest = None;
        self.close().await;
        let container = self.start().await?;
        let copies = Copies::new(self.machine.shape(Some(&self.spec)).memory / 4);
        self.running = Some(Running { container, copies });
        self.copy(FRESH, &mut |_| ()).await;
        self.latest = self.spec.checkpoints.then_some(FRESH);
        Ok(())
    }

    async fn keep(&mut self, checkpoint: u64, events: &dyn Emit<Event>) -> bool {
        self.copy(checkpoint, &mut aside(events)).await
    }

    fn kept(&self) -> Vec<u64> {
        let copies = self.running.iter().map(|running| &running.copies);
        copies.flat_map(Copies::checkpoints).collect()
    }

    async fn rewind(&mut self, checkpoint: u64) -> Result<(), EngineError> {
        if self.call(checkpoint).await {
            self.latest = Some(checkpoint);
            return Ok(());
        }
        self.reset().await?;
        match checkpoint {
            FRESH => Ok(()),
            _ => Err(EngineError::Gone),
        }
    }

    async fn close(&mut self) {
        if let Some(running) = self.running.take() {
            running.container.end().await;
        }
    }
}
