//! The body of an HTTP request: counted towards the room of all connections, and not waited for without end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use jsonrpsee::core::BoxError;
use tokio::time::{Instant, Sleep};

use super::room::{FULL, Room};

/// The body.
#[derive(Debug)]
pub struct Counted {
    body: Incoming,
    received: usize,
    room: Room,
    patience: Duration,
    quiet: Pin<Box<Sleep>>,
}

impl Counted {
    /// A body of which something has to come within `patience`, again and again.
    pub fn new(body: Incoming, patience: Duration) -> Self {
        Self {
            body,
            received: 0,
            room: Room::default(),
            patience,
            quiet: Box::pin(tokio::time::sleep(patience)),
        }
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            ready!(this.quiet.as_mut().poll(cx));
            return Poll::Ready(Some(Err(
                "the client stopped in the middle of a request".into()
            )));
        };
        this.quiet.as_mut().reset(Instant::now() + this.patience);
        let frame = match frame {
            None => return Poll::Ready(None),
            Some(frame) => frame?,
        };
        this.received += frame.data_ref().map_or(0, Bytes::len);
        match this.room.fit(this.received) {
            true => Poll::Ready(Some(Ok(frame))),
            false => Poll::Ready(Some(Err(FULL.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
