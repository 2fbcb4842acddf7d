//! How things look: colours or none, marks or plain words. Pure.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};

/// What a terminal, or what is not one, can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether somebody watches, so that things may move and lines be taken back.
    pub live: bool,
    /// Whether there are colours.
    pub colours: bool,
}

/// What a piece of text is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Beside the point.
    Dim,
    /// The point.
    Bold,
    /// Python.
    Code,
    /// Something went wrong.
    Error,
    /// Something went well.
    Good,
    /// Something is not sure.
    Warn,
    /// Something else.
    Note,
}

impl Look {
    /// For pipes and files.
    #[cfg(test)]
    pub const PLAIN: Self = Self {
        live: false,
        colours: false,
    };

    /// `text` in the colour of its tone.
    #[must_use]
    pub fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colours || text.is_empty() {
            return text.to_owned();
        }
        let style = match tone {
            Tone::Dim => Style::new().dimmed(),
            Tone::Bold => Style::new().bold(),
            Tone::Code => AnsiColor::Cyan.on_default(),
            Tone::Error => AnsiColor::Red.on_default(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Warn => AnsiColor::Yellow.on_default(),
            Tone::Note => AnsiColor::Blue.on_default(),
        };
        format!("{style}{text}{style:#}")
    }

    /// What stands before each line of code.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        if self.live { "│ " } else { "| " }
    }

    /// What stands between two remarks.
    #[must_use]
    pub const fn dot(self) -> &'static str {
        if self.live { " · " } else { ", " }
    }

    /// What stands before a value.
    #[must_use]
    pub const fn arrow(self) -> &'static str {
        if self.live { "→ " } else { "=> " }
    }

    /// What says whether something works.
    #[must_use]
    pub fn mark(self, works: bool) -> String {
        match (self.live, works) {
            (true, true) => self.paint(Tone::Good, "✓"),
            (true, false) => self.paint(Tone::Error, "✗"),
            (false, true) => "ok".to_owned(),
            (false, false) => "no".to_owned(),
        }
    }

    /// `text` of strangers: what a terminal would obey is made visible, so that generated code cannot
    /// move the cursor, name the window or fill the clipboard.
    #[must_use]
    pub fn safe(self, text: &str) -> Cow<'_, str> {
        let obeyed = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        if !self.live || !text.contains(obeyed) {
            return Cow::Borrowed(text);
        }
        let mut shown = String::with_capacity(text.len());
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\r' if chars.peek() == Some(&'\n') => {}
                '\r' => shown.push('\n'), // a progress bar: one line for each of its states
                c if !obeyed(c) => shown.push(c),
                '\x7f' => shown.push('␡'),
                // U+2400 and on are the pictures of the first 32; the rest has none.
                c => shown.push(
                    char::from_u32(0x2400 + u32::from(c))
                        .filter(|_| c < ' ')
                        .unwrap_or('�'),
                ),
            }
        }
        Cow::Owned(shown)
    }
}

/// A number with its thousands set apart.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things.
#[must_use]
pub fn count(number: u64, one: &str, many: &str) -> String {
    let what = if number == 1 { one } else { many };
    format!("{} {what}", thousands(number))
}

/// A time for people.
#[must_use]
pub fn time(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let whole = seconds.round() as u64; // saturates
    match whole {
        0..60 if seconds < 0.0995 => format!("{:.0} ms", seconds * 1_000.0),
        0..60 => format!("{seconds:.1} s"),
        60..3_600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3_600, whole % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: Look = Look {
        live: true,
        colours: true,
    };

    #[test]
    fn numbers_and_times_are_for_people() {
        let numbers = [
            (0, "0"),
            (999, "999"),
            (1_234, "1,234"),
            (1_000_000, "1,000,000"),
        ];
        for (number, text) in numbers {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(count(1, "step", "steps"), "1 step");
        assert_eq!(count(1_200, "step", "steps"), "1,200 steps");
        let times = [
            (-1.0, "0 ms"),
            (0.0123, "12 ms"),
            (0.1, "0.1 s"),
            (4.25, "4.2 s"),
            (59.4, "59.4 s"),
            (59.6, "1 min 0 s"),
            (125.0, "2 min 5 s"),
            (3_725.0, "1 h 2 min"),
        ];
        for (seconds, text) in times {
            assert_eq!(time(seconds), text);
        }
    }

    #[test]
    fn terminals_are_not_told_what_to_do_by_strangers() {
        let table = [
            ("plain é\n\ttext", "plain é\n\ttext"),
            ("\x1b[2Jgone", "␛[2Jgone"),
            ("bell\x07 del\x7f csi\u{9b}", "bell␇ del␡ csi�"),
            ("10%\r20%\r\n", "10%\n20%\n"),
        ];
        for (text, shown) in table {
            assert_eq!(LIVE.safe(text), shown);
            assert_eq!(Look::PLAIN.safe(text), text);
        }
    }

    #[test]
    fn colours_and_marks_are_for_terminals() {
        assert_eq!(LIVE.paint(Tone::Error, "x"), "\x1b[31mx\x1b[0m");
        assert_eq!(LIVE.paint(Tone::Error, ""), "");
        assert_eq!(Look::PLAIN.paint(Tone::Error, "x"), "x");
        assert_eq!(
            (Look::PLAIN.mark(true), Look::PLAIN.mark(false)),
            ("ok".into(), "no".into())
        );
        assert_eq!(LIVE.mark(true), "\x1b[32m✓\x1b[0m");
    }
}
