//! Where people look: progress on stderr, with a spinner on a terminal, and answers on stdout.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use super::look::Look;
use super::spinner::Spinner;
use super::story::{Text, Told};
use crate::config::Config;

/// How stdout and stderr look.
#[derive(Clone, Copy, Debug)]
pub struct Looks {
    /// Of stdout.
    pub out: Look,
    /// Of stderr.
    pub err: Look,
}

impl Looks {
    /// What this program was started with.
    #[must_use]
    pub fn find(config: &Config) -> Self {
        let look = |terminal: bool| {
            let live = terminal && !config.dumb_terminal;
            Look {
                live,
                colours: live && !config.no_color,
            }
        };
        Self {
            out: look(io::stdout().is_terminal()),
            err: look(io::stderr().is_terminal()),
        }
    }
}

/// Writes all of `text` to stdout at once.
///
/// # Errors
/// When stdout takes it no more.
pub fn print(text: &str) -> io::Result<()> {
    put(&mut io::stdout().lock(), text)
}

/// Writes all of `text` to stderr at once.
///
/// # Errors
/// When stderr takes it no more.
pub fn complain(text: &str) -> io::Result<()> {
    put(&mut io::stderr().lock(), text)
}

fn put(stream: &mut impl Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

/// Shows progress on stderr.
#[derive(Debug)]
pub struct Screen {
    look: Look,
    /// Whether the last line has not ended: then nothing else may be drawn there.
    open: bool,
    /// What goes on, and since when.
    now: Option<(String, Instant)>,
    spinner: Option<Spinner>,
}

impl Screen {
    /// Nothing shown yet.
    #[must_use]
    pub const fn new(look: Look) -> Self {
        Self {
            look,
            open: false,
            now: None,
            spinner: None,
        }
    }

    /// Shows what was told.
    ///
    /// # Errors
    /// When stderr takes it no more.
    pub fn show(&mut self, told: &Told) -> io::Result<()> {
        match &told.text {
            Text::None => {}
            Text::Stream(text) => self.write(text)?,
            Text::Lines(text) if self.open => self.write(&format!("\n{text}"))?,
            Text::Lines(text) => self.write(text)?,
        }
        if let Some(now) = &told.now {
            self.now(now);
        }
        Ok(())
    }

    /// Says what goes on from now on.
    pub fn now(&mut self, what: &str) {
        if self.now.as_ref().is_some_and(|(now, _)| now == what) {
            return;
        }
        self.now = Some((what.to_owned(), Instant::now()));
        self.hide();
        self.spin();
    }

    /// Takes the spinner away and ends the last line, for others to write.
    ///
    /// # Errors
    /// When stderr takes it no more.
    pub fn end(&mut self) -> io::Result<()> {
        self.now = None;
        self.hide();
        if std::mem::take(&mut self.open) {
            complain("\n")?;
        }
        Ok(())
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.open = !ends_line(text);
        if self.open {
            self.hide();
        }
        match &self.spinner {
            Some(spinner) => spinner.aside(|| complain(text))?,
            None => complain(text)?,
        }
        self.spin();
        Ok(())
    }

    /// Draws the spinner where there is something to say and a line to say it on.
    fn spin(&mut self) {
        if !self.look.live || self.open || self.spinner.is_some() {
            return;
        }
        if let Some((what, since)) = &self.now {
            self.spinner = Some(Spinner::start(what.clone(), *since));
        }
    }

    fn hide(&mut self) {
        self.spinner = None;
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.end(); // whoever cannot see the end cannot be told either
    }
}

/// Whether text ends with the end of a line, maybe followed by the end of a colour.
fn ends_line(text: &str) -> bool {
    text.strip_suffix("\x1b[0m").unwrap_or(text).ends_with('\n')
}

#[cfg(test)]
mod tests {
    use super::ends_line;

    #[test]
    fn a_line_ends_also_within_a_colour() {
        let table = [
            ("a\n", true),
            ("a\n\x1b[0m", true),
            ("a", false),
            ("a\x1b[0m", false),
        ];
        for (text, ends) in table {
            assert_eq!(ends_line(text), ends, "{text:?}");
        }
    }
}
