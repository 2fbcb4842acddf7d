//! The component that holds CPython, ready to be instantiated.
//!
//! Knows wasmtime; nothing of where the component comes from.

use std::future::pending;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;

use wasmtime::component::{Component, ComponentNamedList, InstancePre, Lift, Lower, TypedFunc};
use wasmtime::{Config, Engine, Result, Store, UpdateDeadline};

use super::host::{Host, Stop, linker};
use super::memory::Interrupt;
use super::pages::{Noted, Snapshot, Store as Pages};
use super::scheduler::Scheduler;
use super::threads::Threads;

/// Stack of the code: address space, used as far as the code nests. CPython keeps its own bound, below
/// which a smaller one would end it; but where it frees what nests, it knows none.
const STACK: usize = 64 << 20;
/// What the daemon's own functions may use on top of it.
const STACK_OF_HOST: usize = 1 << 20;

/// Bytes that a memory may grow by over its bound while it is made as large as another one.
const SLACK: isize = 1 << 20;

type Frame = (Vec<u8>,);

/// The engine that runs components: the same for all sessions.
///
/// # Errors
/// When this machine cannot have one.
pub fn engine() -> Result<Engine> {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .memory_may_move(false)
        .max_wasm_stack(STACK)
        .async_stack_size(STACK + STACK_OF_HOST);
    Engine::new(&config)
}

/// CPython, from which sessions are made.
pub struct Python {
    engine: Engine,
    ready: InstancePre<Host>,
    interrupt: Option<Arc<Interrupt>>,
    /// Where its instances run.
    pub threads: Threads,
    /// When they do.
    scheduler: Arc<Scheduler>,
    /// Where what they were is put down.
    pub pages: Arc<Pages>,
}

impl Python {
    /// Loads what was precompiled by an engine like this one.
    ///
    /// # Errors
    /// When it was not, or does not have the shape of `python.wit`.
    pub fn load(engine: &Engine, precompiled: &Path, interrupt: Option<Interrupt>) -> Result<Self> {
        // SAFETY: the file is the user's own, and its hash has been compared with the one that was
        // noted when we made it.
        #[expect(unsafe_code, reason = "machine code is trusted by its nature")]
        let component = unsafe { Component::deserialize_file(engine, precompiled)? };
        let processors = available_parallelism().map_or(1, usize::from);
        Ok(Self {
            engine: engine.clone(),
            ready: linker(engine)?.instantiate_pre(&component)?,
            interrupt: interrupt.map(Arc::new),
            threads: Threads::new(processors)?,
            scheduler: Scheduler::new(engine.clone(), processors),
            pages: Pages::new()?,
        })
    }

    /// The engine that it runs on.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What interrupts it.
    pub fn interrupt(&self) -> Option<Arc<Interrupt>> {
        self.interrupt.clone()
    }

    /// A fresh Python.
    ///
    /// # Errors
    /// When there is not enough memory for it.
    pub async fn instantiate(&self, host: Host) -> Result<Instance> {
        let mut store = Store::new(&self.engine, host);
        store.limiter(|host| host.limiter());
        store.set_epoch_deadline(1);
        let scheduler = Arc::clone(&self.scheduler);
        store.epoch_deadline_callback(move |mut store| {
            Ok(match store.data_mut().look_up() {
                Stop::ByForce => UpdateDeadline::Interrupt,
                // It looks up again right after it has yielded: it may be to stop by then.
                _ if scheduler.preempts() => UpdateDeadline::Yield(0),
                _ => UpdateDeadline::Continue(1),
            })
        });
        let instance = self.ready.instantiate_async(&mut store);
        let instance = self.scheduler.run(instance, pending()).await?;
        let start = instance.get_typed_func(&mut store, "start")?;
        let step = instance.get_typed_func(&mut store, "step")?;
        let grow = instance.get_typed_func(&mut store, "grow")?;
        let freeze = instance.get_typed_func(&mut store, "freeze")?;
        let version = instance.get_typed_func(&mut store, "version")?;
        let check = instance.get_typed_func(&mut store, "check")?;
        let interrupt_in_view = instance.get_typed_func(&mut store, "interrupt-in-view")?;
        Ok(Instance {
            store,
            scheduler: Arc::clone(&self.scheduler),
            start,
            step,
            grow,
            freeze,
            version,
            check,
            interrupt_in_view,
            noted: Noted::default(),
        })
    }
}

/// A running Python. What fails in it is its end.
pub struct Instance {
    store: Store<Host>,
    scheduler: Arc<Scheduler>,
    start: TypedFunc<Frame, ()>,
    step: TypedFunc<Frame, (String,)>,
    grow: TypedFunc<(u32,), ()>,
    freeze: TypedFunc<(), ()>,
    version: TypedFunc<(), (String,)>,
    check: TypedFunc<(String, String), (Option<String>,)>,
    interrupt_in_view: TypedFunc<(), ()>,
    noted: Noted,
}

impl Instance {
    /// What is outside of it.
    pub fn host(&mut self) -> &mut Host {
        self.store.data_mut()
    }

    /// Begins the session.
    ///
    /// # Errors
    /// When the Python failed.
    pub async fn start(&mut self, frame: Vec<u8>) -> Result<()> {
        self.call(self.start, (frame,)).await
    }

    /// Runs a step; returns the frame that ends it.
    ///
    /// # Errors
    /// When the Python failed.
    pub async fn step(&mut self, frame: Vec<u8>) -> Result<String> {
        let (done,) = self.call(self.step, (frame,)).await?;
        Ok(done)
    }

    /// Puts down what its memory is.
    ///
    /// # Errors
    /// When that is not possible on this machine, or not now.
    pub fn snapshot(
        &mut self,
        store: &Arc<Pages>,
        before: Option<&Snapshot>,
    ) -> io::Result<Snapshot> {
        let (memory, noted) = (self.store.data_mut().memory(), &mut self.noted);
        let memory = memory.ok_or(io::ErrorKind::Unsupported)?;
        store.take(&memory, before, noted)
    }

    /// Makes it what it was, or what another one was that began the same way.
    ///
    /// # Errors
    /// When it could not be; it is of no use then.
    pub async fn go_back(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.noted = Noted::default(); // was about another one
        self.host().shift_limit(SLACK);
        let length = self.host().memory().map_or(0, |memory| memory.len());
        if let Ok(more) = u32::try_from(snapshot.length.saturating_sub(length)) {
            self.call(self.grow, (more,)).await?;
        }
        self.host().shift_limit(-SLACK);
        let memory = self.host().memory();
        let mut memory = memory.filter(|memory| memory.len() >= snapshot.length);
        let memory = memory
            .as_mut()
            .ok_or(io::ErrorKind::OutOfMemory)
            .map_err(io::Error::from)?;
        Ok(snapshot.put_back(memory)?)
    }

    /// Has its garbage collector leave alone what there is now.
    ///
    /// # Errors
    /// When the Python failed.
    pub async fn freeze(&mut self) -> Result<()> {
        self.call(self.freeze, ()).await
    }

    /// Its version.
    ///
    /// # Errors
    /// When the Python failed.
    pub async fn version(&mut self) -> Result<String> {
        let (version,) = self.call(self.version, ()).await?;
        Ok(version)
    }

    /// Says what is wrong with the source of a tool.
    ///
    /// # Errors
    /// When the Python failed.
    pub async fn check(&mut self, name: &str, source: &str) -> Result<Option<String>> {
        let call = (name.to_owned(), source.to_owned());
        let (problem,) = self.call(self.check, call).await?;
        Ok(problem)
    }

    /// Finds out how this Python is interrupted; it is of no other use afterwards.
    ///
    /// # Errors
    /// When the Python failed.
    pub async fn find_interrupt(mut self) -> Result<Option<Interrupt>> {
        self.host().copies = Some(Vec::new());
        self.call(self.interrupt_in_view, ()).await?;
        let copies = self.host().copies.take().unwrap_or_default();
        Ok(Interrupt::find(&copies))
    }

    async fn call<P, R>(&mut self, function: TypedFunc<P, R>, parameters: P) -> Result<R>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let asked_to_stop = self.store.data().asked_to_stop();
        let called = function.call_async(&mut self.store, parameters);
        self.scheduler.run(called, asked_to_stop).await
    }
}
