//! What a process may use and inherit, and the rights that it gives up.

use std::io;

use rustix::process::{Gid, Resource, Rlimit, Uid, setrlimit};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs, set_thread_groups,
    set_thread_res_gid, set_thread_res_uid,
};

use super::messages::Bounds;

/// Signals of a user that wait for their processes.
const MAX_SIGNALS: u64 = 4_096;

/// The user and the group that the code runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// The user.
    pub uid: Uid,
    /// The group.
    pub gid: Gid,
}

impl User {
    /// Who this process is.
    pub fn current() -> Self {
        Self {
            uid: rustix::process::getuid(),
            gid: rustix::process::getgid(),
        }
    }
}

/// Bounds what this process and those that it starts may use.
///
/// # Errors
/// When the system does not let it.
pub fn bound(bounds: &Bounds, running: u64) -> io::Result<()> {
    limit(Resource::Core, 0)?;
    limit(Resource::Data, bounds.memory)?;
    limit(Resource::Nproc, running.saturating_add(bounds.processes))?;
    limit(Resource::Memlock, 64 << 20)?;
    limit(Resource::Msgqueue, 1 << 20)?;
    limit(Resource::Sigpending, MAX_SIGNALS)?;
    limit(Resource::Rtprio, 0)?;
    limit(Resource::Nice, 0)
}

/// Bounds how many files this process and those that it starts may have open.
///
/// # Errors
/// When the system does not let it.
pub fn bound_files(most: u64) -> io::Result<()> {
    limit(Resource::Nofile, most)
}

/// Has this process use all that its limit on open files can be raised to: as many descriptors of its user can be on
/// their way over sockets before it can send one.
///
/// # Errors
/// When the system does not let it.
pub fn unbound_files() -> io::Result<()> {
    limit(Resource::Nofile, u64::MAX)
}

/// Never raises a limit that the daemon's user has set.
fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let before = rustix::process::getrlimit(resource);
    let most = before.maximum.map_or(most, |maximum| maximum.min(most));
    let both = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    Ok(setrlimit(resource, both)?)
}

/// Gives up being root for being `user`.
///
/// # Errors
/// When the system does not let it.
pub fn become_user(user: User) -> io::Result<()> {
    set_thread_groups(&[])?;
    set_thread_res_gid(user.gid, user.gid, user.gid)?;
    Ok(set_thread_res_uid(user.uid, user.uid, user.uid)?)
}

/// Gives up for good what programs with a set-user-ID bit or file capabilities would give.
///
/// # Errors
/// When the system does not let it.
pub fn gain_nothing() -> io::Result<()> {
    set_no_new_privs(true)?;
    let _ = clear_ambient_capability_set(); // there is none where the system does not know it
    for capability in CapabilitySet::all().iter() {
        let _ = remove_capability_from_bounding_set(capability); // without the right to, it is no use either
    }
    Ok(())
}

/// Gives up all capabilities.
///
/// # Errors
/// When the system does not let it.
pub fn drop_capabilities() -> io::Result<()> {
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    Ok(set_capabilities(None, none)?)
}
