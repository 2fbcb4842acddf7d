//! Packets to and from the processes of `jail`, without blocking.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::jail::messages::{self, MAX_PACKET};

/// The daemon's end of a connection.
#[derive(Debug)]
pub struct Packets(AsyncFd<OwnedFd>);

impl Packets {
    /// Over a socket of `messages::pair`.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&socket, true)?;
        // SAFETY: an `OwnedFd` is always the same descriptor, and open as long as it is owned.
        #[expect(unsafe_code, reason = "what is registered has to stay what it is")]
        let socket = unsafe {
            AsyncFd::register_with_interest(socket, Interest::READABLE | Interest::WRITABLE)?
        };
        Ok(Self(socket))
    }

    /// Sends a message with descriptors.
    ///
    /// # Errors
    /// When the other end is gone, or the message is too long.
    pub async fn send(&self, message: &impl Serialize, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let sent = self.0.async_io(Interest::WRITABLE, |socket| {
            messages::send(socket, message, fds)
        });
        sent.await
    }

    /// Sends a message if there is room for it, as there is unless the other end hangs.
    pub fn try_send(&self, message: &impl Serialize) {
        let _ = messages::send(self.0.get_ref(), message, &[]); // who is gone is noticed by who waits for it
    }

    /// Waits for a message; `None` when the other end is gone. Cancelling loses nothing.
    ///
    /// # Errors
    /// When the other end says what is no message.
    pub async fn receive<T: DeserializeOwned>(&self) -> io::Result<Option<T>> {
        let received = self.0.async_io(Interest::READABLE, |socket| {
            let mut buffer = vec![0; MAX_PACKET / 8];
            messages::receive(socket, &mut buffer)
        });
        Ok(received.await?.map(|(message, _)| message))
    }

    /// Says that nothing more will be sent.
    pub fn finish(&self) {
        let _ = rustix::net::shutdown(self.0.get_ref().as_fd(), rustix::net::Shutdown::Write);
    }
}
