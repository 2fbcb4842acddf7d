//! The Python of one local session, and how a step is run in it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wasmtime::{Engine, Error, Trap};
use wasmtime_wasi::I32Exit;

use super::component::{Instance, Python};
use super::host::{DEFAULT_MEMORY, Host, Stop, Wire};
use super::pages::Snapshot;
use super::threads::Threads;
use crate::engine::copies::Copies;
use crate::engine::report::{aside, event, none_runs, outcome, request, unanswered};
use crate::engine::{
    Answers, Emit, EngineError, Event, FRESH, Outcome, Query, Spec, State, Step, Told, Unanswered,
    Unit,
};
use crate::worker::{
    self, Ended, Frame, Happening, Order, Output, Patience, Report, to_json, unasked,
};

/// Time between the soft request to stop and the end of patience.
const GRACE: Duration = Duration::from_millis(250);
/// Bytes of pages that are put down for one session.
const MOST_WRITTEN: u64 = 1 << 30;
/// What errors call that which runs the code.
const PYTHON: &str = "the Python of the session";
/// What the code does that may wait to be told, before the code waits.
const MAX_HAPPENINGS: usize = 256;

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

/// What the Python of a session is made of.
struct Recipe {
    python: Arc<Python>,
    spec: Spec,
    /// The folders that the code may read: the name that it knows each by, and where it is.
    folders: Vec<(String, PathBuf)>,
}

/// How the guest begins a session.
#[derive(Serialize)]
struct Start<'a> {
    imports: &'a [String],
    cwd: Option<&'a str>,
    packages: Vec<&'a str>,
}

impl Local {
    /// A unit with a fresh Python.
    ///
    /// # Errors
    /// When an option cannot be met, or no Python be started.
    pub async fn open(
        python: Arc<Python>,
        mut spec: Spec,
        packages: Vec<PathBuf>,
    ) -> Result<Self, EngineError> {
        let mut folders = Vec::new();
        spec.cwd = spec.cwd.map(|cwd| std::path::absolute(&cwd).unwrap_or(cwd));
        spec.check_cwd()?;
        if let Some(cwd) = &spec.cwd {
            let name = cwd.to_str().ok_or_else(|| EngineError::Option {
                field: "cwd",
                message: "is not UTF-8".to_owned(),
            })?;
            folders.push((name.to_owned(), cwd.clone()));
        }
        let packages = (0..).zip(packages);
        folders.extend(packages.map(|(number, folder)| (format!("/packages/{number}"), folder)));
        let recipe = Recipe {
            python,
            spec,
            folders,
        };
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

impl Recipe {
    /// Starts a fresh Python.
    async fn make(&self) -> Result<Instance, EngineError> {
        let host = self.host().map_err(unavailable)?;
        let (python, frame) = (Arc::clone(&self.python), self.start_frame());
        let started = self.python.threads.run(async move {
            let mut instance = python.instantiate(host).await?;
            instance.start(frame).await?;
            Ok::<_, Error>(instance)
        });
        started.await.map_err(unavailable)?.map_err(unavailable)
    }

    /// Makes a fresh Python what one of the same recipe was.
    async fn bring_back(
        &self,
        mut instance: Instance,
        snapshot: Arc<Snapshot>,
    ) -> Result<Instance, EngineError> {
        let done = self.python.threads.run(async move {
            instance.go_back(&snapshot).await?;
            Ok::<_, Error>(instance)
        });
        done.await.map_err(unavailable)?.map_err(unavailable)
    }

    fn host(&self) -> wasmtime::Result<Host> {
        Host::new(self.max_memory(), &self.folders, self.python.interrupt())
    }

    fn max_memory(&self) -> usize {
        let asked = self.spec.max_memory;
        asked.map_or(DEFAULT_MEMORY, |bytes| {
            usize::try_from(bytes).unwrap_or(usize::MAX)
        })
    }

    fn start_frame(&self) -> Vec<u8> {
        let folders = self.folders.iter().map(|(name, _)| name.as_str());
        to_json(&Start {
            imports: &self.spec.imports,
            cwd: self.spec.cwd.as_deref().and_then(|cwd| cwd.to_str()),
            packages: folders.skip(usize::from(self.spec.cwd.is_some())).collect(),
        })
    }

    /// Runs a step; returns what came of it, with the Python if that is still of use.
    async fn run(
        &self,
        instance: Instance,
        step: &Step<'_>,
        answers: &mut Answers,
        events: &dyn Emit<Event>,
        stop: &CancellationToken,
    ) -> (Option<Instance>, Report) {
        let request = request(step, &self.spec);
        let nonce = request.nonce;
        let work = Work {
            frame: to_json(&Order::Step(request)),
            patience: Patience::new(self.spec.timeout, GRACE),
            max_output: self.spec.max_output,
            answers,
            happening: &mut |happening| events.emit(event(happening)),
            stop,
        };
        let understood = |frame| match frame {
            Frame::Done(done) if done.nonce == nonce => Ok(done),
            _ => Err(unasked()),
        };
        let worked = self.work(instance, work, understood).await;
        let (stdout, stderr) = worked.printed;
        let report = Report {
            ended: worked.ended.map_or_else(|ended| ended, Ended::Done),
            stop: worked.stop,
            stdout,
            stderr,
        };
        (worked.instance, report)
    }

    /// Answers a query.
    async fn ask(
        &self,
        instance: Instance,
        query: &Query,
        events: &dyn Emit<Event>,
        stop: &CancellationToken,
    ) -> (Option<Instance>, Result<Told, Ended>) {
        let (nonce, frame) = query.order();
        let (_, mut nobody) = mpsc::unbounded_channel();
        let work = Work {
            frame,
            patience: Query::patience(),
            max_output: 0,
            answers: &mut nobody,
            happening: &mut aside(events),
            stop,
        };
        let understood = |frame| match frame {
            Frame::Told { nonce: of, told } if of == nonce => query.check(*told),
            _ => Err(unasked()),
        };
        let worked = self.work(instance, work, understood).await;
        (worked.instance, worked.ended)
    }

    /// Has a Python do its work, watches the clock, and hears what it says last.
    async fn work<T>(
        &self,
        instance: Instance,
        mut work: Work<'_>,
        understood: impl FnOnce(Frame) -> Result<T, Ended>,
    ) -> Worked<T> {
        let (happenings, mut happened) = mpsc::channel(MAX_HAPPENINGS);
        while work.answers.try_recv().is_ok() {} // of calls that an earlier step gave up
        let (_, nothing) = mpsc::unbounded_channel();
        let replies = std::mem::replace(work.answers, nothing);
        let replies = Arc::new(AsyncMutex::new(replies));
        let (reins, stopped) = Reins::new(self.python.engine());
        let wire = Wire {
            happenings,
            replies: Arc::clone(&replies),
            stop: stopped.clone(),
        };
        let threads = &self.python.threads;
        let mut running = start(
            threads,
            instance,
            work.frame,
            wire,
            work.max_output,
            stopped,
        );
        let patience = &mut work.patience;
        let ended = loop {
            tokio::select! {
                Some(happening) = happened.recv() => (work.happening)(happening),
                ended = &mut running => break ended,
                () = work.stop.cancelled(), if !patience.is_stopping() => patience.interrupt(),
                () = patience.alarm(), if !reins.are_pulled() => {
                    let last = patience.is_at_its_end();
                    reins.pull(if last { Stop::ByForce } else { Stop::Softly });
                }
            }
        };
        std::mem::swap(work.answers, &mut *replies.lock().await);
        while let Ok(happening) = happened.try_recv() {
            (work.happening)(happening);
        }
        let pulled = reins.are_pulled();
        let (instance, ended, printed) = match ended {
            Ok(Ran { mut instance, done }) => {
                let ended = match done {
                    Ok(frame) => parsed(&frame).and_then(understood),
                    Err(_) if pulled => Err(Ended::Stubborn),
                    Err(error) => Err(self.failed(&error, instance.host().wanted_more_memory())),
                };
                let printed = instance.host().end();
                let instance = match ended {
                    Ok(_) => Some(instance),
                    Err(_) => {
                        self.bury(instance).await;
                        None
                    }
                };
                (instance, ended, printed)
            }
            Err(error) => {
                let none = || Output::new(0);
                (None, Err(Ended::Died(error.to_string())), (none(), none()))
            }
        };
        Worked {
            instance,
            ended,
            stop: work.patience.stop(),
            printed,
        }
    }

    /// Gives back the memory of a Python, which may take a while.
    async fn bury(&self, instance: Instance) {
        let _ = self.python.threads.run(async move { drop(instance) }).await;
    }

    /// How a Python ended that failed.
    fn failed(&self, error: &Error, wanted_more_memory: bool) -> Ended {
        if let Some(I32Exit(code)) = error.downcast_ref() {
            return Ended::Died(format!("was ended by the code, with exit code {code}"));
        }
        let limit = self.max_memory() >> 20;
        match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => Ended::Failed {
                kind: "RecursionError",
                how: "ran out of stack: the code nests too deep".to_owned(),
            },
            _ if wanted_more_memory => Ended::Failed {
                kind: "MemoryError",
                how: format!("ran out of memory: the limit is {limit} MiB"),
            },
            Some(trap) => Ended::Died(format!("crashed: {trap}")),
            None => Ended::Broken(error.root_cause().to_string()),
        }
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
            Err(ended) => Err(unanswered(ended, PYTHON, self.restore(self.latest).await)),
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
                self.latest = Some(checkpoint);
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

/// What a Python is to do: run a step or answer a query.
struct Work<'a> {
    /// The frame that says so.
    frame: Vec<u8>,
    /// How long it may take.
    patience: Patience,
    /// Bytes that it may print on each stream.
    max_output: usize,
    /// Answers to the calls that it makes.
    answers: &'a mut Answers,
    /// Takes what the code does.
    happening: &'a mut (dyn FnMut(Happening) + Send),
    /// Asks for its end.
    stop: &'a CancellationToken,
}

/// What came of it.
struct Worked<T> {
    /// The Python, if it is still of use.
    instance: Option<Instance>,
    /// What it said last, or how it ended.
    ended: Result<T, Ended>,
    /// Why it was asked to stop, if it was.
    stop: Option<worker::Stop>,
    /// What it printed on each stream.
    printed: (Output, Output),
}

/// A step that has been run.
struct Ran {
    instance: Instance,
    done: wasmtime::Result<Vec<u8>>,
}

fn start(
    threads: &Threads,
    mut instance: Instance,
    request: Vec<u8>,
    wire: Wire,
    max_output: usize,
    mut stopped: watch::Receiver<Stop>,
) -> JoinHandle<Ran> {
    threads.run(async move {
        instance.host().begin(wire, max_output);
        // Python that computes is stopped by `look_up`, Python that waits here.
        let done = tokio::select! {
            biased;
            _ = stopped.wait_for(|stop| *stop == Stop::ByForce) => Err(Trap::Interrupt.into()),
            done = instance.step(request) => done,
        };
        Ran { instance, done }
    })
}

fn parsed(frame: &[u8]) -> Result<Frame, Ended> {
    serde_json::from_slice(frame).map_err(|error| Ended::Broken(error.to_string()))
}

/// What stops the step that somebody runs. Dropping it stops it by force.
struct Reins {
    stop: watch::Sender<Stop>,
    engine: Engine,
}

impl Reins {
    fn new(engine: &Engine) -> (Self, watch::Receiver<Stop>) {
        let (stop, stopped) = watch::channel(Stop::No);
        let engine = engine.clone();
        (Self { stop, engine }, stopped)
    }

    fn pull(&self, stop: Stop) {
        self.stop.send_replace(stop);
        self.engine.increment_epoch(); // all that run look up; it is cheap for the others
    }

    /// Whether the step has been stopped by force.
    fn are_pulled(&self) -> bool {
        *self.stop.borrow() == Stop::ByForce
    }
}

impl Drop for Reins {
    fn drop(&mut self) {
        self.pull(Stop::ByForce);
    }
}

fn unavailable(error: impl std::fmt::Display) -> EngineError {
    EngineError::unavailable(format!(
        "the Python of a local session cannot be started: {error}"
    ))
}
