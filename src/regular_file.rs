//! Reading files that somebody else names: nothing that has no end, and nothing that makes the reader wait.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Reads a regular file of at most `most` bytes, as text. May wait for a file system that hangs, so it belongs on a
/// thread that nobody else waits for.
///
/// # Errors
/// When it cannot be opened, is a pipe, a device or a folder, is longer, or is not UTF-8.
pub fn read(path: &Path, most: u64) -> io::Result<String> {
    // Without waiting: a pipe would only be opened once somebody writes to it.
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut text = String::new();
    file.take(most + 1).read_to_string(&mut text)?;
    if text.len() as u64 > most {
        return Err(io::Error::other(format!("it has more than {most} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_regular_files_within_the_bound_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let at = move |name: &str| root.join(name);
        std::fs::write(at("file"), "12345").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        let (said, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let read = |path: &Path, most| read(path, most).map_err(|error| error.to_string());
            let read = [
                read(&at("file"), 5),
                read(&at("link"), 5),
                read(&at("file"), 4),
                read(&at("pipe"), 5),
                read(&at("socket"), 5),
                read(Path::new("/dev/zero"), 5),
                read(Path::new("/"), 5),
                read(&at("none"), 5),
            ];
            said.send(read).unwrap();
        });
        let all = heard.recv_timeout(Duration::from_secs(10)).unwrap();
        let read = all.map(|read| read.ok());
        let text = || Some("12345".to_owned());
        assert_eq!(read, [text(), text(), None, None, None, None, None, None]);
    }
}
