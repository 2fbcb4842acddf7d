//! Streams that can be waited for, taken apart into messages and put together from them.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::framed::Incoming;
use super::frames::Frames;

/// Bytes that are read, or gathered for one write.
const CHUNK: usize = 64 << 10;

/// Tells a writer that no message follows; no message is empty.
pub const END: &str = "";

/// Hands on the messages of a stream until it ends or nobody wants more.
pub async fn read(mut stream: impl AsyncRead + Unpin, server: mpsc::Sender<Incoming>) {
    let mut frames = Frames::default();
    let mut chunk = vec![0; CHUNK];
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(length) => frames.push(&chunk[..length]),
        }
        while let Some(frame) = frames.next() {
            if server.send(frame).await.is_err() {
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
