//! Namespaces: a session's own view of processes, mounts, memory segments and network.

use std::fs;
use std::io;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::process::{DumpableBehavior, Pid, set_dumpable_behavior};

use super::limits::User;

/// What a child gets of its own: mounts, processes and System V IPC, always together.
pub const OWN: i32 = libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC;
/// A network with nothing but a loopback device.
pub const NETWORK: i32 = libc::CLONE_NEWNET;
/// Where an ordinary user has the right to the others.
pub const USER: i32 = libc::CLONE_NEWUSER;

/// Forks with namespaces of the child's own; returns 0 in the child.
///
/// # Errors
/// When the system does not let it.
pub fn fork(namespaces: i32) -> io::Result<i32> {
    // SAFETY: the spawner has one thread, so that a copy of it is whole; without a stack of its own the child goes on
    // with a copy of this one, as after `fork`.
    #[expect(
        unsafe_code,
        reason = "no safe wrapper gives a forked child namespaces"
    )]
    let child = unsafe { libc::syscall(libc::SYS_clone, namespaces | libc::SIGCHLD, 0, 0, 0, 0) };
    match i32::try_from(child) {
        Ok(child) if child >= 0 => Ok(child),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Lets this process, in a user namespace of its own, go on as the user that it was.
///
/// # Errors
/// When the system does not let it.
pub fn map_user(user: User) -> io::Result<()> {
    let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
    // Else these files are root's, as all are of a process that nobody may look into.
    set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Switches the loopback device of a fresh network namespace on.
///
/// # Errors
/// When the system does not let it.
pub fn loopback() -> io::Result<()> {
    let socket = socket_with(
        AddressFamily::INET,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    // SAFETY: all zeros is a valid `ifreq`.
    #[expect(unsafe_code, reason = "the kernel's structures are plain memory")]
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo\0") {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    // SAFETY: the call reads an `ifreq`, which is what it is given.
    #[expect(unsafe_code, reason = "no safe wrapper for this call")]
    let done = unsafe {
        use std::os::fd::AsRawFd;
        libc::ioctl(
            socket.as_raw_fd(),
            libc::SIOCSIFFLAGS as _,
            &raw const request,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// A user namespace in which files of `inside` belong to `outside`, for mounts that show them so. Only for root.
///
/// # Errors
/// When the system does not let it.
pub fn mapping(inside: (u32, u32), outside: (u32, u32)) -> io::Result<fs::File> {
    let child = fork(USER)?;
    if child == 0 {
        loop {
            rustix::event::pause(); // until it is killed
        }
    }
    let map = |what: &str, inside: u32, outside: u32| {
        fs::write(
            format!("/proc/{child}/{what}"),
            format!("{inside} {outside} 1"),
        )
    };
    let namespace = map("uid_map", inside.0, outside.0)
        .and_then(|()| map("gid_map", inside.1, outside.1))
        .and_then(|()| fs::File::open(format!("/proc/{child}/ns/user")));
    if let Some(pid) = Pid::from_raw(child) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
    }
    namespace
}
