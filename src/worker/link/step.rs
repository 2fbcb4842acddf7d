//! One step: what the code does from its beginning to its end.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::frames::{Frame, Order, Reply, Request, Stream};
use super::super::output::Output;
use super::super::patience::{Patience, Stop};
use super::framing::{framed, receive, to_json};
use super::streams::{Streams, read_some};
use super::{Ended, Happening, Link, Process, heard, last_words};

/// Time between the soft request to stop and the end of patience.
const GRACE: Duration = Duration::from_secs(1);
/// Bytes of answers that may wait for a worker that does not read them, before it is heard further.
const MAX_OUTBOX: usize = 1 << 20;
/// Answers that may wait beside them.
const MAX_REPLIES: usize = 1_000;

/// What came of a step.
#[derive(Debug)]
pub struct Report {
    /// How it ended.
    pub ended: Ended,
    /// Why it was asked to stop, if it was.
    pub stop: Option<Stop>,
    /// What it wrote to stdout.
    pub stdout: Output,
    /// What it wrote to stderr.
    pub stderr: Output,
}

/// What surrounds a step.
pub struct Watch<'a> {
    /// The process that runs it.
    pub process: &'a mut dyn Process,
    /// Time that it may take.
    pub timeout: Duration,
    /// Bytes of each stream that are kept.
    pub limit: usize,
    /// Asks for its end.
    pub stop: &'a CancellationToken,
    /// Answers to the calls that it makes.
    pub replies: &'a mut mpsc::UnboundedReceiver<Reply>,
    /// Takes what it does.
    pub happening: &'a mut (dyn FnMut(Happening) + Send),
}

impl Link {
    /// Runs one step to its end.
    pub async fn step(&mut self, request: Request<'_>, watch: Watch<'_>) -> Report {
        let nonce = request.nonce;
        let happening = watch.happening;
        watch.process.resume();
        self.hear_background(happening);
        let mut streams = Streams::new(watch.limit);
        let mut begun = !std::mem::take(&mut self.threads);
        let (mut stdout_open, mut stderr_open) = (true, true);
        let mut patience = Patience::new(watch.timeout, GRACE);
        let mut outbox = framed(&to_json(&Order::Step(request)));
        while watch.replies.try_recv().is_ok() {} // of calls that an earlier step gave up
        let ended = loop {
            let listens = outbox.len() < MAX_OUTBOX && watch.replies.len() < MAX_REPLIES;
            tokio::select! {
                result = self.writer.write_buf(&mut outbox), if !outbox.is_empty() => {
                    if result.is_err() {
                        break last_words(watch.process).await;
                    }
                }
                frame = receive(&mut self.reader, &mut self.inbox), if listens => {
                    let (output, of) = printed(begun, &mut streams, &mut self.background);
                    output.drain(&self.stdout, &self.stderr, &mut |stream, text| {
                        happening(of(stream, text));
                    });
                    match frame {
                        Ok(Frame::Done(done)) if done.nonce == nonce => {
                            self.threads = done.threads;
                            break Ended::Done(done);
                        }
                        Ok(Frame::Begun { call }) => {
                            begun = true;
                            let reply = Reply { call, value: Value::Null, error: None };
                            outbox.extend(framed(&to_json(&Order::Answer(reply))));
                        }
                        Ok(Frame::Kept(_)) => {} // that took too long: nobody waits for it any more
                        Ok(frame) => match heard(frame) {
                            Ok(heard) => {
                                if let Some(heard) = self.bounded(heard.happening) {
                                    happening(heard);
                                }
                                let reply = heard.reply.map(Order::Answer);
                                outbox.extend(reply.iter().flat_map(|reply| framed(&to_json(reply))));
                            }
                            Err(what) => break Ended::Broken(what),
                        },
                        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                            break Ended::Broken(error.to_string());
                        }
                        Err(_) => break last_words(watch.process).await,
                    }
                }
                Some(reply) = watch.replies.recv(), if outbox.len() < MAX_OUTBOX => {
                    outbox.extend(framed(&to_json(&Order::Answer(reply))));
                }
                _ = self.stdout.readable(), if stdout_open => {
                    let (output, of) = printed(begun, &mut streams, &mut self.background);
                    stdout_open = read_some(&self.stdout, &mut output.stdout, |text| {
                        happening(of(Stream::Stdout, text));
                    });
                }
                _ = self.stderr.readable(), if stderr_open => {
                    let (output, of) = printed(begun, &mut streams, &mut self.background);
                    stderr_open = read_some(&self.stderr, &mut output.stderr, |text| {
                        happening(of(Stream::Stderr, text));
                    });
                }
                how = watch.process.ended() => break Ended::Died(how),
                () = watch.stop.cancelled(), if !patience.is_stopping() => patience.interrupt(),
                () = patience.alarm() => {
                    if patience.is_at_its_end() {
                        break Ended::Stubborn;
                    }
                    watch.process.interrupt();
                }
            }
        };
        streams.finish(&self.stdout, &self.stderr, &mut |stream, text| {
            happening(Happening::Output(stream, text));
        });
        self.background = Streams::new(watch.limit);
        (self.stepped, self.told) = (true, false);
        Report {
            ended,
            stop: patience.stop(),
            stdout: streams.stdout,
            stderr: streams.stderr,
        }
    }
}

/// Where that goes which is printed now, and what it is: the step's only from when this has begun.
fn printed<'a>(
    begun: bool,
    step: &'a mut Streams,
    background: &'a mut Streams,
) -> (&'a mut Streams, fn(Stream, String) -> Happening) {
    match begun {
        true => (step, Happening::Output),
        false => (background, Happening::Background),
    }
}
