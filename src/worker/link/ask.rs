//! A query: a question about names, and its answer.

use std::io;

use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use super::super::frames::Frame;
use super::super::query::{Query, Told};
use super::framing::{framed, receive};
use super::{Ended, Happening, Link, Process, heard, last_words};

impl Link {
    /// Asks about the names. What lies in the pipes stays there for the next step; `happening` takes what
    /// threads of the code do meanwhile.
    ///
    /// # Errors
    /// How the worker ended in place of an answer.
    pub async fn ask(
        &mut self,
        query: &Query,
        process: &mut dyn Process,
        stop: &CancellationToken,
        happening: &mut (dyn FnMut(Happening) + Send),
    ) -> Result<Told, Ended> {
        process.resume();
        let (nonce, order) = query.order();
        let mut outbox = framed(&order);
        let mut patience = Query::patience();
        loop {
            tokio::select! {
                result = self.writer.write_buf(&mut outbox), if !outbox.is_empty() => {
                    if result.is_err() {
                        return Err(last_words(process).await);
                    }
                }
                frame = receive(&mut self.reader, &mut self.inbox) => match frame {
                    Ok(Frame::Told { nonce: of, told }) if of == nonce => return query.check(*told),
                    Ok(frame) => match heard(frame) {
                        Ok(heard) => self.bounded(heard.happening).into_iter().for_each(&mut *happening),
                        Err(what) => return Err(Ended::Broken(what)),
                    },
                    Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                        return Err(Ended::Broken(error.to_string()));
                    }
                    Err(_) => return Err(last_words(process).await),
                },
                how = process.ended() => return Err(Ended::Died(how)),
                () = stop.cancelled(), if !patience.is_stopping() => patience.interrupt(),
                () = patience.alarm() => {
                    if patience.is_at_its_end() {
                        return Err(Ended::Stubborn);
                    }
                    process.interrupt();
                }
            }
        }
    }
}
