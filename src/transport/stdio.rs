//! Standard input and output as a connection.
//!
//! Pipes, which editors and scripts use, are waited for like any stream. Anything else, such as a
//! terminal or a file, cannot be: it is read and written by a thread of its own, which costs a hop
//! between threads for each message.

use std::io::{self, BufWriter, Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::unix::pipe;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::framed::{self, Daemon, Ended, QUEUE};
use super::frames::Frames;
use super::stream::{self, END, Queue, header};

/// Time that a client gets to read the last answers.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Serves standard input and output until they end.
pub async fn serve(daemon: Daemon) -> Ended {
    let (to_server, incoming) = Queue::new();
    let (outgoing, to_client) = mpsc::channel(QUEUE);
    let (written, all_written) = oneshot::channel::<()>();
    // Opened anew, so that whoever shares the pipes with us does not find them changed.
    match pipe::OpenOptions::new().open_receiver("/proc/self/fd/0") {
        Ok(stdin) => drop(tokio::spawn(stream::read(stdin, to_server))),
        Err(_) => {
            let runtime = Handle::current();
            drop(thread::spawn(move || read(&runtime, &to_server)));
        }
    }
    match pipe::OpenOptions::new().open_sender("/proc/self/fd/1") {
        Ok(stdout) => drop(tokio::spawn(async move {
            stream::write(stdout, to_client).await;
            drop(written);
        })),
        Err(_) => drop(thread::spawn(move || {
            let _ = write(to_client);
            drop(written);
        })),
    }
    // On the threads that the streams are on, and not on the main one, which would be a hop away.
    let serving = tokio::spawn(framed::serve(daemon, incoming, outgoing.clone()));
    let ended = serving.await.unwrap_or(Ended::Abruptly);
    let last_answers = async {
        let _ = outgoing.send(END.into()).await;
        let _ = all_written.await;
    };
    // A client that does not read is not waited for.
    let _ = tokio::time::timeout(LAST_ANSWERS, last_answers).await;
    ended
}

fn read(runtime: &Handle, server: &Queue) {
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
            if !runtime.block_on(server.send(frame)) {
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
            stdout.write_all(header(&message).as_bytes())?;
            stdout.write_all(message.as_bytes())?;
            next = messages.try_recv().ok();
        }
        stdout.flush()?;
    }
    Ok(())
}
