//! `tinycode run`: a task for a model, its steps as they go, and its answer.

mod args;

use std::io;

use serde_json::json;
use serde_json::value::RawValue;

use super::client::{Client, Show};
use super::exit::Exit;
use super::failure::{Failure, defect};
use super::json::JsonLines;
use super::look::{Look, Tone, count, time};
use super::options::warn_of_missing;
use super::screen::{Looks, Screen, complain, print};
use super::stop::Stop;
use super::story::Story;
use crate::protocol::{Error, EventEnvelope, RunResult, RunState, SessionInfo};

pub use args::{Job, RunArgs};

/// Runs the task and shows how it goes.
///
/// # Errors
/// When it cannot be run at all.
pub async fn run(
    job: Job,
    client: &mut Client,
    stop: &Stop,
    looks: Looks,
) -> Result<Exit, Failure> {
    let mut view = View::new(looks.err);
    if !job.json {
        view.screen.now("starting Python");
    }
    let session: SessionInfo = client.call("session.create", &job.options).await?;
    warn_of_missing(&session)?;
    let params = json!({
        "session": session.session,
        "task": job.task,
        "max_steps": job.max_steps,
        "return_result": true,
    });
    let id = session.session.as_str();
    let result: RunResult = match job.json {
        true => client.follow(id, "run", &params, &mut JsonLines).await?,
        false => client.follow(id, "run", &params, &mut view).await?,
    };
    if !job.json {
        view.screen.end()?;
        if looks.err.live {
            complain("\n")?;
        }
        print(&answer(looks.out, &result))?;
        complain(&summary(looks.err, &result))?;
    }
    ending(&result, stop)
}

/// How the run ends the program, and why where it has no answer.
fn ending(result: &RunResult, stop: &Stop) -> Result<Exit, Failure> {
    let Some(error) = &result.error else {
        return match result.state {
            RunState::Completed => Ok(Exit::Answer),
            _ => Err(defect("the run ended without saying why")),
        };
    };
    let failure = Error::new(error.kind, &error.message);
    match (result.state, &error.hint) {
        (RunState::Cancelled, _) => Err(stop.failure()),
        // There is no session to go on with, as the hint of the protocol has it.
        (RunState::StepLimitReached, _) => Err(failure
            .hint("raise --max-steps, or say the task in more detail")
            .into()),
        (_, Some(hint)) => Err(failure.hint(hint).into()),
        (_, None) => Err(failure.into()),
    }
}

/// The answer as stdout gets it: as it is, but for people it is bold and cannot command a terminal.
fn answer(look: Look, result: &RunResult) -> String {
    if result.state != RunState::Completed {
        return String::new();
    }
    let text = look.safe(result.output.trim_end_matches('\n'));
    look.paint(Tone::Bold, &text) + "\n"
}

/// What the run took, in a line.
fn summary(look: Look, result: &RunResult) -> String {
    if result.steps_taken == 0 {
        return String::new();
    }
    let mut parts = vec![
        count(result.steps_taken.into(), "step", "steps"),
        time(result.duration_seconds),
    ];
    let tokens = result.metadata.usage.total_tokens;
    if tokens > 0 {
        parts.push(count(tokens, "token", "tokens"));
    }
    look.paint(Tone::Dim, &parts.join(look.dot())) + "\n"
}

/// Shows a run to people.
struct View {
    story: Story,
    screen: Screen,
}

impl View {
    const fn new(look: Look) -> Self {
        Self {
            story: Story::new(look),
            screen: Screen::new(look),
        }
    }
}

impl Show for View {
    fn event(&mut self, params: &RawValue) -> io::Result<()> {
        let event: EventEnvelope = serde_json::from_str(params.get())?;
        self.screen.show(&self.story.tell(&event))
    }

    fn stopping(&mut self) -> io::Result<()> {
        self.screen.now("stopping (Ctrl-C again quits at once)");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(output: &str, state: &str, steps: u32, tokens: u64) -> RunResult {
        let usage = json!({
            "prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens, "requests": 1,
        });
        let result = json!({
            "output": output, "final_answer": null, "state": state, "steps_taken": steps,
            "duration_seconds": 4.2, "error": null,
            "metadata": {"run": "r", "session": "s", "usage": usage},
        });
        serde_json::from_value(result).unwrap()
    }

    #[test]
    fn stdout_gets_the_answer_alone() {
        let table = [
            ("3.5", "completed", "3.5\n"),
            ("3.5\n\n", "completed", "3.5\n"),
            ("\x1b[2J", "completed", "\x1b[2J\n"),
            ("so far", "step_limit_reached", ""),
            ("so far", "cancelled", ""),
        ];
        for (output, state, text) in table {
            assert_eq!(answer(Look::PLAIN, &result(output, state, 1, 0)), text);
        }
        let live = Look {
            live: true,
            colours: true,
        };
        let shown = answer(live, &result("\x1b[2J", "completed", 1, 0));
        assert_eq!(shown, "\x1b[1m␛[2J\x1b[0m\n");
    }

    #[test]
    fn the_summary_says_what_the_run_took() {
        let table = [
            (3, 1_234, "3 steps, 4.2 s, 1,234 tokens\n"),
            (1, 0, "1 step, 4.2 s\n"),
            (0, 0, ""),
        ];
        for (steps, tokens, text) in table {
            assert_eq!(
                summary(Look::PLAIN, &result("", "completed", steps, tokens)),
                text
            );
        }
    }
}
