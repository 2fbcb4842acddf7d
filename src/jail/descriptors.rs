//! The descriptors of a fresh process: the standard ones, the channel, and no other.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Where the channel to the daemon is.
const CHANNEL: RawFd = 3;

/// Puts descriptors where a worker looks for them, and closes all others at `exec`.
///
/// # Errors
/// When the system does not let it.
pub fn arrange(channel: &OwnedFd, stdout: &OwnedFd, stderr: &OwnedFd) -> io::Result<()> {
    let nothing = File::open("/dev/null")?;
    // Away from where they go first, so that none is overwritten before it has been copied.
    let high = |fd: RawFd| -> io::Result<RawFd> {
        // SAFETY: duplicates a number, and takes nobody's descriptor.
        #[expect(
            unsafe_code,
            reason = "descriptors are plain numbers between fork and exec"
        )]
        let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 10) };
        if copy < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(copy)
    };
    let sources = [
        high(nothing.as_raw_fd())?,
        high(stdout.as_raw_fd())?,
        high(stderr.as_raw_fd())?,
        high(channel.as_raw_fd())?,
    ];
    for (target, source) in (0..=CHANNEL).zip(sources) {
        // SAFETY: this process is about to run another program; nothing uses what was at these numbers any more.
        #[expect(
            unsafe_code,
            reason = "descriptors are plain numbers between fork and exec"
        )]
        if unsafe { libc::dup2(source, target) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    close_at_exec(CHANNEL + 1)
}

/// Has all descriptors from `first` on closed when another program is run.
fn close_at_exec(first: RawFd) -> io::Result<()> {
    // SAFETY: sets a flag.
    #[expect(unsafe_code, reason = "no safe wrapper for this call")]
    let done = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if done == 0 {
        return Ok(());
    }
    // Before Linux 5.11: one by one.
    for entry in std::fs::read_dir("/proc/self/fd")?.flatten() {
        let fd = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let Some(fd) = fd.filter(|fd: &RawFd| *fd >= first) {
            // SAFETY: sets a flag.
            #[expect(
                unsafe_code,
                reason = "descriptors are plain numbers between fork and exec"
            )]
            unsafe {
                libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
    }
    Ok(())
}
