//! The processes of an isolated session, as the daemon has them: by their init.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::time::timeout;

use super::packets::Packets;
use crate::engine::process::describe;
use crate::jail::{Exceeded, Report, Request};
use crate::worker::{Fate, Process};

/// Time that an init gets for what it does at once.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time after which an init is told anew that a step begins.
const WATCH: Duration = Duration::from_secs(1);
const INTERRUPT: i32 = 2;
const KILL: i32 = 9;

/// The processes of a session. Dropping it ends them all.
#[derive(Debug)]
pub struct Processes {
    packets: Packets,
    /// The one that runs the code.
    worker: i32,
    /// How the worker has ended, or one that was to take its place: its number and its status.
    exited: Option<(i32, i32)>,
    exceeded: Option<String>,
    /// What the session may use, for people.
    memory: String,
    disk: String,
    gone: bool,
    watched: Option<Instant>,
    /// Whether the init has been told that no step runs.
    resting: bool,
}

impl Processes {
    /// Waits until the program of a session runs.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn started(packets: Packets, memory: u64, disk: u64) -> Result<Self, String> {
        let worker = match timeout(PATIENCE, packets.receive()).await {
            Ok(Ok(Some(Report::Started { pid }))) => pid,
            Ok(Ok(Some(Report::Failed { doing, error }))) => {
                return Err(format!("its sandbox could not {doing}: {error}"));
            }
            Ok(Ok(_)) => return Err("its sandbox ended at once".to_owned()),
            Ok(Err(error)) => return Err(format!("its sandbox failed: {error}")),
            Err(_) => return Err("its sandbox took too long to start".to_owned()),
        };
        Ok(Self {
            packets,
            worker,
            exited: None,
            exceeded: None,
            memory: bytes(memory),
            disk: bytes(disk),
            gone: false,
            watched: None,
            resting: false,
        })
    }

    /// Says that a step begins.
    pub fn watch(&mut self) {
        if self.watched.is_none_or(|last| last.elapsed() > WATCH) {
            self.watched = Some(Instant::now());
            self.packets.try_send(&Request::Watch);
        }
    }

    /// Ends a process without waiting.
    pub fn kill(&self, pid: i32) {
        self.packets
            .try_send(&Request::Signal { pid, signal: KILL });
    }

    /// Ends all but these, and makes one of them the worker. Says whether it could.
    pub async fn replace(&mut self, pid: i32, keep: Vec<i32>) -> bool {
        let request = Request::Replace { pid, keep };
        self.exceeded = None;
        if self.packets.send(&request, &[]).await.is_err() {
            return false;
        }
        let replaced = async {
            loop {
                match self.hear().await {
                    Some(Report::Replaced) => return true,
                    Some(_) => {}
                    None => return false,
                }
            }
        };
        let replaced = timeout(PATIENCE, replaced).await.unwrap_or(false);
        self.exceeded = None;
        if replaced {
            (self.worker, self.resting) = (pid, false);
        }
        replaced && self.exited.is_none_or(|(ended, _)| ended != pid)
    }

    /// Ends all and returns when they are gone.
    pub async fn end(mut self) {
        self.packets.finish();
        let gone = async { while self.hear().await.is_some() {} };
        let _ = timeout(PATIENCE, gone).await;
    }

    /// Waits for what the init says next; none when it is gone.
    async fn hear(&mut self) -> Option<Report> {
        if self.gone {
            return None;
        }
        let report = self.packets.receive().await.ok().flatten();
        match &report {
            Some(Report::Exited { pid, status }) => self.exited = Some((*pid, *status)),
            Some(Report::Exceeded(Exceeded::Memory)) => {
                let most = &self.memory;
                self.exceeded = Some(format!(
                    "was ended because the session's processes used more than {most} of memory together; \
                     `limits.max_memory_bytes` allows more"
                ));
            }
            Some(Report::Exceeded(Exceeded::Disk)) => {
                let most = &self.disk;
                self.exceeded = Some(format!(
                    "was ended because the session's temporary folder held more than {most}; the folder has been \
                     emptied, write large files to the working folder"
                ));
            }
            Some(_) => {}
            None => self.gone = true,
        }
        report
    }
}

#[async_trait]
impl Process for Processes {
    fn interrupt(&mut self) {
        let (pid, signal) = (self.worker, INTERRUPT);
        self.packets.try_send(&Request::Signal { pid, signal });
    }

    fn rest(&mut self, most: Duration, anew: bool) {
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        self.packets.try_send(&Request::Rest { most, anew });
        self.resting = true;
    }

    fn resume(&mut self) {
        if std::mem::take(&mut self.resting) {
            self.packets.try_send(&Request::Resume);
        }
    }

    async fn next(&mut self) -> Fate {
        loop {
            if let Some(why) = &self.exceeded {
                return Fate::Ended(why.clone());
            }
            if let Some((pid, status)) = self.exited
                && pid == self.worker
            {
                return Fate::Ended(describe(ExitStatus::from_raw(status)));
            }
            if self.gone {
                return Fate::Ended(describe(ExitStatus::from_raw(KILL)));
            }
            if let Some(Report::Exceeded(Exceeded::Rest)) = self.hear().await {
                return Fate::Paused;
            }
        }
    }
}

/// An amount for people.
pub fn bytes(amount: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(size, _)| amount >= *size) {
        Some((size, name)) => {
            let number = format!("{:.1}", amount as f64 / *size as f64);
            format!("{} {name}", number.trim_end_matches(".0"))
        }
        None => format!("{amount} bytes"),
    }
}
