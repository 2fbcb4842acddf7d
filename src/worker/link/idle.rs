//! Between steps: what the last one left running, threads and processes.

use std::time::Duration;

use super::super::frames::Stream;
use super::framing::receive;
use super::streams::read_some;
use super::{Fate, Happening, Link, Process, heard};

/// Time after a step before it counts what is left running: most steps leave nothing, and the next one comes soon.
const DELAY: Duration = Duration::from_millis(100);
/// Frames that are heard between two steps. Whoever sends more waits for the next step.
const MAX_FRAMES: usize = 10_000;

impl Link {
    /// Hears what the last step left running, which may take `most` processor time until the next one. Never ends;
    /// cancelling loses nothing.
    pub async fn idle(
        &mut self,
        process: &mut dyn Process,
        most: Duration,
        happening: &mut (dyn FnMut(Happening) + Send),
    ) {
        let mut frames = 0;
        let (mut stdout_open, mut stderr_open, mut alive) = (true, true, true);
        let mut resting = false;
        loop {
            // What has printed its share is not heard: it waits in its pipe, and takes nobody's time.
            let hears_stdout = stdout_open && !self.background.stdout.is_cut();
            let hears_stderr = stderr_open && !self.background.stderr.is_cut();
            tokio::select! {
                frame = receive(&mut self.reader, &mut self.inbox), if alive && frames < MAX_FRAMES => {
                    frames += 1;
                    match frame.map(heard) {
                        Ok(Ok(heard)) => {
                            self.bounded(heard.happening).into_iter().for_each(&mut *happening);
                        }
                        Ok(Err(_)) => {} // what nobody waits for any more
                        Err(_) => alive = false, // the next step finds out, and says so
                    }
                }
                _ = self.stdout.readable(), if hears_stdout => {
                    stdout_open = read_some(&self.stdout, &mut self.background.stdout, |text| {
                        happening(Happening::Background(Stream::Stdout, text));
                    });
                }
                _ = self.stderr.readable(), if hears_stderr => {
                    stderr_open = read_some(&self.stderr, &mut self.background.stderr, |text| {
                        happening(Happening::Background(Stream::Stderr, text));
                    });
                }
                () = tokio::time::sleep(DELAY), if !resting => {
                    process.rest(most, std::mem::take(&mut self.stepped));
                    resting = true;
                }
                fate = process.next(), if alive => match fate {
                    Fate::Ended(_) => alive = false,
                    Fate::Paused if self.told => {}
                    Fate::Paused => {
                        self.told = true;
                        happening(Happening::Background(Stream::Stderr, paused(most)));
                    }
                },
                else => std::future::pending().await,
            }
        }
    }

    /// Takes what lies in the pipes before a step: it is not the step's.
    pub(super) fn hear_background(&mut self, happening: &mut (dyn FnMut(Happening) + Send)) {
        let mut show = |stream, text| happening(Happening::Background(stream, text));
        self.background.drain(&self.stdout, &self.stderr, &mut show);
    }

    /// What is told of something that came in a frame: of output only as much as there may be.
    pub(super) fn bounded(&mut self, happening: Happening) -> Option<Happening> {
        match happening {
            Happening::Background(stream, text) => {
                let text = self.background.of(stream).push(text.as_bytes())?;
                Some(Happening::Background(stream, text))
            }
            other => Some(other),
        }
    }
}

fn paused(most: Duration) -> String {
    format!(
        "[what an earlier step left running took more than {} s of processor time and is paused until the next \
         step; `limits.background_seconds` allows more]\n",
        most.as_secs_f64()
    )
}
