//! A line at the bottom of the terminal that says what goes on, and that it does.
//!
//! It leaves the cursor right behind its text: the terminal writes `^C` there, and all of it goes
//! when the line is cleared. (A line filled up to the edge would push `^C` to the next one.)

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::interval_at;

use super::screen::complain;

const TICK: Duration = Duration::from_millis(100);
const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// Back to the start of the line, and nothing on it.
const CLEAR: &str = "\r\x1b[K";

/// A spinner on stderr, for as long as it lives. Needs the runtime.
#[derive(Debug)]
pub struct Spinner {
    /// Held while stderr is written to.
    line: Arc<Mutex<Line>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Away,
    Drawn,
    /// Never to be drawn again.
    Ended,
}

impl Spinner {
    /// Draws `what` and the time since `since`, from the next tick on: what is over at once is not
    /// worth a line.
    #[must_use]
    pub fn start(what: String, since: Instant) -> Self {
        let line = Arc::new(Mutex::new(Line::Away));
        let shared = Arc::clone(&line);
        tokio::spawn(async move {
            let mut ticks = interval_at(tokio::time::Instant::now() + TICK, TICK);
            for frame in FRAMES.iter().cycle() {
                ticks.tick().await;
                let mut line = lock(&shared);
                if *line == Line::Ended || complain(&text(frame, &what, since.elapsed())).is_err() {
                    return;
                }
                *line = Line::Drawn;
            }
        });
        Self { line }
    }

    /// Does `work` while the line is away.
    pub fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut line = lock(&self.line);
        clear(&mut line, Line::Away);
        work()
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        clear(&mut lock(&self.line), Line::Ended);
    }
}

fn lock(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

fn clear(line: &mut Line, next: Line) {
    if std::mem::replace(line, next) == Line::Drawn {
        let _ = complain(CLEAR); // the next text will fail as well, and be heard
    }
}

/// The line; what is too long for the terminal is cut by it, not broken into two lines.
fn text(frame: &str, what: &str, time: Duration) -> String {
    format!(
        "\x1b[?7l{CLEAR}{frame} {what} · {} s\x1b[?7h",
        time.as_secs()
    )
}
