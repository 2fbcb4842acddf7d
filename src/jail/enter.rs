//! From the init to Python: the last steps in a fresh process, in the order in which each still has the right to the
//! next.

use std::convert::Infallible;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::process::{Pid, Signal, set_child_subreaper, set_parent_process_death_signal, setsid};

use super::cgroup::Group;
use super::descriptors;
use super::init::Plan;
use super::layers::Layers;
use super::limits;
use super::messages::{Launch, Sandbox};
use super::syscalls::{self, Rules, Unix};
use super::{files, plots, signals, usage};

/// What a fresh process gets.
pub struct Descriptors {
    /// The channel to the daemon.
    pub channel: OwnedFd,
    /// Standard output.
    pub stdout: OwnedFd,
    /// Standard error.
    pub stderr: OwnedFd,
}

/// A step that failed, and how.
pub type Failure = (&'static str, io::Error);

/// Names what is being done.
pub trait Doing<T> {
    /// The result, with what was being done where it is an error.
    ///
    /// # Errors
    /// When it is one.
    fn doing(self, what: &'static str) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: &'static str) -> Result<T, Failure> {
        self.map_err(|error| (what, error.into()))
    }
}

/// Becomes the program of `launch`. `supervisor` takes the descriptor by which calls are looked at.
///
/// # Errors
/// What could not be done; nothing of the program has run.
pub fn program(
    plan: &Plan<'_>,
    group: Option<&Group>,
    temp: &Path,
    fds: &Descriptors,
    supervisor: impl FnOnce(OwnedFd) -> io::Result<()>,
) -> Result<Infallible, Failure> {
    let Plan { launch, layers, .. } = plan;
    setsid().doing("start a session")?;
    if let Some(group) = group {
        group.enter().doing("enter a control group")?;
    }
    unblock_signals();
    let rules = if layers.landlock > 0 {
        Some(files::rules(launch, layers, temp).doing("write the rules for files")?)
    } else {
        None
    };
    // In namespaces of its own, or as a user of its own, only the session's processes count.
    let others = if layers.namespaces {
        0
    } else {
        usage::tasks_of_user()
    };
    descriptors::arrange(&fds.channel, &fds.stdout, &fds.stderr).doing("arrange descriptors")?;
    limits::gain_nothing().doing("give up privileges")?;
    if let Some(user) = plan.user {
        limits::become_user(user).doing("become an unprivileged user")?;
    }
    limits::bound(&launch.bounds, others).doing("set limits")?;
    limits::unbound_files().doing("set limits")?;
    limits::drop_capabilities().doing("give up capabilities")?;
    set_parent_process_death_signal(Some(Signal::KILL)).doing("follow the daemon")?;
    set_child_subreaper(Some(Pid::INIT)).doing("keep its own children")?;
    std::env::set_current_dir(&launch.cwd).doing("enter the working folder")?;
    if let Some(rules) = rules {
        files::restrict(rules).doing("restrict files")?;
    }
    if let Some(calls) = supervised(launch, layers) {
        supervisor(syscalls::supervise(&calls).doing("supervise calls")?)
            .doing("hand calls over")?;
    }
    limits::bound_files(launch.bounds.files).doing("set limits")?;
    if let Some(filters) = plan.filters {
        syscalls::restrict(filters).doing("restrict system calls")?;
    }
    let error = execute(launch, temp);
    Err(("run the interpreter", error))
}

/// The calls of the code that its init looks at, if there are any.
pub fn supervised(launch: &Launch, layers: &Layers) -> Option<Vec<libc::c_long>> {
    let mut calls = Vec::new();
    if launch.sandbox != Sandbox::Off && layers.supervision {
        calls.push(libc::SYS_connect);
    }
    if layers.supervises_signals() {
        calls.extend(signals::CALLS);
    }
    (!calls.is_empty()).then_some(calls)
}

/// Which system calls the program may make.
pub fn calls(launch: &Launch, layers: &Layers) -> Rules {
    Rules {
        internet: launch.network || layers.network,
        unix: match launch.sandbox {
            Sandbox::Off => Unix::All,
            _ if layers.supervision => Unix::Supervised,
            _ => Unix::Pairs,
        },
        own_processes: layers.namespaces,
        supervised_signals: layers.supervises_signals(),
    }
}

/// Undoes what the init did for itself.
fn unblock_signals() {
    // SAFETY: a signal set is plain memory, and the calls change only this thread's mask.
    #[expect(unsafe_code, reason = "no safe wrapper for signal masks")]
    unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

/// Where programs keep what they can make again: they may not write to the folder of the user's own.
fn caches(temp: &Path) -> OsString {
    let mut variable = OsString::from("XDG_CACHE_HOME=");
    variable.push(temp.join(".cache"));
    variable
}

fn execute(launch: &Launch, temp: &Path) -> io::Error {
    let text = |text: &OsStr| CString::new(text.as_bytes());
    let arguments = std::iter::once(&launch.executable).chain(&launch.arguments);
    let arguments = arguments.map(|argument| text(argument)).collect();
    let variables = launch.environment.iter().map(|(name, value)| {
        let mut variable = name.clone();
        variable.push("=");
        variable.push(value);
        text(&variable)
    });
    let mut folder = OsString::from("TMPDIR=");
    folder.push(temp);
    let mut own = vec![folder];
    if launch.sandbox != Sandbox::Off {
        own.extend([plots::variable(temp), caches(temp)]);
    }
    let named = |name: &str| launch.environment.iter().any(|(other, _)| other == name);
    if !named("USER") && !named("LOGNAME") {
        own.push("LOGNAME=tinycode".into()); // a user of a session's own has no name in the system's list
    }
    let variables = variables.chain(own.iter().map(|variable| text(variable)));
    let variables = variables.collect();
    let all: Result<(Vec<CString>, Vec<CString>, CString), _> = (|| {
        let (arguments, variables): (Result<Vec<_>, _>, Result<Vec<_>, _>) = (arguments, variables);
        Ok::<_, std::ffi::NulError>((arguments?, variables?, text(&launch.executable)?))
    })();
    let (arguments, variables, program) = match all {
        Ok(all) => all,
        Err(error) => return error.into(),
    };
    let pointers = |texts: &[CString]| {
        let texts = texts.iter().map(|text| text.as_ptr());
        texts.chain([std::ptr::null()]).collect::<Vec<_>>()
    };
    // SAFETY: the pointers are to strings that live until the call returns, and both lists end in null.
    #[expect(unsafe_code, reason = "no safe wrapper for this call")]
    unsafe {
        libc::execve(
            program.as_ptr(),
            pointers(&arguments).as_ptr(),
            pointers(&variables).as_ptr(),
        );
    }
    io::Error::last_os_error()
}
