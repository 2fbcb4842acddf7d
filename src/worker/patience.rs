//! How long a step may take, and when it is asked to stop. Pure but for the clock.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Time between soft requests: one may come before the code has begun, or be swallowed by it.
const AGAIN: Duration = Duration::from_millis(100);

/// Why a step was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It took too long.
    Timeout,
    /// Somebody wanted it.
    Interrupt,
}

/// How long a step may go on, and be asked to stop.
#[derive(Debug)]
pub struct Patience {
    stopping: Option<Stop>,
    /// When to ask, or to ask again.
    alarm: Instant,
    end: Instant,
    grace: Duration,
}

impl Patience {
    /// Patience for as long as a step may take, and for how long it may then take to stop.
    #[must_use]
    pub fn new(timeout: Duration, grace: Duration) -> Self {
        let end = Instant::now() + timeout;
        Self {
            stopping: None,
            alarm: end,
            end,
            grace,
        }
    }

    /// Why the step has been asked to stop.
    #[must_use]
    pub const fn stop(&self) -> Option<Stop> {
        self.stopping
    }

    /// Whether the step has been asked to stop.
    #[must_use]
    pub const fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    /// Waits until there is something to decide: see `is_at_its_end`.
    pub async fn alarm(&self) {
        sleep_until(self.alarm).await;
    }

    /// Somebody wants the step to end: the alarm goes off at once.
    pub fn interrupt(&mut self) {
        self.stopping = Some(Stop::Interrupt);
        self.alarm = Instant::now();
        self.end = self.alarm + self.grace;
    }

    /// Called when the alarm goes off; if there is patience left, the step is to be asked to stop, once
    /// more where it has been asked before.
    pub fn is_at_its_end(&mut self) -> bool {
        let now = Instant::now();
        if self.stopping.is_none() {
            self.stopping = Some(Stop::Timeout);
            self.end = now + self.grace;
        } else if now >= self.end {
            return true;
        }
        self.alarm = self.end.min(now + AGAIN);
        false
    }
}
