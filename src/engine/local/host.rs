//! What a session's Python finds outside of itself: the functions of `python.wit`, and a WASI without
//! environment, network and folders but those that the session was given, read-only.
//!
//! Knows the frames of a worker, and nothing of sessions.

use std::future::pending;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use tokio::sync::{Mutex as AsyncMutex, mpsc, watch};
use wasmtime::component::{Linker, ResourceTable, WasmStr};
use wasmtime::{Engine, ResourceLimiter, Result, StoreContextMut};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{FsPerms, HostMonotonicClock, WasiCtx, WasiCtxView, WasiView};

use super::memory::{Interrupt, Memory, View};
use crate::worker::{Happening, Heard, MAX_FRAME, Output, Reply, Stream, heard, read, to_json};

/// Bytes of memory that the code may use where nobody gives a limit.
pub const DEFAULT_MEMORY: usize = 256 << 20;
/// Bytes that the code may print in one go.
const CHUNK: usize = 64 << 10;
/// The longest sleep; whatever waits for longer is stopped before.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Whether a step is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It may go on.
    No,
    /// It is to be interrupted.
    Softly,
    /// Its Python is to be given up.
    ByForce,
}

/// What a step is connected to while it runs.
pub struct Wire {
    /// Takes what the code does.
    pub happenings: mpsc::Sender<Happening>,
    /// Answers to its calls: taken by the thread that waits for them, without going through another.
    pub replies: Arc<AsyncMutex<mpsc::UnboundedReceiver<Reply>>>,
    /// Whether it is to stop.
    pub stop: watch::Receiver<Stop>,
}

/// The outside of one instance.
pub struct Host {
    wasi: WasiCtx,
    table: ResourceTable,
    interrupt: Option<Arc<Interrupt>>,
    memory: Option<Memory>,
    /// Copies of the memory, while it is to be watched.
    pub copies: Option<Vec<Vec<u8>>>,
    limit: Limit,
    wire: Option<Wire>,
    /// Requests to stop that the code has not been told of yet.
    requests: Option<watch::Receiver<Stop>>,
    printed: Arc<Mutex<Printed>>,
}

/// What the code printed in a step.
struct Printed {
    stdout: Output,
    stderr: Output,
    happenings: Option<mpsc::Sender<Happening>>,
}

/// The bound of the memory, and whether the code ran into it.
struct Limit {
    bytes: usize,
    /// What it has grown to.
    used: usize,
    reached: bool,
}

impl Host {
    /// The outside of an instance that may use as many bytes of memory and read these folders: the
    /// name that the code knows each by, and where it is.
    ///
    /// # Errors
    /// When a folder cannot be opened.
    pub fn new(
        max_memory: usize,
        folders: &[(String, PathBuf)],
        interrupt: Option<Arc<Interrupt>>,
    ) -> Result<Self> {
        let printed = Arc::new(Mutex::new(Printed {
            stdout: Output::new(0),
            stderr: Output::new(0),
            happenings: None,
        }));
        let last_words = |stream| LastWords {
            stream,
            printed: Arc::clone(&printed),
        };
        let mut wasi = WasiCtx::builder();
        wasi.stdout(last_words(Stream::Stdout))
            .stderr(last_words(Stream::Stderr))
            .monotonic_clock(Clock)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false);
        for (name, folder) in folders {
            wasi.preopened_dir(folder, name, FsPerms::ReadOnly)?;
        }
        Ok(Self {
            wasi: wasi.build(),
            table: ResourceTable::new(),
            interrupt,
            memory: None,
            copies: None,
            limit: Limit {
                bytes: max_memory,
                used: 0,
                reached: false,
            },
            wire: None,
            requests: None,
            printed,
        })
    }

    /// The memory of the instance, which is at rest, once it has been shown.
    pub fn memory(&mut self) -> Option<View<'_>> {
        let length = self.limit.used;
        Some(self.memory?.view(self, length))
    }

    /// Lets the memory grow by so many bytes more, or fewer again.
    pub const fn shift_limit(&mut self, bytes: isize) {
        self.limit.bytes = self.limit.bytes.saturating_add_signed(bytes);
    }

    /// Number of things outside that the code holds, such as open files.
    pub fn held(&mut self) -> usize {
        self.table.iter_mut().count()
    }

    /// The bound of the memory.
    pub fn limiter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.limit
    }

    /// Whether the code wanted more memory in this step than it may have.
    pub const fn wanted_more_memory(&self) -> bool {
        self.limit.reached
    }

    /// Begins a step that may print as many bytes on each stream.
    pub fn begin(&mut self, wire: Wire, max_output: usize) {
        let mut printed = lock(&self.printed);
        printed.stdout = Output::new(max_output);
        printed.stderr = Output::new(max_output);
        printed.happenings = Some(wire.happenings.clone());
        drop(printed);
        self.limit.reached = false;
        self.requests = Some(wire.stop.clone());
        self.wire = Some(wire);
    }

    /// Ends a step; returns what it printed to stdout and to stderr.
    pub fn end(&mut self) -> (Output, Output) {
        (self.wire, self.requests) = (None, None);
        let mut printed = lock(&self.printed);
        let Printed {
            stdout,
            stderr,
            happenings,
        } = &mut *printed;
        if let Some(happenings) = happenings.take() {
            for (stream, output) in [
                (Stream::Stdout, &mut *stdout),
                (Stream::Stderr, &mut *stderr),
            ] {
                let last = output.finish().map(|text| Happening::Output(stream, text));
                last.into_iter()
                    .for_each(|text| drop(happenings.try_send(text)));
            }
        }
        let none = || Output::new(0);
        (
            std::mem::replace(stdout, none()),
            std::mem::replace(stderr, none()),
        )
    }

    /// Becomes ready when the step is asked to stop.
    pub fn asked_to_stop(&self) -> impl Future<Output = ()> + use<> {
        let stop = self.wire.as_ref().map(|wire| wire.stop.clone());
        async move {
            match stop {
                Some(mut stop) => drop(stop.wait_for(|stop| *stop != Stop::No).await),
                None => pending().await,
            }
        }
    }

    /// Called by the thread that runs the code, whenever somebody's step is to stop, or somebody waits to
    /// compute; says whether its own step is to stop.
    pub fn look_up(&mut self) -> Stop {
        let Some(requests) = &mut self.requests else {
            return Stop::No;
        };
        let is_new = requests.has_changed().unwrap_or(true);
        let stop = *requests.borrow_and_update();
        if let (true, Stop::Softly, Some(memory)) = (is_new, stop, self.memory)
            && let Some(interrupt) = &self.interrupt
        {
            memory.interrupt(interrupt);
        }
        stop
    }

    fn show(&mut self, memory: Memory) {
        self.memory = Some(memory);
        if let Some(copies) = &mut self.copies {
            copies.push(memory.copy());
        }
    }

    /// Takes what the code prints; says whether it wants more of it.
    async fn print(&mut self, bytes: &[u8], stream: Stream) -> bool {
        let (text, wanted) = lock(&self.printed).push(bytes, stream);
        if let (Some(text), Some(wire)) = (text, &self.wire) {
            let _ = wire.happenings.send(text).await; // nobody may want to know any more
        }
        wanted
    }

    /// Passes on what wants no answer.
    async fn send(&mut self, frame: &str) -> Result<()> {
        let heard = understood(frame)?;
        if let Some(wire) = &self.wire {
            let _ = wire.happenings.send(heard.happening).await;
        }
        Ok(())
    }

    /// Passes on what wants an answer, and waits for it; returns nothing when the step is to stop.
    async fn ask(&mut self, frame: &str) -> Result<Vec<u8>> {
        let heard = understood(frame)?;
        let Some(wire) = &mut self.wire else {
            return Ok(Vec::new());
        };
        let call = heard.call;
        let _ = wire.happenings.send(heard.happening).await;
        if let Some(reply) = heard.reply {
            return Ok(to_json(&reply));
        }
        let mut replies = wire.replies.lock().await; // nobody else wants it while the step runs
        loop {
            tokio::select! {
                _ = wire.stop.wait_for(|stop| *stop != Stop::No) => return Ok(Vec::new()),
                reply = replies.recv() => match reply {
                    Some(reply) if Some(reply.call) == call => return Ok(to_json(&reply)),
                    Some(_) => {} // of a call that was given up
                    None => return Ok(Vec::new()),
                },
            }
        }
    }

    async fn sleep(&mut self, seconds: f64) {
        let time = Duration::try_from_secs_f64(seconds).map_or(LONGEST, |time| time.min(LONGEST));
        let sleep = tokio::time::sleep(time);
        match &mut self.wire {
            Some(wire) => tokio::select! {
                () = sleep => {}
                _ = wire.stop.wait_for(|stop| *stop != Stop::No) => {}
            },
            None => sleep.await,
        }
    }
}

/// The time since the daemon first asked for it: the same for a Python and for what takes its place.
struct Clock;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl ResourceLimiter for Limit {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let allowed = desired <= self.bytes;
        self.reached |= !allowed;
        if allowed {
            self.used = desired;
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(desired <= 1 << 20)
    }
}

/// A text, taken out of the memory of the instance if it is none that is too long.
fn bounded(text: &WasmStr, store: &StoreContextMut<'_, Host>) -> Result<String> {
    let text = text.to_str(store)?;
    match text.len() <= MAX_FRAME {
        true => Ok(text.into_owned()),
        false => Err(wasmtime::format_err!("a text of {} bytes", text.len())),
    }
}

/// The bytes that printed text stands for: those of its UTF-8, or where it is raw, the numbers of its characters.
fn bytes_of(text: String, raw: bool) -> Vec<u8> {
    match raw {
        true => text
            .chars()
            .filter_map(|letter| u8::try_from(u32::from(letter)).ok())
            .collect(),
        false => text.into_bytes(),
    }
}

fn understood(frame: &str) -> Result<Heard> {
    read(frame.as_bytes())
        .and_then(heard)
        .map_err(wasmtime::Error::msg)
}

impl Printed {
    /// Takes bytes; returns what there is to show for them, and whether more is wanted.
    fn push(&mut self, bytes: &[u8], stream: Stream) -> (Option<Happening>, bool) {
        let output = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let text = output.push(bytes);
        let shown = text.map(|text| Happening::Output(stream, text));
        (shown, !output.is_cut())
    }
}

/// The functions that the component asks for.
///
/// # Errors
/// When there are two of one name.
pub fn linker(engine: &Engine) -> Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    let mut root = linker.root();
    root.func_wrap_async(
        "print",
        |mut store: StoreContextMut<'_, Host>, (text, raw, stderr): (WasmStr, bool, bool)| {
            let text = bounded(&text, &store);
            Box::new(async move {
                let bytes = bytes_of(text?, raw);
                let stream = if stderr {
                    Stream::Stderr
                } else {
                    Stream::Stdout
                };
                Ok((store.data_mut().print(&bytes, stream).await,))
            })
        },
    )?;
    root.func_wrap_async(
        "send",
        |mut store: StoreContextMut<'_, Host>, (frame,): (WasmStr,)| {
            let frame = bounded(&frame, &store);
            Box::new(async move { store.data_mut().send(&frame?).await })
        },
    )?;
    root.func_wrap_async(
        "ask",
        |mut store: StoreContextMut<'_, Host>, (frame,): (WasmStr,)| {
            let frame = bounded(&frame, &store);
            Box::new(async move { Ok((store.data_mut().ask(&frame?).await?,)) })
        },
    )?;
    root.func_wrap_async(
        "sleep",
        |mut store: StoreContextMut<'_, Host>, (seconds,): (f64,)| {
            Box::new(async move {
                store.data_mut().sleep(seconds).await;
                Ok(())
            })
        },
    )?;
    root.func_wrap(
        "show",
        |mut store: StoreContextMut<'_, Host>, (memory,): (Memory,)| {
            store.data_mut().show(memory);
            Ok(())
        },
    )?;
    Ok(linker)
}

/// Standard output or error, for what does not go through `print`: the last words of an interpreter.
#[derive(Clone)]
struct LastWords {
    stream: Stream,
    printed: Arc<Mutex<Printed>>,
}

impl IsTerminal for LastWords {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LastWords {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink()) // of a later WASI, which the component does not have
    }
}

impl OutputStream for LastWords {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut printed = lock(&self.printed);
        let (text, _) = printed.push(&bytes, self.stream);
        if let (Some(text), Some(happenings)) = (text, &printed.happenings) {
            let _ = happenings.try_send(text); // there is room: see `check_write`
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        let printed = lock(&self.printed);
        let full = printed
            .happenings
            .as_ref()
            .is_some_and(|to| to.capacity() == 0 && !to.is_closed());
        Ok(if full { 0 } else { CHUNK })
    }
}

#[async_trait::async_trait]
impl Pollable for LastWords {
    async fn ready(&mut self) {
        let happenings = lock(&self.printed).happenings.clone();
        if let Some(happenings) = happenings {
            let _ = happenings.reserve().await; // who listens takes what is there
        }
    }
}

fn lock(printed: &Mutex<Printed>) -> MutexGuard<'_, Printed> {
    printed.lock().unwrap_or_else(PoisonError::into_inner)
}
