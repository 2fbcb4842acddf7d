//! Calls of the code that its init looks at: connections, which it makes, and signals, where nothing else bounds them.
//!
//! A filter of system calls cannot look at an address, and what it is shown could be another one by the time that the
//! kernel reads it. So `connect` is not let through at all: the init takes a copy of the socket, reads the address once,
//! and connects it there and then. Sockets that are found by a path have to be in the session's own temporary folder,
//! and those with an abstract name in a network of its own.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, openat, readlink, statx};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::signals::{CALLS, may_go_on, process_of};

/// Longest address of any family.
const MAX_ADDRESS: usize = 128;
/// Supervisor that may be waited for at once.
const MAX_WAITING: usize = 64;
/// Bytes of the stack of a thread that waits for a connection.
const STACK: usize = 64 << 10;

/// Looks at calls of a session.
pub struct Supervisor {
    listener: Arc<OwnedFd>,
    /// Where sockets that are found by a path have to be.
    temp: PathBuf,
    folder: OwnedFd,
    /// Whether the session has a network of its own, and with it abstract names.
    own_network: bool,
    waiting: Arc<AtomicUsize>,
}

/// A connection that was asked for.
struct Wanted {
    id: u64,
    socket: OwnedFd,
    address: Address,
}

/// Where to.
enum Address {
    /// A socket file, which is held open.
    File(OwnedFd),
    /// Anything else, as the code gave it.
    Plain(Vec<u8>),
}

impl Supervisor {
    /// Supervisor asked for over `listener`, as `supervise` returned it.
    ///
    /// # Errors
    /// When the temporary folder cannot be opened.
    pub fn new(listener: OwnedFd, temp: &Path, own_network: bool) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self {
            listener: Arc::new(listener),
            temp: temp.to_owned(),
            folder: openat(CWD, temp, flags, Mode::empty())?,
            own_network,
            waiting: Arc::default(),
        })
    }

    /// Looks at calls on a thread of its own: the kernel has nobody wait for one who is gone meanwhile, but says so only
    /// by letting them wait on.
    pub fn serve_beside(self) {
        let serve = move || while self.serve() {};
        // Without a thread whoever asks waits for ever, and nothing is connected.
        let _ = thread::Builder::new().stack_size(STACK).spawn(serve);
    }

    /// Waits for a call, and makes it or refuses it; says whether there may be more.
    fn serve(&self) -> bool {
        // SAFETY: all zeros is a valid notification, which the kernel wants.
        #[expect(unsafe_code, reason = "the kernel's structures are plain memory")]
        let mut asked: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        if !control(&self.listener, RECEIVE, &raw mut asked) {
            let error = io::Error::last_os_error().raw_os_error();
            return matches!(error, Some(libc::ENOENT | libc::EINTR)); // whoever asked is gone
        }
        if CALLS.contains(&libc::c_long::from(asked.data.nr)) {
            match may_go_on(&asked) {
                true => go_on(&self.listener, asked.id),
                false => answer(&self.listener, asked.id, Err(Errno::PERM)),
            }
            return true;
        }
        match self.look(&asked) {
            Err(error) => answer(&self.listener, asked.id, Err(error)),
            Ok(wanted) => self.make(wanted),
        }
        true
    }

    fn look(&self, asked: &libc::seccomp_notif) -> Result<Wanted, Errno> {
        let [fd, pointer, length, ..] = asked.data.args;
        let length = usize::try_from(length).map_err(|_| Errno::INVAL)?;
        if length > MAX_ADDRESS {
            return Err(Errno::INVAL);
        }
        let task = i32::try_from(asked.pid).map_err(|_| Errno::SRCH)?;
        let process = process_of(task)
            .and_then(Pid::from_raw)
            .ok_or(Errno::SRCH)?;
        let handle = pidfd_open(process, PidfdFlags::empty())?;
        let fd = i32::try_from(fd as u32).map_err(|_| Errno::BADF)?;
        let socket = pidfd_getfd(&handle, fd, PidfdGetfdFlags::empty())?;
        let address = read_memory(task, pointer, length)?;
        if !control(&self.listener, IS_VALID, &raw const asked.id as *mut u64) {
            return Err(Errno::SRCH); // it has ended: what was read may be that of another
        }
        let family = rustix::net::sockopt::socket_domain(&socket)?;
        let address = if family == AddressFamily::UNIX {
            self.unix(task, address)?
        } else {
            Address::Plain(address)
        };
        Ok(Wanted {
            id: asked.id,
            socket,
            address,
        })
    }

    /// Where a Unix socket is to be connected to, if it may.
    fn unix(&self, task: i32, address: Vec<u8>) -> Result<Address, Errno> {
        let name = address.get(2..).unwrap_or_default();
        match name.first() {
            None => return Ok(Address::Plain(address)), // the kernel says what is wrong with it
            Some(0) if self.own_network => return Ok(Address::Plain(address)),
            Some(0) => return Err(Errno::ACCESS),
            Some(_) => {}
        }
        let end = name
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(name.len());
        let path = Path::new(std::ffi::OsStr::from_bytes(&name[..end]));
        let folder = if path.is_absolute() {
            None
        } else {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            Some(openat(
                CWD,
                format!("/proc/{task}/cwd"),
                flags,
                Mode::empty(),
            )?)
        };
        let within = folder.as_ref().map_or(CWD, AsFd::as_fd);
        let open =
            |path: &Path| openat(within, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
        let beside = || match path.parent() {
            Some(parent) if parent != Path::new("") => open(parent),
            _ => open(Path::new(".")),
        };
        match open(path) {
            Ok(file) if self.holds(&file)? => Ok(Address::File(file)),
            Err(error) if beside().is_ok_and(|beside| self.holds(&beside) == Ok(true)) => {
                Err(error)
            }
            _ => Err(Errno::ACCESS), // whether or not there is something
        }
    }

    /// Whether something is in the temporary folder.
    fn holds(&self, file: &OwnedFd) -> Result<bool, Errno> {
        let place = readlink(format!("/proc/self/fd/{}", file.as_raw_fd()), Vec::new())?;
        let place = Path::new(std::ffi::OsStr::from_bytes(place.as_bytes())).to_owned();
        // The working folder may be mounted below it.
        Ok(place.starts_with(&self.temp) && mount_of(file)? == mount_of(&self.folder)?)
    }

    fn make(&self, wanted: Wanted) {
        let flags = rustix::fs::fcntl_getfl(&wanted.socket);
        if flags.is_ok_and(|flags| flags.contains(OFlags::NONBLOCK)) {
            let made = wanted.make();
            return answer(&self.listener, wanted.id, made);
        }
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= MAX_WAITING {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            return answer(&self.listener, wanted.id, Err(Errno::AGAIN));
        }
        let (listener, waiting) = (Arc::clone(&self.listener), Arc::clone(&self.waiting));
        let id = wanted.id;
        let started = thread::Builder::new().stack_size(STACK).spawn(move || {
            let made = wanted.make();
            answer(&listener, wanted.id, made);
            waiting.fetch_sub(1, Ordering::AcqRel);
        });
        if started.is_err() {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            answer(&self.listener, id, Err(Errno::AGAIN));
        }
    }
}

impl Wanted {
    fn make(&self) -> Result<(), Errno> {
        match &self.address {
            Address::File(file) => {
                let path = format!("/proc/self/fd/{}", file.as_raw_fd());
                rustix::net::connect(&self.socket, &SocketAddrUnix::new(path)?)
            }
            Address::Plain(bytes) => {
                let length = libc::socklen_t::try_from(bytes.len()).map_err(|_| Errno::INVAL)?;
                // SAFETY: the call reads as many bytes as it is told, which are there.
                #[expect(unsafe_code, reason = "an address of any family, as it came")]
                let made = unsafe {
                    libc::connect(self.socket.as_raw_fd(), bytes.as_ptr().cast(), length)
                };
                if made == 0 {
                    return Ok(());
                }
                let error = io::Error::last_os_error();
                Err(Errno::from_io_error(&error).unwrap_or(Errno::IO))
            }
        }
    }
}

/// The mount that something is on.
fn mount_of(file: &OwnedFd) -> Result<u64, Errno> {
    let found = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?;
    Ok(found.stx_mnt_id)
}

/// Reads the memory of a thread that waits.
fn read_memory(task: i32, pointer: u64, length: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0_u8; length];
    let local = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: length,
    };
    let remote = libc::iovec {
        iov_base: usize::try_from(pointer).map_err(|_| Errno::FAULT)? as *mut _,
        iov_len: length,
    };
    // SAFETY: the call writes to `bytes` alone, no more than it has; what it reads is another process's.
    #[expect(unsafe_code, reason = "no safe wrapper for this call")]
    let read =
        unsafe { libc::process_vm_readv(task, &raw const local, 1, &raw const remote, 1, 0) };
    if usize::try_from(read).is_ok_and(|read| read == length) {
        Ok(bytes)
    } else {
        Err(Errno::FAULT)
    }
}

const RECEIVE: u64 = 0xc050_2100;
const SEND: u64 = 0xc018_2101;
const IS_VALID: u64 = 0x4008_2102;

/// Says how a call ended.
fn answer(listener: &OwnedFd, id: u64, made: Result<(), Errno>) {
    let error = made.map_or_else(|error| -error.raw_os_error(), |()| 0);
    send(listener, id, error, 0);
}

/// Has the kernel make a call as it was asked for.
fn go_on(listener: &OwnedFd, id: u64) {
    send(
        listener,
        id,
        0,
        libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
    );
}

fn send(listener: &OwnedFd, id: u64, error: i32, flags: u32) {
    let mut answer = libc::seccomp_notif_resp {
        id,
        val: 0,
        error,
        flags,
    };
    control(listener, SEND, &raw mut answer);
}

/// Asks the kernel for something about supervised calls; says whether it did it.
fn control<T>(listener: &OwnedFd, request: u64, about: *mut T) -> bool {
    // SAFETY: `about` is what the request wants, which its number says the size of.
    #[expect(unsafe_code, reason = "no safe wrapper for these requests")]
    unsafe {
        libc::ioctl(listener.as_raw_fd(), request as _, about) == 0
    }
}
