//! How the Python of a local session does its work: a step, or the answer to a query.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};
use tokio_util::sync::CancellationToken;
use wasmtime::{Engine, Error, Trap};
use wasmtime_wasi::I32Exit;

use super::component::Instance;
use super::host::{Stop, Wire};
use super::recipe::Recipe;
use super::threads::{Panicked, Running, Threads};
use crate::engine::report::{aside, pass_on, request};
use crate::engine::{Answers, Emit, Event, Query, Step, Told};
use crate::worker::{
    self, Ended, Frame, Happening, MAX_FRAME, Order, Output, Patience, Report, read, to_json,
    unasked,
};

/// Time between the soft request to stop and the end of patience.
const GRACE: Duration = Duration::from_millis(250);
/// The error of a Python that ran out of stack.
pub const RECURSION: &str = "RecursionError";
/// What the code does that may wait to be told, before the code waits.
const MAX_HAPPENINGS: usize = 256;

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

/// What came of work.
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

/// Work that has ended.
struct Ran {
    instance: Instance,
    /// The frame that it ended with.
    done: wasmtime::Result<String>,
}

impl Recipe {
    /// Runs a step; returns what came of it, with the Python if that is still of use.
    pub async fn run(
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
            happening: &mut |happening| pass_on(happening, events),
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
    pub async fn ask(
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
        self.worked(ended, reins.are_pulled(), work.patience.stop(), understood)
            .await
    }

    /// What came of work that has ended, after it was stopped by force or not. A Python that failed is of no use.
    async fn worked<T>(
        &self,
        ran: Result<Ran, Panicked>,
        by_force: bool,
        stop: Option<worker::Stop>,
        understood: impl FnOnce(Frame) -> Result<T, Ended>,
    ) -> Worked<T> {
        let Ran { mut instance, done } = match ran {
            Ok(ran) => ran,
            Err(error) => {
                return Worked {
                    instance: None,
                    ended: Err(Ended::Died(error.to_string())),
                    stop,
                    printed: (Output::new(0), Output::new(0)),
                };
            }
        };
        let ended = match done {
            Ok(frame) => parsed(&frame).and_then(understood),
            Err(_) if by_force => Err(Ended::Stubborn),
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
        Worked {
            instance,
            ended,
            stop,
            printed,
        }
    }

    /// How a Python ended that failed.
    fn failed(&self, error: &Error, wanted_more_memory: bool) -> Ended {
        if let Some(I32Exit(code)) = error.downcast_ref() {
            return Ended::Died(format!("was ended by the code, with exit code {code}"));
        }
        let limit = self.max_memory() >> 20;
        match error.downcast_ref::<Trap>() {
            Some(Trap::StackOverflow) => Ended::Failed {
                kind: RECURSION,
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

fn start(
    threads: &Threads,
    mut instance: Instance,
    request: Vec<u8>,
    wire: Wire,
    max_output: usize,
    mut stopped: watch::Receiver<Stop>,
) -> Running<Ran> {
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

fn parsed(frame: &str) -> Result<Frame, Ended> {
    if frame.len() > MAX_FRAME {
        return Err(Ended::Broken(format!(
            "it ended with a frame of {} bytes",
            frame.len()
        )));
    }
    read(frame.as_bytes()).map_err(Ended::Broken)
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
