//! `tinycode setup`: the Python of local sessions.

use std::sync::Mutex;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::screen::{Looks, Screen, complain, print};
use crate::config::Config;
use crate::engine::local::setup::{self, Said};
use crate::protocol::{Error, ErrorKind};

/// Characters of the bar.
const BAR: u32 = 12;

/// Builds it, unless it has been built.
///
/// # Errors
/// Why it cannot be built.
pub async fn run(json: bool, config: &Config, looks: Looks) -> Result<Exit, Failure> {
    let screen = Mutex::new(Screen::new(looks.err));
    let say = |said: Said| match said {
        _ if json => drop(print(&line(&said))),
        Said::Progress { part, parts, what } => {
            let what = format!("{} {what}", bar(part, parts));
            match screen.lock() {
                Ok(mut screen) if looks.err.live => screen.now(&what),
                _ => drop(complain(&format!("{what}\n"))),
            }
        }
        Said::Ready(_) | Said::Failed(_) => {}
    };
    let built = setup::build(&config.local_python(), &say).await;
    drop(screen);
    match built {
        Ok(version) if json => print(&line(&Said::Ready(version)))?,
        Ok(version) => print(&format!(
            "local sessions are ready, with Python {version}\n"
        ))?,
        Err(error) if json => {
            print(&line(&Said::Failed(error)))?;
            return Ok(Exit::Engine);
        }
        Err(error) => {
            let what = format!("the Python of local sessions cannot be built: {error}");
            return Err(Error::new(ErrorKind::TrustLevelUnavailable, what)
                .hint(error.hint)
                .into());
        }
    }
    Ok(Exit::Answer)
}

/// Made of strings and numbers, which always serialise.
fn line(said: &Said) -> String {
    serde_json::to_string(said).unwrap_or_default() + "\n"
}

/// How far it is: what is done, and what is left.
fn bar(part: u32, parts: u32) -> String {
    let done = BAR * (part - 1) / parts;
    let (done, left) = ("━".repeat(done as usize), "╌".repeat((BAR - done) as usize));
    format!("{done}{left} {part}/{parts}")
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn the_bar_shows_what_is_done() {
        assert_eq!(bar(1, 4), "╌╌╌╌╌╌╌╌╌╌╌╌ 1/4");
        assert_eq!(bar(3, 4), "━━━━━━╌╌╌╌╌╌ 3/4");
    }
}
