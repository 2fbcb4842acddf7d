//! What the daemon, the spawner and the init of a session send each other: JSON, one object a packet, with descriptors
//! beside it where a process is to be started.

use std::ffi::OsString;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Bytes of a packet: what a socket takes with its default buffers.
pub const MAX_PACKET: usize = 128 << 10;
/// Most descriptors that come with a packet.
const MAX_DESCRIPTORS: usize = 4;

/// What isolated code may touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sandbox {
    /// Reads Python and its working folder, writes its temporary folder.
    Strict,
    /// Reads what its user may but for secrets, writes its working folder and its temporary folder.
    #[default]
    Workspace,
    /// The files and the network of its user.
    Off,
}

/// What the processes of a session may use, all together unless a field says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Bytes of memory; each process alone gets a `MemoryError` beyond it.
    pub memory: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Bytes of files in the temporary folder.
    pub disk: u64,
    /// Files that one process may have open.
    pub files: u64,
}

/// A program to start. Its descriptors come with it: the control socket, the channel that becomes descriptor 3,
/// standard output and standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// The program.
    pub executable: OsString,
    /// Its arguments, without its own name.
    pub arguments: Vec<OsString>,
    /// All of its environment but `TMPDIR`.
    pub environment: Vec<(OsString, OsString)>,
    /// The folder that it works in.
    pub cwd: PathBuf,
    /// Its temporary folder.
    pub temp: PathBuf,
    /// What it may touch.
    pub sandbox: Sandbox,
    /// Whether it has the network of the machine.
    pub network: bool,
    /// What it may use.
    pub bounds: Bounds,
    /// What it has to read to run: the folders of its interpreter and its packages.
    pub readable: Vec<PathBuf>,
    /// The home folder of the daemon's user.
    pub home: Option<PathBuf>,
    /// The daemon's own files and folders, which it may not see.
    pub secret: Vec<PathBuf>,
}

/// What the daemon asks an init for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// To send a signal to a process of the session.
    Signal {
        /// The process, as the session's own processes number it.
        pid: i32,
        /// The number of the signal.
        signal: i32,
    },
    /// To end all processes but these, and then to wake one of them with SIGUSR1.
    Replace {
        /// The one to wake.
        pid: i32,
        /// The others.
        keep: Vec<i32>,
    },
    /// To look at what the session uses more often for a while: a step begins.
    Watch,
    /// To pause everything once it has taken so much processor time: no step runs.
    Rest {
        /// Milliseconds.
        most: u64,
        /// Whether what was taken in rests before does not count.
        anew: bool,
    },
    /// To have everything go on without such a bound.
    Resume,
}

/// What an init says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// The program runs.
    Started {
        /// Its process, as the session's own processes number it.
        pid: i32,
    },
    /// The program could not be started.
    Failed {
        /// What was being done.
        doing: String,
        /// The error.
        error: String,
    },
    /// The process that runs the code has ended, or the one that is to take its place.
    Exited {
        /// The process.
        pid: i32,
        /// Its status, as `waitpid` gives it.
        status: i32,
    },
    /// `Replace` has been done.
    Replaced,
    /// The session used more than it may, and all its processes have been stopped where they are.
    Exceeded(Exceeded),
}

/// What was used beyond its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exceeded {
    /// Memory.
    Memory,
    /// Disk space of the temporary folder, which has been emptied.
    Disk,
    /// Processor time while no step runs.
    Rest,
}

/// Two ends of a connection that keeps packets apart and tells when the other end is gone.
///
/// # Errors
/// When the system has no more descriptors.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// Sends a message with descriptors.
///
/// # Errors
/// When the other end is gone, or the message is too long.
pub fn send(socket: impl AsFd, message: &impl Serialize, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    if body.len() > MAX_PACKET {
        let what = format!("{} bytes of environment and paths", body.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        beside.push(SendAncillaryMessage::ScmRights(fds));
    }
    sendmsg(
        socket,
        &[IoSlice::new(&body)],
        &mut beside,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

/// Waits for a message, as far as the socket waits; `None` when the other end is gone. A message that is longer than
/// `buffer` is an error.
///
/// # Errors
/// When the socket cannot be read, or says what is no message.
pub fn receive<T: DeserializeOwned>(
    socket: impl AsFd,
    buffer: &mut [u8],
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        let received = recvmsg(
            &socket,
            &mut [IoSliceMut::new(buffer)],
            &mut beside,
            RecvFlags::CMSG_CLOEXEC,
        );
        match received {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?,
        }
    };
    let fds = beside.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
        _ => None,
    });
    let fds = fds.flatten().collect();
    if received.bytes == 0 {
        return Ok(None);
    }
    let message = serde_json::from_slice(&buffer[..received.bytes])?;
    Ok(Some((message, fds)))
}
