//! Ctrl-C, SIGTERM and SIGHUP: the first asks for an end, the second does not wait for it.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::exit::Exit;
use super::failure::Failure;
use crate::engine;

/// Time that the program gets to leave by the door after the second signal.
const PATIENCE: Duration = Duration::from_secs(1);

/// Says when to stop.
#[derive(Clone, Debug)]
pub struct Stop {
    /// The user asked for an end.
    pub asked: CancellationToken,
    /// The user asked again.
    pub at_once: CancellationToken,
    exit: Arc<OnceLock<Exit>>,
}

impl Stop {
    /// Listens from now on, in the place of the system, which would end the program.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn listen() -> io::Result<Self> {
        let stop = Self {
            asked: CancellationToken::new(),
            at_once: CancellationToken::new(),
            exit: Arc::default(),
        };
        let mut signals = Signals::new()?;
        let heard = stop.clone();
        tokio::spawn(async move {
            let exit = signals.next().await;
            heard.exit.get_or_init(|| exit);
            heard.asked.cancel();
            signals.next().await;
            heard.at_once.cancel();
            // Where the program hangs, such as in writing to a pipe that nobody reads.
            tokio::time::sleep(PATIENCE).await;
            engine::kill_all();
            std::process::exit(i32::from(exit as u8));
        });
        Ok(stop)
    }

    /// How the program is to end if it was asked to.
    #[must_use]
    pub fn exit(&self) -> Option<Exit> {
        self.exit.get().copied()
    }

    /// Waits for `work`, or gives it up when asked to stop.
    ///
    /// # Errors
    /// When it was given up.
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::select! {
            done = work => Ok(done),
            () = self.asked.cancelled() => Err(self.failure()),
        }
    }

    /// The failure of what was given up.
    #[must_use]
    pub fn failure(&self) -> Failure {
        Failure::Stopped(self.exit().unwrap_or(Exit::Interrupted))
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
            _ = self.hangup.recv() => Exit::Terminated,
        }
    }
}
