//! The unit of a level whose Python is a process: a worker that is asked over a link, and that keeps its states by
//! leaving copies of itself behind, which wait to take its place.

use std::time::Instant;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::copies::Copies;
use super::report::{aside, none_runs, outcome, pass_on, request, unanswered};
use super::{
    Answers, Emit, EngineError, Event, FRESH, Outcome, Query, Spec, State, Step, Told, Unanswered,
    Unit,
};
use crate::worker::{Ended, Happening, Kept, Link, Process, Watch};

/// Where the workers of a level come from.
#[async_trait]
pub trait Source: Send + Sync {
    /// What a worker runs in.
    type Host: Host;

    /// What errors call that which runs the code.
    const PYTHON: &'static str;
    /// Whether a copy of the fresh worker is as good as a fresh worker.
    const COPIES_ARE_FRESH: bool;

    /// Starts a worker, and waits until it is ready for its first step.
    ///
    /// # Errors
    /// When none can be had; nothing is left behind.
    async fn start(&self, spec: &Spec) -> Result<Self::Host, EngineError>;
}

/// What a worker and its copies run in: a process with its folder, or a container. Dropping it and the
/// copies ends them all.
#[async_trait]
pub trait Host: Send {
    /// A copy of the worker.
    type Copy: Send + Sync;

    /// The wire to the worker, and its process.
    fn worker(&mut self) -> (&mut Link, &mut dyn Process);

    /// Takes the process that the worker says is a copy of it.
    fn adopt(&mut self, pid: u32) -> Option<Self::Copy>;

    /// Ends a copy that is no longer wanted, without waiting.
    fn discard(&mut self, copy: Self::Copy);

    /// Ends the worker with all that it started but `others`, and wakes a copy to be the worker from now on. Says
    /// whether it could be; it has not answered yet.
    async fn call(&mut self, copy: Self::Copy, others: &Copies<Self::Copy>) -> bool;

    /// Ends all, and returns when they are gone.
    async fn end(self, copies: Copies<Self::Copy>);
}

/// The unit of a session.
pub struct Forking<S: Source> {
    source: S,
    spec: Spec,
    /// Bytes that copies may come to take.
    room: u64,
    /// None only after a fresh worker could not be had.
    running: Option<Running<S::Host>>,
    /// The checkpoint that the state is that of, where no step has begun since.
    latest: Option<u64>,
    /// Separates what a worker says on the wire from what the one before it said. Nobody can guess it.
    token: String,
}

struct Running<H: Host> {
    host: H,
    /// The worker as it was at checkpoints.
    copies: Copies<H::Copy>,
}

impl<S: Source> Forking<S> {
    /// A unit with a fresh Python state, whose copies take at most `room` bytes.
    ///
    /// # Errors
    /// When none can be had; nothing is left behind.
    pub async fn open(source: S, spec: Spec, room: u64) -> Result<Self, EngineError> {
        let token = getrandom::u64().map_err(EngineError::unavailable)?;
        let mut unit = Self {
            source,
            spec,
            room,
            running: None,
            latest: None,
            token: format!("{token:016x}"),
        };
        unit.reset().await?;
        Ok(unit)
    }

    /// Has the worker leave a copy of itself behind; says whether it did.
    async fn copy(
        &mut self,
        checkpoint: u64,
        happening: &mut (dyn FnMut(Happening) + Send),
    ) -> bool {
        let Some(running) = self.running.as_mut().filter(|_| self.spec.checkpoints) else {
            return false;
        };
        let (link, process) = running.host.worker();
        let kept = link.keep(process, &self.token, happening).await;
        let kept = kept.is_some_and(|kept| running.add(checkpoint, kept));
        self.latest = kept.then_some(checkpoint);
        kept
    }

    /// Brings the state of a checkpoint back in the place of a worker that is to end.
    async fn bring_back(&mut self, checkpoint: Option<u64>) -> State {
        if let Some(checkpoint) = checkpoint
            && self.call(checkpoint).await
        {
            return State::Restored;
        }
        if let Err(error) = self.reset().await {
            tracing::warn!("{} could not be started afresh: {error}", S::PYTHON);
        }
        State::Lost
    }

    /// Ends the worker and has a copy take its place; says whether it did. Where there was one and it did not,
    /// nothing is running.
    async fn call(&mut self, checkpoint: u64) -> bool {
        let Some(running) = &mut self.running else {
            return false;
        };
        let Some(copy) = running.copies.take(checkpoint) else {
            return false;
        };
        let mut kept = None;
        if running.host.call(copy, &running.copies).await {
            let (link, process) = running.host.worker();
            kept = link.take_over(process, &self.token).await;
        }
        let Some(kept) = kept else {
            self.close().await;
            return false;
        };
        running.add(checkpoint, kept);
        self.latest = Some(checkpoint);
        true
    }
}

impl<H: Host> Running<H> {
    /// Takes a copy that the worker left behind; says whether there is room for it.
    fn add(&mut self, checkpoint: u64, kept: Kept) -> bool {
        let Some(copy) = kept.pid.and_then(|pid| self.host.adopt(pid)) else {
            return false;
        };
        for surplus in self.copies.add(checkpoint, copy, kept.memory) {
            self.host.discard(surplus);
        }
        self.copies.get(checkpoint).is_some()
    }
}

#[async_trait]
impl<S: Source> Unit for Forking<S> {
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
        let Some(running) = &mut self.running else {
            return Err(EngineError::unavailable(format!("{} is gone", S::PYTHON)));
        };
        let request = request(step, &self.spec);
        let (link, process) = running.host.worker();
        let watch = Watch {
            process,
            timeout: self.spec.timeout,
            limit: self.spec.max_output,
            stop,
            replies: answers,
            happening: &mut |happening| pass_on(happening, events),
        };
        let report = link.step(request, watch).await;
        let duration = started.elapsed();
        let state = match report.ended {
            Ended::Done(_) => State::Kept,
            _ => self.bring_back(before).await,
        };
        Ok(outcome(
            report,
            &self.spec,
            duration,
            S::PYTHON,
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
        let Some(running) = &mut self.running else {
            return Err(none_runs(S::PYTHON));
        };
        let (link, process) = running.host.worker();
        match link.ask(query, process, stop, &mut aside(events)).await {
            Ok(told) => Ok(told),
            Err(ended) => {
                let state = self.bring_back(self.latest).await;
                Err(unanswered(ended, S::PYTHON, state))
            }
        }
    }

    async fn idle(&mut self, events: &dyn Emit<Event>) {
        if let Some(running) = &mut self.running {
            let (link, process) = running.host.worker();
            let most = self.spec.background;
            link.idle(process, most, &mut aside(events)).await;
        }
        std::future::pending::<()>().await;
    }

    async fn reset(&mut self) -> Result<(), EngineError> {
        self.latest = None;
        if S::COPIES_ARE_FRESH && self.call(FRESH).await {
            return Ok(());
        }
        self.close().await;
        self.running = Some(Running {
            host: self.source.start(&self.spec).await?,
            copies: Copies::new(self.room),
        });
        self.copy(FRESH, &mut |_| ()).await;
        // Even if it left none: to go back there, another fresh worker is started.
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
            return Ok(());
        }
        self.reset().await?;
        match checkpoint {
            FRESH => Ok(()),
            _ => Err(EngineError::Gone),
        }
    }

    async fn close(&mut self) {
        if let Some(Running { host, copies }) = self.running.take() {
            host.end(copies).await;
        }
    }
}
