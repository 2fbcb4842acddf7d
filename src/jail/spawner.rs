//! The spawner: a process with one thread that starts the inits of sessions.

use std::collections::HashMap;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::ExitCode;

use rustix::process::{DumpableBehavior, Gid, Uid, set_dumpable_behavior};

use super::enter::{self, Descriptors, Doing, Failure};
use super::init::{self, Plan};
use super::layers::{Layers, Without};
use super::limits::User;
use super::messages::{self, Launch, MAX_PACKET, Report};
use super::namespaces;
use super::syscalls::{self, Filters, Rules};

/// The first of the user ids that sessions of a root daemon get, one each: none of the system's users, and none that
/// systemd or container engines hand out.
const FIRST_USER: u32 = 0x7000_0000;
/// How many there are.
const USERS: u32 = 0x0fff_0000;
/// The user of old that owns nothing, where those are not known: in a container with few users.
const NOBODY: u32 = 65_534;

/// Serves the daemon at the other end of descriptor 3 until it goes away.
#[must_use]
pub fn main(without: &Without) -> ExitCode {
    // SAFETY: the daemon gave this process descriptor 3, and nothing else has taken it.
    #[expect(unsafe_code, reason = "the descriptor comes from before `exec`")]
    let daemon = unsafe { OwnedFd::from_raw_fd(3) };
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = rustix::thread::set_name(c"tinycode-spawn");
    let layers = Layers::probe(without);
    if messages::send(&daemon, &layers, &[]).is_err() {
        return ExitCode::SUCCESS;
    }
    ignore_children();
    let mut buffer = vec![0; MAX_PACKET];
    let mut spawner = Spawner {
        layers,
        daemon,
        started: getrandom::u32().unwrap_or_default() % USERS, // daemons do not share users
        filters: HashMap::new(),
    };
    while let Ok(Some((launch, fds))) = messages::receive::<Launch>(&spawner.daemon, &mut buffer) {
        spawner.start(&launch, fds);
    }
    ExitCode::SUCCESS
}

struct Spawner {
    layers: Layers,
    daemon: OwnedFd,
    /// Number of the latest session.
    started: u32,
    /// Filters of system calls by what they allow.
    filters: HashMap<Rules, Filters>,
}

impl Spawner {
    fn start(&mut self, launch: &Launch, fds: Vec<OwnedFd>) {
        let Ok([control, channel, stdout, stderr]) = <[OwnedFd; 4]>::try_from(fds) else {
            return; // no session that could be told
        };
        if let Err((doing, error)) = self.fork(launch, &control, [channel, stdout, stderr]) {
            let report = Report::Failed {
                doing: doing.to_owned(),
                error: error.to_string(),
            };
            let _ = messages::send(&control, &report, &[]);
        }
    }

    fn fork(
        &mut self,
        launch: &Launch,
        control: &OwnedFd,
        [channel, stdout, stderr]: [OwnedFd; 3],
    ) -> Result<(), Failure> {
        self.started = (self.started + 1) % USERS;
        let layers = &self.layers;
        let rules = enter::calls(launch, layers);
        if layers.seccomp && !self.filters.contains_key(&rules) {
            let filters = syscalls::compile(rules).doing("compile filters of system calls")?;
            self.filters.insert(rules, filters);
        }
        let plan = Plan {
            launch,
            layers,
            namespaces: own_namespaces(launch, layers),
            filters: self.filters.get(&rules).filter(|_| layers.seccomp),
            caller: User::current(),
            user: (layers.root && layers.namespaces).then(|| unprivileged(self.started)),
            name: format!("{}-{}", std::process::id(), self.started),
        };
        if namespaces::fork(plan.namespaces).doing("make namespaces")? == 0 {
            close(&self.daemon);
            let fds = Descriptors {
                channel,
                stdout,
                stderr,
            };
            init::run(&plan, control, fds)
        }
        Ok(())
    }
}

fn own_namespaces(launch: &Launch, layers: &Layers) -> i32 {
    let kinds = [
        (layers.namespaces, namespaces::OWN),
        (layers.namespaces && layers.user_namespace, namespaces::USER),
        (layers.network && !launch.network, namespaces::NETWORK),
    ];
    let wanted = kinds.into_iter().filter(|(wanted, _)| *wanted);
    wanted.fold(0, |all, (_, kind)| all | kind)
}

/// A user of its own for each session, so that limits on users are limits on sessions.
fn unprivileged(number: u32) -> User {
    let known = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let all = known.split_whitespace().nth(2) == Some("4294967295");
    let id = if all { FIRST_USER + number } else { NOBODY };
    User {
        uid: Uid::from_raw(id),
        gid: Gid::from_raw(id),
    }
}

/// Closes a descriptor of the spawner's in a child, which has a copy of it.
fn close(fd: &OwnedFd) {
    use std::os::fd::AsRawFd;
    // SAFETY: the child never returns to the code that owns it.
    #[expect(unsafe_code, reason = "the owner is on the stack of the parent")]
    unsafe {
        libc::close(fd.as_raw_fd());
    }
}

/// Leaves no trace of children that have ended.
fn ignore_children() {
    // SAFETY: sets how a signal is handled, and no handler.
    #[expect(unsafe_code, reason = "no safe wrapper for signal handling")]
    unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_IGN);
    }
}
