//! Copies of a worker, which it leaves behind and which take its place.

use std::io;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::frames::{Frame, Kept, Order};
use super::super::output::Output;
use super::framing::{garbage, to_json};
use super::streams::drain;
use super::{Happening, Link, Process, heard};

/// Time that a worker gets to leave a copy of itself behind.
const KEEP_PATIENCE: Duration = Duration::from_secs(5);

impl Link {
    /// Has the worker leave a copy of itself behind. Nothing where it does not: the next step finds out why.
    /// `happening` takes what threads of the code do meanwhile.
    pub async fn keep(
        &mut self,
        process: &mut dyn Process,
        token: &str,
        happening: &mut (dyn FnMut(Happening) + Send),
    ) -> Option<Kept> {
        process.resume();
        let keep = async {
            self.send(&to_json(&Order::Keep { token })).await?;
            self.kept(happening).await
        };
        in_time(keep, process).await
    }

    /// Begins to speak with a copy that has been called, in the place of a worker that is dead; it has
    /// left another copy behind. Nothing where it does not answer.
    pub async fn take_over(&mut self, process: &mut dyn Process, token: &str) -> Option<Kept> {
        for pipe in [&self.stdout, &self.stderr] {
            drain(pipe, &mut Output::new(0), |_| ()); // too late for the step that the dead one ran
        }
        self.threads = false;
        let mark = format!("\n{token}\n"); // which no frame contains, as the token itself does
        let take_over = async {
            self.writer.write_all(mark.as_bytes()).await?;
            self.inbox.reading = None;
            while !skip_past(&mut self.inbox.bytes, mark.as_bytes()) {
                if self.reader.read_buf(&mut self.inbox.bytes).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            self.kept(&mut |_| ()).await
        };
        in_time(take_over, process).await
    }

    async fn kept(&mut self, happening: &mut (dyn FnMut(Happening) + Send)) -> io::Result<Kept> {
        loop {
            match self.receive().await? {
                Frame::Kept(kept) => return Ok(kept),
                frame => {
                    let heard = heard(frame).map_err(garbage)?;
                    let heard = self.bounded(heard.happening);
                    heard.into_iter().for_each(&mut *happening);
                }
            }
        }
    }
}

/// What a worker says within its time. Its copies hold the socket too, so that its end says nothing here.
async fn in_time(
    said: impl Future<Output = io::Result<Kept>>,
    process: &mut dyn Process,
) -> Option<Kept> {
    tokio::select! {
        said = said => said.ok(),
        _ = process.ended() => None,
        () = tokio::time::sleep(KEEP_PATIENCE) => None,
    }
}

/// Throws away what comes before `token`, and the token itself; says whether it was there.
fn skip_past(inbox: &mut BytesMut, token: &[u8]) -> bool {
    let found = inbox.windows(token.len()).position(|bytes| bytes == token);
    let known = inbox.len().saturating_sub(token.len() - 1); // the rest may be its beginning
    inbox.advance(found.map_or(known, |at| at + token.len()));
    found.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_before_a_token_is_thrown_away() {
        for (bytes, found, left) in [
            (&b"\0\0\0\x05{\"a-token-next"[..], true, &b"-next"[..]),
            (b"token", true, b""),
            (b"half a frame tok", false, b" tok"),
            (b"", false, b""),
        ] {
            let mut inbox = BytesMut::from(bytes);
            assert_eq!(skip_past(&mut inbox, b"token"), found);
            assert_eq!(&inbox[..], left);
        }
    }
}
