//! The init of a session: the parent of its processes, and their process 1 where they have a PID namespace.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{DumpableBehavior, Pid, Signal, set_child_subreaper, set_dumpable_behavior};

use super::cgroup::Group;
use super::enter::{self, Descriptors, Doing, Failure};
use super::layers::Layers;
use super::limits::User;
use super::messages::{self, Exceeded, Launch, Report, Request, Sandbox};
use super::supervise::Supervisor;
use super::syscalls::Filters;
use super::usage::{self, Watcher};
use super::{mounts, namespaces, plots, processes, remove};

/// Bytes of a request of the daemon's.
const REQUEST: usize = 4 << 10;

/// How a session is set up.
pub struct Plan<'a> {
    /// What is started.
    pub launch: &'a Launch,
    /// What the system can.
    pub layers: &'a Layers,
    /// The namespaces that this process has of its own.
    pub namespaces: i32,
    /// Which system calls it may make, where they can be filtered.
    pub filters: Option<&'a Filters>,
    /// Who the daemon is.
    pub caller: User,
    /// Whom the code runs as, where it is not who the daemon is.
    pub user: Option<User>,
    /// What tells it from other sessions.
    pub name: String,
}

/// Sets a session up, and stays with it until it ends.
pub fn run(plan: &Plan<'_>, control: &OwnedFd, fds: Descriptors) -> ! {
    // Past this point would be the spawner's, of which this process has a copy.
    let _ = panic::catch_unwind(AssertUnwindSafe(|| stay(plan, control, fds)));
    leave(0)
}

fn stay(plan: &Plan<'_>, control: &OwnedFd, fds: Descriptors) {
    match start(plan, fds) {
        Ok((mut session, supervisor)) => {
            if let Some(supervisor) = supervisor {
                supervisor.serve_beside();
            }
            session.tell(
                control,
                &Report::Started {
                    pid: session.program,
                },
            );
            session.serve(control);
        }
        Err((doing, error)) => {
            let report = Report::Failed {
                doing: doing.to_owned(),
                error: error.to_string(),
            };
            let _ = messages::send(control, &report, &[]);
        }
    }
}

/// Ends this process as it is.
pub fn leave(code: i32) -> ! {
    // SAFETY: ends the process.
    #[expect(
        unsafe_code,
        reason = "a forked process must not run what runs at the end of the program"
    )]
    unsafe {
        libc::_exit(code)
    }
}

/// A session that runs. Dropping it ends all its processes.
struct Session {
    /// The process that runs the code: the program, or a copy of it that took its place.
    program: i32,
    children: OwnedFd,
    watcher: Watcher,
    temp: PathBuf,
    /// Whether the temporary folder is its own mount, which nobody else empties.
    own_temp: bool,
}

fn start(plan: &Plan<'_>, fds: Descriptors) -> Result<(Session, Option<Supervisor>), Failure> {
    let Plan { launch, layers, .. } = plan;
    if plan.namespaces & namespaces::USER != 0 {
        namespaces::map_user(plan.caller).doing("enter a user namespace")?;
    }
    let group = layers.cgroup.as_deref().map(|parent| {
        let most = usage::most_memory(&launch.bounds);
        Group::make(parent, &plan.name, &launch.bounds, most)
    });
    let group = group.transpose().doing("make a control group")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).doing("become unreadable")?;
    set_child_subreaper(Some(Pid::INIT)).doing("adopt orphans")?;
    let children = watch_children().doing("watch children")?;
    if let Some(user) = plan.user {
        rustix::fs::chown(&launch.temp, Some(user.uid), Some(user.gid))
            .doing("hand the temporary folder over")?;
    }
    if plan.namespaces & namespaces::NETWORK != 0 {
        namespaces::loopback().doing("switch the loopback device on")?;
    }
    let supervised = enter::supervised(launch, layers).is_some();
    plots::bring_settings(launch, plan.user);
    let temp = if layers.namespaces {
        mounts::enter(launch, plan.user).doing("mount what the session sees")?
    } else {
        launch.temp.clone()
    };
    let (ours, theirs) = messages::pair().doing("make a socket")?;
    // SAFETY: this process has one thread.
    #[expect(unsafe_code, reason = "no safe wrapper for fork")]
    let program = unsafe { libc::fork() };
    if program == 0 {
        let hand_over =
            |listener: OwnedFd| messages::send(&theirs, &"listener", &[listener.as_fd()]);
        let Err((doing, error)) = enter::program(plan, group.as_ref(), &temp, &fds, hand_over);
        let _ = messages::send(&theirs, &(doing, error.to_string()), &[]);
        leave(127);
    }
    if program < 0 {
        return Err(("start a process", io::Error::last_os_error()));
    }
    drop((theirs, fds));
    let listener = await_program(&ours, supervised)?;
    let own_network = plan.namespaces & namespaces::NETWORK != 0;
    let supervisor = listener
        .map(|listener| Supervisor::new(listener, &temp, own_network))
        .transpose()
        .doing("open the temporary folder")?;
    let own_mounts = layers.namespaces && launch.sandbox != Sandbox::Off;
    let session = Session {
        program,
        children,
        watcher: Watcher::new(launch.bounds, group, &temp, own_mounts),
        temp,
        own_temp: own_mounts,
    };
    Ok((session, supervisor))
}

/// Waits until the program runs; returns what it hands over before.
fn await_program(socket: &OwnedFd, listener: bool) -> Result<Option<OwnedFd>, Failure> {
    let mut buffer = [0; REQUEST];
    let mut handed = None;
    loop {
        let said: Option<(serde_json::Value, Vec<OwnedFd>)> =
            messages::receive(socket, &mut buffer).doing("hear from the program")?;
        let Some((said, fds)) = said else { break };
        handed = handed.or(fds.into_iter().next());
        if let Some(failure) = said.as_array() {
            let text = failure.iter().filter_map(serde_json::Value::as_str);
            let text = text.collect::<Vec<_>>().join(": ");
            return Err(("start the program", io::Error::other(text)));
        }
    }
    if listener && handed.is_none() {
        return Err(("supervise calls", io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(handed)
}

impl Session {
    fn tell(&self, control: &OwnedFd, report: &Report) {
        let _ = messages::send(control, report, &[]); // whoever is gone is noticed when listened to
    }

    /// Serves the daemon and the children until the daemon goes away.
    fn serve(&mut self, control: &OwnedFd) {
        let mut buffer = [0; REQUEST];
        loop {
            let wait = self.watcher.wait().map(|wait| Timespec {
                tv_sec: wait.as_secs().try_into().unwrap_or(1),
                tv_nsec: wait.subsec_nanos().into(),
            });
            let alarm = self.watcher.alarm();
            let (alarm, kinds) = match &alarm {
                Some(alarm) => (alarm, PollFlags::PRI),
                None => (&control.as_fd(), PollFlags::empty()),
            };
            let mut fds = [
                PollFd::new(control, PollFlags::IN),
                PollFd::new(&self.children, PollFlags::IN),
                PollFd::new(alarm, kinds),
            ];
            let _ = poll(&mut fds, wait.as_ref()); // interrupted is as good as nothing
            let [asked, ended, alarmed] = fds.map(|fd| !fd.revents().is_empty());
            if asked {
                match messages::receive(control, &mut buffer) {
                    Ok(Some((request, _))) => self.request(request, control),
                    Ok(None) | Err(_) => return,
                }
            }
            if ended {
                self.reap(control);
            }
            if alarmed {
                self.watcher.alarmed();
            }
            if let Some(exceeded) = self.watcher.look() {
                self.exceeded(exceeded, control);
            }
        }
    }

    fn request(&mut self, request: Request, control: &OwnedFd) {
        match request {
            Request::Signal { pid, signal } => {
                if let Some(signal) = Signal::from_named_raw(signal).filter(|_| self.has(pid)) {
                    processes::signal(pid, signal);
                }
            }
            Request::Replace { pid, keep } => {
                // What a worker says of its copies may be forged.
                let own = processes::descendants(&BTreeSet::new());
                let mut kept: BTreeSet<i32> = keep.into_iter().collect();
                kept.insert(pid);
                kept.retain(|pid| own.contains(pid));
                let mut ended = (!kept.contains(&pid)).then_some(libc::SIGKILL);
                processes::end_all_but(&kept, |other, status| {
                    ended = ended.or((other == pid).then_some(status));
                });
                self.program = pid;
                kept.iter()
                    .for_each(|pid| processes::signal(*pid, Signal::CONT));
                match ended {
                    Some(status) => self.tell(control, &Report::Exited { pid, status }),
                    None => processes::signal(pid, Signal::USR1),
                }
                self.watcher.resume();
                self.tell(control, &Report::Replaced);
            }
            Request::Watch => self.watcher.wake(),
            Request::Rest { most, anew } => {
                self.watcher.rest(Duration::from_millis(most), anew);
            }
            Request::Resume => {
                self.watcher.resume();
                for pid in processes::descendants(&BTreeSet::new()) {
                    processes::signal(pid, Signal::CONT);
                }
            }
        }
    }

    /// Whether a process is one of the session's.
    fn has(&self, pid: i32) -> bool {
        pid == self.program || processes::descendants(&BTreeSet::new()).contains(&pid)
    }

    fn reap(&mut self, control: &OwnedFd) {
        if self.watcher.take_loss() {
            self.exceeded(Exceeded::Memory, control); // which is why it ended
        }
        let mut told = [0; 128];
        let _ = rustix::io::read(&self.children, &mut told); // how often does not matter
        while let Some((pid, status)) = processes::reap() {
            // Of others nobody wants to know: code could fill the socket with them.
            if pid == self.program {
                self.tell(control, &Report::Exited { pid, status });
            }
        }
    }

    /// Stops everything where it is; the daemon says what goes on.
    fn exceeded(&mut self, exceeded: Exceeded, control: &OwnedFd) {
        processes::stop_all_but(&BTreeSet::new());
        if exceeded == Exceeded::Disk {
            let _ = remove::empty(&self.temp);
            self.watcher.emptied();
        }
        self.watcher.pause();
        self.tell(control, &Report::Exceeded(exceeded));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        processes::end_all_but(&BTreeSet::new(), |_, _| ());
        if self.own_temp {
            let _ = remove::empty(&self.temp); // what is mounted in it stays
        }
    }
}

/// A descriptor that becomes readable when a child has ended.
fn watch_children() -> io::Result<OwnedFd> {
    // SAFETY: a signal set is plain memory, the calls change only this thread's mask, and the descriptor is new.
    #[expect(unsafe_code, reason = "no safe wrapper for signal masks")]
    unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        let fd = libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(OwnedFd::from_raw_fd(fd))
    }
}
