//! Standard input and output as a connection.
//!
//! Both are read and written by threads of their own: they may be anything, and a terminal or a file
//! cannot be waited for in another way. That is also quicker than tokio's own, which hops threads for
//! every read.

use std::io::{self, BufWriter, Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::framed::{self, Ended, Incoming, QUEUE};
use super::frames::Frames;
use crate::api::App;

/// Time that a client gets to read the last answers.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Tells the writer that no message follows; no message is empty.
const END: &str = "";

/// Serves standard input and output until they end.
pub async fn serve(app: Arc<App>) -> Ended {
    let (to_server, incoming) = mpsc::channel(QUEUE);
    let (outgoing, to_client) = mpsc::channel(QUEUE);
    let (written, all_written) = oneshot::channel::<()>();
    thread::spawn(move || read(&to_server));
    thread::spawn(move || {
        let _ = write(to_client);
        drop(written);
    });
    let ended = framed::serve(app, incoming, outgoing.clone()).await;
    let last_answers = async {
        let _ = outgoing.send(END.into()).await;
        let _ = all_written.await;
    };
    // A client that does not read is not waited for.
    let _ = tokio::time::timeout(LAST_ANSWERS, last_answers).await;
    ended
}

fn read(server: &mpsc::Sender<Incoming>) {
    let mut stdin = io::stdin().lock();
    let mut frames = Frames::default();
    let mut chunk = vec![0; 64 << 10];
    loop {
        match stdin.read(&mut chunk) {
            Ok(0) => return,
            Ok(length) => frames.push(&chunk[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
        while let Some(frame) = frames.next() {
            if server.blocking_send(frame).is_err() {
                return;
            }
        }
    }
}

fn write(mut messages: mpsc::Receiver<Arc<str>>) -> io::Result<()> {
    let mut stdout = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    while let Some(message) = messages.blocking_recv() {
        let mut next = Some(message);
        while let Some(message) = next {
            if &*message == END {
                return stdout.flush();
            }
            write!(stdout, "Content-Length: {}\r\n\r\n{message}", message.len())?;
            next = messages.try_recv().ok();
        }
        stdout.flush()?;
    }
    Ok(())
}
