//! Streams that can be waited for, taken apart into messages and put together from them.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc};

use super::framed::{Incoming, QUEUE};
use super::frames::{Frames, Received};

/// Bytes that are read, or gathered for one write.
const CHUNK: usize = 64 << 10;

/// Bytes of messages that wait for a connection to be handled. Those who send more are not read for a while.
const WAITING: usize = 64 << 20;

/// Tells a writer that no message follows; no message is empty.
pub const END: &str = "";

/// The way of messages from a reader to who handles them.
#[derive(Clone, Debug)]
pub struct Queue {
    server: mpsc::Sender<Incoming>,
    room: Arc<Semaphore>,
}

impl Queue {
    /// A queue, and where its messages come out.
    pub fn new() -> (Self, mpsc::Receiver<Incoming>) {
        let (server, incoming) = mpsc::channel(QUEUE);
        let room = Arc::new(Semaphore::new(WAITING));
        (Self { server, room }, incoming)
    }

    /// Hands a message on when there is room for it; says whether somebody wants more.
    pub async fn send(&self, frame: Result<Received, String>) -> bool {
        let length = frame.as_ref().map_or(0, |frame| frame.bytes.len());
        let units = u32::try_from(length.min(WAITING)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(units).await;
        match room {
            Ok(room) => self
                .server
                .send(frame.map(|frame| (frame, room)))
                .await
                .is_ok(),
            Err(_) => false,
        }
    }
}

/// Hands on the messages of a stream until it ends or nobody wants more.
pub async fn read(mut stream: impl AsyncRead + Unpin, server: Queue) {
    let mut frames = Frames::default();
    let mut chunk = vec![0; CHUNK];
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(length) => frames.push(&chunk[..length]),
        }
        while let Some(frame) = frames.next() {
            if !server.send(frame).await {
                return;
            }
        }
    }
}

/// Writes messages until `END` comes, nobody can send more, or the other side has gone.
pub async fn write(mut stream: impl AsyncWrite + Unpin, mut messages: mpsc::Receiver<Arc<str>>) {
    let mut batch = Vec::new();
    while let Some(message) = messages.recv().await {
        batch.clear();
        let mut next = Some(message);
        let mut ends = false;
        while let Some(message) = next {
            ends = &*message == END;
            if ends {
                break;
            }
            batch.extend_from_slice(header(&message).as_bytes());
            batch.extend_from_slice(message.as_bytes());
            next = if batch.len() < CHUNK {
                messages.try_recv().ok()
            } else {
                None
            };
        }
        if stream.write_all(&batch).await.is_err() || ends {
            return;
        }
    }
}

/// What goes before a message.
pub fn header(message: &str) -> String {
    format!("Content-Length: {}\r\n\r\n", message.len())
}
