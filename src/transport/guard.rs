//! A stream of HTTP and WebSocket, in front of the servers, so that memory follows what has been received.
//!
//! soketto makes room for a frame as soon as its header has come. So a long frame is cut here into fragments of
//! what is there of it. What is half received counts towards the room of all connections, and ends the
//! connection where it stays so for too long.

mod fragments;
mod head;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use fragments::Fragments;
pub use fragments::TOO_LONG;
use head::Head;

/// Bytes that are read at once from a WebSocket.
const CHUNK: usize = 16 << 10;

/// Time without a byte after which a connection ends.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Between requests, or within one.
    pub http: Duration,
    /// Within a message.
    pub message: Duration,
}

/// What the stream and those who serve it know of each other.
#[derive(Debug, Default)]
pub struct Shared {
    websocket: AtomicBool,
    busy: AtomicUsize,
}

impl Shared {
    /// Whether a WebSocket has been asked for: what follows is taken for frames.
    pub fn is_websocket(&self) -> bool {
        self.websocket.load(Ordering::Relaxed)
    }

    /// Says that a request is worked on, until the value is dropped.
    pub fn begin(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(self)
    }
}

/// A request is worked on.
#[derive(Debug)]
pub struct Busy<'a>(&'a Shared);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The stream.
#[derive(Debug)]
pub struct Guard<S, P> {
    stream: S,
    shared: Arc<Shared>,
    patience: Patience,
    /// What is read, and has not been looked at.
    unread: Vec<u8>,
    /// What may go to the server, and how much of it has.
    ready: Vec<u8>,
    sent: usize,
    head: Head,
    fragments: Fragments,
    /// Since when nothing has come.
    quiet: Pin<Box<Sleep>>,
    _place: P,
}

impl<S, P> Guard<S, P> {
    /// Guards a stream, which holds its place until it ends.
    pub fn new(stream: S, shared: Arc<Shared>, patience: Patience, place: P) -> Self {
        Self {
            stream,
            shared,
            patience,
            unread: Vec::new(),
            ready: Vec::new(),
            sent: 0,
            head: Head::default(),
            fragments: Fragments::default(),
            quiet: Box::pin(tokio::time::sleep(patience.http)),
            _place: place,
        }
    }

    /// Hands on what is ready; says whether there was something.
    fn hand_on(&mut self, out: &mut ReadBuf<'_>) -> bool {
        let left = &self.ready[self.sent..];
        let length = left.len().min(out.remaining());
        out.put_slice(&left[..length]);
        self.sent += length;
        if self.sent == self.ready.len() {
            (self.ready, self.sent) = (Vec::new(), 0);
        }
        length > 0
    }

    /// Something has come: what follows may take as long again.
    fn heard(&mut self) {
        let patience = match self.shared.is_websocket() {
            true => self.patience.message,
            false => self.patience.http,
        };
        self.quiet.as_mut().reset(Instant::now() + patience);
    }

    /// Nothing has come; ends the connection where that has lasted too long.
    fn poll_quiet(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.shared.is_websocket() && !self.fragments.is_within() {
                return Poll::Pending; // a WebSocket that has nothing to say is pinged
            }
            ready!(self.quiet.as_mut().poll(cx));
            if self.shared.is_websocket() || self.shared.busy.load(Ordering::Relaxed) == 0 {
                let what = "the client has stopped in the middle of what it sent, or sent nothing";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, what)));
            }
            self.heard();
        }
    }
}

impl<S: AsyncRead + Unpin, P> Guard<S, P> {
    /// Hands on bytes of HTTP as they come, up to the head that asks for a WebSocket.
    fn poll_http(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, out))?;
        if let Some(end) = self.head.ends_at(&out.filled()[before..]) {
            self.unread.extend_from_slice(&out.filled()[before + end..]);
            out.set_filled(before + end);
            self.shared.websocket.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }

    /// Takes in frames; says whether the stream goes on.
    fn poll_frames(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let unread = std::mem::take(&mut self.unread);
        if !unread.is_empty() {
            self.fragments.push(&unread, &mut self.ready)?;
            return Poll::Ready(Ok(true));
        }
        let mut chunk = [0; CHUNK];
        let mut chunk = ReadBuf::new(&mut chunk);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut chunk))?;
        self.fragments.push(chunk.filled(), &mut self.ready)?;
        Poll::Ready(Ok(!chunk.filled().is_empty()))
    }
}

impl<S: AsyncRead + Unpin, P: Unpin> AsyncRead for Guard<S, P> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while !this.hand_on(out) && out.remaining() > 0 {
            let read = match this.shared.is_websocket() {
                false => match this.poll_http(cx, out) {
                    Poll::Ready(read) => {
                        this.heard();
                        return Poll::Ready(read);
                    }
                    Poll::Pending => Poll::Pending,
                },
                true => this.poll_frames(cx),
            };
            match read {
                Poll::Ready(Ok(true)) => this.heard(),
                Poll::Ready(Ok(false)) => break,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return this.poll_quiet(cx),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin, P: Unpin> AsyncWrite for Guard<S, P> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const SHORT: Patience = Patience {
        http: Duration::from_millis(50),
        message: Duration::from_millis(50),
    };
    const LONG: Duration = Duration::from_secs(60);
    const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";

    /// What a server reads of these bytes until the stream stalls or fails.
    async fn read(patience: Patience, busy: usize, bytes: &[u8]) -> (Vec<u8>, io::ErrorKind) {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let shared = Arc::new(Shared::default());
        shared.busy.store(busy, Ordering::Relaxed);
        client.write_all(bytes).await.unwrap();
        let mut guard = Guard::new(server, shared, patience, ());
        let mut all = Vec::new();
        let error = guard.read_to_end(&mut all).await.unwrap_err();
        (all, error.kind())
    }

    #[tokio::test]
    async fn what_is_half_received_ends_the_connection() {
        let within: &[&[u8]] = &[
            b"\x81",
            b"\x81\x85",
            b"\x81\x85\x00\x00\x00\x00abc",
            b"\x01\x80\x00\x00\x00\x00",
        ];
        for frame in within {
            let bytes = [UPGRADE, frame].concat();
            let (_, error) = read(SHORT, 0, &bytes).await;
            assert_eq!(error, io::ErrorKind::TimedOut, "{frame:?}");
        }
        for bytes in [
            &b""[..],
            b"POST / HT",
            b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\n{",
        ] {
            let (all, error) = read(SHORT, 0, bytes).await;
            assert_eq!((all.as_slice(), error), (bytes, io::ErrorKind::TimedOut));
        }
    }

    #[tokio::test]
    async fn a_request_that_is_worked_on_and_a_quiet_websocket_may_last() {
        let whole = [UPGRADE, b"\x81\x81\x00\x00\x00\x00a"].concat();
        let patience = SHORT.http * 4;
        let idle = tokio::time::timeout(patience, read(SHORT, 0, &whole)).await;
        assert!(idle.is_err());
        let patient = Patience {
            message: LONG,
            ..SHORT
        };
        let busy =
            tokio::time::timeout(patience, read(patient, 1, b"POST / HTTP/1.1\r\n\r\n")).await;
        assert!(busy.is_err());
    }
}
