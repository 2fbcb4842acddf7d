//! The unit of a local session: its Python, and what that was at checkpoints.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::component::{Instance, Python};
use super::host::{DEFAULT_MEMORY, Host};
use super::pages::Snapshot;
use super::recipe::{Recipe, unavailable};
use super::work::RECURSION;
use crate::engine::copies::Copies;
use crate::engine::report::{none_runs, outcome, unanswered};
use crate::engine::{
    Answers, Emit, EngineError, Event, FRESH, Outcome, Query, Spec, State, Step, Told, Unanswered,
    Unit,
};
use crate::worker::Ended;

/// Bytes of pages that are put down for one session.
const MOST_WRITTEN: u64 = 1 << 30;
/// What errors call that which runs the code.
const PYTHON: &str = "the Python of the session";

/// The unit of a local session.
pub struct Local {
    recipe: Recipe,
    /// None after it was lost: the next step starts a fresh one.
    instance: Option<Instance>,
    /// What its memory was at checkpoints.
    snapshots: Copies<Arc<Snapshot>>,
    /// The one that it has changed least from.
    base: Option<Arc<Snapshot>>,
    /// Number of things outside that it holds from its start on.
    held_at_start: usize,
    /// The checkpoint that the state is that of, where no step has begun since.
    latest: Option<u64>,
}

impl Local {
    /// A unit with a fresh Python.
    ///
    /// # Errors
    /// When an option cannot be met, or no Python be started.
    pub async fn open(
        python: Arc<Python>,
        spec: Spec,
        packages: Vec<PathBuf>,
    ) -> Result<Self, EngineError> {
        let recipe = Recipe::new(python, spec, packages)?;
        let mut unit = Self {
            recipe,
            instance: None,
            snapshots: Copies::new(MOST_WRITTEN),
            base: None,
            held_at_start: 0,
            latest: None,
        };
        unit.reset().await?;
        Ok(unit)
    }
}

#[async_trait]
impl Unit for Local {
    async fn step(
        &mut self,
        step: &Step<'_>,
        answers: &mut Answers,
        events: &dyn Emit<Event>,
        stop: &CancellationToken,
    ) -> Result<Outcome, EngineError> {
        let started = Instant::now();
        if self.instance.is_none() {
            self.reset().await?;
        }
        let before = self.latest.take();
        let Some(instance) = self.instance.take() else {
            return Err(unavailable("no Python is running"));
        };
        let (instance, report) = self.recipe.run(instance, step, answers, events, stop).await;
        let duration = started.elapsed();
        self.instance = instance;
        let state = match self.instance {
            Some(_) => State::Kept,
            None if nested_too_deep(&report.ended) => self.restore_frozen(before).await,
            None => self.restore(before).await,
        };
        Ok(outcome(
            report,
            &self.recipe.spec,
            duration,
            PYTHON,
            state,
            events,
        ))
    }

    async fn ask(
        &mut self,
        query: &Query,
        events: &dyn Emit<Event>,
        stop: &CancellationToken,
    ) -> Result<Told, Unanswered> {
        let Some(instance) = self.instance.take() else {
            return Err(none_runs(PYTHON));
        };
        let (instance, told) = self.recipe.ask(instance, query, events, stop).await;
        self.instance = instance;
        match told {
            Ok(told) => Ok(told),
            Err(ended) => {
                let state = match nested_too_deep(&ended) {
                    true => self.restore_frozen(self.latest).await,
                    false => self.restore(self.latest).await,
                };
                Err(unanswered(ended, PYTHON, state))
            }
        }
    }

    async fn reset(&mut self) -> Result<(), EngineError> {
        self.rewind(FRESH).await
    }

    async fn keep(&mut self, checkpoint: u64, _: &dyn Emit<Event>) -> bool {
        let Some(mut instance) = self.instance.take_if(|_| self.recipe.spec.checkpoints) else {
            return false;
        };
        // What is outside cannot be kept: open files, which the Python in its place would not have.
        if instance.host().held() != self.held_at_start {
            self.instance = Some(instance);
            return false;
        }
        let base = self.base.clone();
        let pages = Arc::clone(&self.recipe.python.pages);
        let taken = self.recipe.python.threads.run(async move {
            let snapshot = instance.snapshot(&pages, base.as_deref());
            (instance, snapshot)
        });
        let Ok((instance, snapshot)) = taken.await else {
            return false;
        };
        self.instance = Some(instance);
        match snapshot {
            Ok(snapshot) => {
                let snapshot = Arc::new(snapshot);
                self.base = Some(Arc::clone(&snapshot));
                let written = snapshot.written;
                self.snapshots.add(checkpoint, snapshot, written);
                // There may be no room for one as large as this.
                self.latest = self.snapshots.get(checkpoint).map(|_| checkpoint);
            }
            Err(error) => tracing::debug!("no checkpoint could be made: {error}"),
        }
        self.latest == Some(checkpoint)
    }

    fn kept(&self) -> Vec<u64> {
        self.snapshots.checkpoints().collect()
    }

    async fn rewind(&mut self, checkpoint: u64) -> Result<(), EngineError> {
        let snapshot = match checkpoint {
            FRESH => None,
            _ => Some(
                self.snapshots
                    .get(checkpoint)
                    .cloned()
                    .ok_or(EngineError::Gone)?,
            ),
        };
        self.close().await;
        self.latest = None;
        let mut instance = self.recipe.make().await?;
        self.held_at_start = instance.host().held();
        self.base.clone_from(&snapshot);
        self.instance = Some(match snapshot {
            None => instance,
            Some(snapshot) => self.recipe.bring_back(instance, snapshot).await?,
        });
        self.latest = self.recipe.spec.checkpoints.then_some(checkpoint);
        Ok(())
    }

    async fn close(&mut self) {
        if let Some(instance) = self.instance.take() {
            self.recipe.bury(instance).await;
        }
    }
}

impl Local {
    /// Brings a checkpoint back in the place of a Python that is no more. A fresh one is started by the next
    /// step: many may be lost at once.
    async fn restore(&mut self, checkpoint: Option<u64>) -> State {
        match checkpoint {
            None => State::Lost,
            Some(FRESH) => State::Restored,
            Some(checkpoint) => match self.rewind(checkpoint).await {
                Ok(()) => State::Restored,
                Err(error) => {
                    tracing::warn!("a session could not be brought back: {error}");
                    State::Lost
                }
            },
        }
    }
}

impl Local {
    /// Brings a checkpoint back after its Python ran out of stack. It may have done so while it collected garbage
    /// that nests too deep, which the checkpoint holds too: no later step is to fail on that.
    async fn restore_frozen(&mut self, checkpoint: Option<u64>) -> State {
        let state = self.restore(checkpoint).await;
        let Some(instance) = self.instance.take() else {
            return state;
        };
        match self.recipe.freeze(instance).await {
            Ok(instance) => {
                self.instance = Some(instance);
                state
            }
            Err(error) => {
                tracing::warn!("a session could not be brought back: {error}");
                State::Lost
            }
        }
    }
}

fn nested_too_deep(ended: &Ended) -> bool {
    matches!(ended, Ended::Failed { kind, .. } if *kind == RECURSION)
}

/// Says what is wrong with the source of a tool.
///
/// # Errors
/// When no Python can be started.
pub async fn check_tool(
    python: &Arc<Python>,
    name: &str,
    source: &str,
) -> Result<Option<String>, EngineError> {
    let host = Host::new(DEFAULT_MEMORY, &[], None).map_err(unavailable)?;
    let (of_task, name, source) = (Arc::clone(python), name.to_owned(), source.to_owned());
    let checked = python.threads.run(async move {
        let mut instance = of_task.instantiate(host).await?;
        instance.check(&name, &source).await
    });
    match checked.await.map_err(unavailable)? {
        Ok(problem) => Ok(problem),
        Err(_) => Ok(Some("it cannot be read as Python".to_owned())),
    }
}
