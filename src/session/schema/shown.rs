//! Values as messages quote them: as JSON, cut short however large they are.

use std::io::{self, Write};

use serde::Serialize;

/// Bytes of one value that a message quotes.
const MAX_SHOWN: usize = 120;
/// Values of an `enum` that a message names.
const MAX_OPTIONS: usize = 3;

/// Takes the beginning of what is written, and fails when there is more.
struct Beginning(Vec<u8>);

impl Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = MAX_SHOWN + 4 - self.0.len(); // a character more than is shown
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
        match bytes.len() <= room {
            true => Ok(bytes.len()),
            false => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A value as JSON, or the beginning of it. Takes no longer for a large value than for a small one.
pub fn shown(value: &(impl Serialize + ?Sized)) -> String {
    let mut beginning = Beginning(Vec::new());
    let _ = serde_json::to_writer(&mut beginning, value); // fails where it is long
    let text = String::from_utf8_lossy(&beginning.0);
    cut(&text, MAX_SHOWN)
}

/// The beginning of a text, of so many bytes at most.
pub fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    format!("{}...", &text[..text.floor_char_boundary(most)])
}

/// The first of some values, and how many more there are.
pub fn options<T: Serialize>(first: &[T], count: usize) -> String {
    let named = if count > MAX_OPTIONS {
        MAX_OPTIONS - 1
    } else {
        count
    };
    let all: Vec<String> = first.iter().take(named).map(shown).collect();
    match all.split_last() {
        Some(_) if count > MAX_OPTIONS => {
            format!("{} or {} other candidates", all.join(", "), count - named)
        }
        Some((last, before)) if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        _ => all.concat(),
    }
}
