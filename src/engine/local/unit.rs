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
use super::threads::Threads;
use crate::engine::report::{event, outcome, request};
use crate::engine::{Answers, Emit, EngineError, Event, Outcome, Spec, Step, Unit};
use crate::worker::{Ended, Frame, Patience, Report, to_json};

/// Time between the soft request to stop and the end of patience.
const GRACE: Duration = Duration::from_millis(250);
/// What the code does that may wait to be told, before the code waits.
const MAX_HAPPENINGS: usize = 256;

/// The unit of a local session.
pub struct Local {
    recipe: Recipe,
    /// None after it was lost: the next step starts a fresh one.
    instance: Option<Instance>,
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
        let instance = Some(recipe.make().await?);
        Ok(Self { recipe, instance })
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
        let (happenings, mut happened) = mpsc::channel(MAX_HAPPENINGS);
        while answers.try_recv().is_ok() {} // of calls that an earlier step gave up
        let (_, nothing) = mpsc::unbounded_channel();
        let replies = std::mem::replace(answers, nothing);
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
            to_json(&request),
            wire,
            self.spec.max_output,
            stopped,
        );
        let mut patience = Patience::new(self.spec.timeout, GRACE);
        let ended = loop {
            tokio::select! {
                Some(happening) = happened.recv() => events.emit(event(happening)),
                ended = &mut running => break ended,
                () = stop.cancelled(), if !patience.is_stopping() => patience.interrupt(),
                () = patience.alarm(), if !reins.are_pulled() => {
                    let last = patience.is_at_its_end();
                    reins.pull(if last { Stop::ByForce } else { Stop::Softly });
                }
            }
        };
        std::mem::swap(answers, &mut *replies.lock().await);
        while let Ok(happening) = happened.try_recv() {
            events.emit(event(happening));
        }
        let pulled = reins.are_pulled();
        let (instance, ended, (stdout, stderr)) = match ended {
            Ok(Ran { mut instance, done }) => {
                let ended = match done {
                    Ok(frame) => understood(&frame, nonce),
                    Err(_) if pulled => Ended::Stubborn,
                    Err(error) => self.failed(&error, instance.host().wanted_more_memory()),
                };
                let printed = instance.host().end();
                let instance = match ended {
                    Ended::Done(_) => Some(instance),
                    _ => {
                        self.bury(instance).await;
                        None
                    }
                };
                (instance, ended, printed)
            }
            Err(error) => {
                let none = || crate::worker::Output::new(0);
                (None, Ended::Died(error.to_string()), (none(), none()))
            }
        };
        let report = Report {
            ended,
            stop: patience.stop(),
            stdout,
            stderr,
        };
        (instance, report)
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
        let Some(instance) = self.instance.take() else {
            return Err(unavailable("no Python is running"));
        };
        let (instance, report) = self.recipe.run(instance, step, answers, events, stop).await;
        let duration = started.elapsed();
        self.instance = instance;
        Ok(outcome(
            report,
            &self.recipe.spec,
            duration,
            "the Python of the session",
            events,
        ))
    }

    async fn reset(&mut self) -> Result<(), EngineError> {
        self.close().await;
        self.instance = Some(self.recipe.make().await?);
        Ok(())
    }

    async fn close(&mut self) {
        if let Some(instance) = self.instance.take() {
            self.recipe.bury(instance).await;
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

fn understood(frame: &[u8], nonce: u64) -> Ended {
    match serde_json::from_slice(frame) {
        Ok(Frame::Done(done)) if done.nonce == nonce => Ended::Done(done),
        Ok(_) => Ended::Broken("it answered what was not asked".to_owned()),
        Err(error) => Ended::Broken(error.to_string()),
    }
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
