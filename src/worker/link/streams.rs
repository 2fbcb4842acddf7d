//! What the code prints, as it comes out of its two pipes.

use std::io;
use std::os::fd::AsFd;

use tokio::net::unix::pipe;

use super::super::frames::Stream;
use super::super::output::Output;

/// Bytes read from a pipe at a time.
const CHUNK: usize = 64 << 10;

/// What has been printed, by a step or after it.
#[derive(Debug)]
pub struct Streams {
    /// To stdout.
    pub stdout: Output,
    /// To stderr.
    pub stderr: Output,
}

impl Streams {
    /// Nothing yet, and never more than `limit` bytes of each.
    pub const fn new(limit: usize) -> Self {
        Self {
            stdout: Output::new(limit),
            stderr: Output::new(limit),
        }
    }

    /// One of them.
    pub const fn of(&mut self, stream: Stream) -> &mut Output {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    /// Takes what lies in the pipes now, so that it comes before what follows.
    pub fn drain(
        &mut self,
        stdout: &pipe::Receiver,
        stderr: &pipe::Receiver,
        show: &mut (dyn FnMut(Stream, String) + Send),
    ) {
        drain(stdout, &mut self.stdout, |text| show(Stream::Stdout, text));
        drain(stderr, &mut self.stderr, |text| show(Stream::Stderr, text));
    }

    /// Takes the rest.
    pub fn finish(
        &mut self,
        stdout: &pipe::Receiver,
        stderr: &pipe::Receiver,
        show: &mut (dyn FnMut(Stream, String) + Send),
    ) {
        self.drain(stdout, stderr, show);
        for stream in [Stream::Stdout, Stream::Stderr] {
            let last = self.of(stream).finish();
            last.into_iter().for_each(|text| show(stream, text));
        }
    }
}

/// Reads what there is, once. Says whether more may come.
pub fn read_some(pipe: &pipe::Receiver, output: &mut Output, show: impl FnMut(String)) -> bool {
    let mut chunk = [0; CHUNK];
    match pipe.try_read(&mut chunk) {
        Ok(length) => {
            output.push(&chunk[..length]).into_iter().for_each(show);
            length > 0
        }
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

/// Reads no more than lies in the pipe now: a process in the background may write without end.
pub fn drain(pipe: &pipe::Receiver, output: &mut Output, mut show: impl FnMut(String)) {
    let mut left = rustix::io::ioctl_fionread(pipe.as_fd()).unwrap_or(0) as usize;
    let mut chunk = [0; CHUNK];
    while left > 0 {
        let wanted = left.min(CHUNK);
        match rustix::io::read(pipe.as_fd(), &mut chunk[..wanted]) {
            Ok(0) | Err(_) => break,
            Ok(length) => {
                left -= length;
                output
                    .push(&chunk[..length])
                    .into_iter()
                    .for_each(&mut show);
            }
        }
    }
}
