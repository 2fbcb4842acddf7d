//! Which layers of protection this system has, found by trying each in a real process.

use std::fs;
use std::io;
use std::path::PathBuf;

use landlock::{ABI, Access, AccessFs, LandlockStatus, Ruleset, RulesetAttr, Scope};
use rustix::process::{Pid, WaitOptions, geteuid, getuid, waitpid};
use serde::{Deserialize, Serialize};

use super::limits::User;
use super::messages::Sandbox;
use super::syscalls::{Rules, Unix};
use super::{cgroup, mounts, namespaces, syscalls};

/// The first version of Landlock that keeps signals and abstract sockets apart.
const WITH_SCOPES: i32 = 6;

/// Layers that are not used although the system has them, by name: what tests of other systems ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Without(Vec<String>);

impl Without {
    /// From names with commas between them: `landlock`, `scopes`, `seccomp`, `supervision`, `namespaces`, `network`,
    /// `cgroup`.
    #[must_use]
    pub fn parse(names: &str) -> Self {
        let names = names.split(',').map(str::trim);
        let names = names.filter(|name| !name.is_empty()).map(str::to_owned);
        Self(names.collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|other| other == name)
    }

    /// The names, with commas between them.
    #[must_use]
    pub fn names(&self) -> String {
        self.0.join(",")
    }
}

/// The layers that work here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layers {
    /// Whether the daemon is root, so that the code has to become somebody else.
    pub root: bool,
    /// The version of Landlock; 0 where there is none.
    pub landlock: i32,
    /// Whether Landlock keeps signals and abstract sockets apart.
    pub scopes: bool,
    /// Whether system calls can be filtered.
    pub seccomp: bool,
    /// Whether the init can look at calls of the code: its connections, and its signals where nothing else bounds them.
    pub supervision: bool,
    /// Whether a session has mounts, processes and System V IPC of its own.
    pub namespaces: bool,
    /// Whether that takes a user namespace.
    pub user_namespace: bool,
    /// Whether a session can have a network of its own, with nothing in it.
    pub network: bool,
    /// The control group in which sessions have theirs, where one has been delegated.
    pub cgroup: Option<PathBuf>,
    /// Why there are no namespaces, or no network of its own.
    pub reasons: Vec<String>,
}

impl Layers {
    /// Tries all layers but those of `without`.
    #[must_use]
    pub fn probe(without: &Without) -> Self {
        let mut layers = Self {
            root: geteuid().is_root() || getuid().is_root(),
            ..Self::default()
        };
        if !without.has("cgroup") {
            layers.cgroup = cgroup::delegated();
        }
        if !without.has("landlock") {
            layers.landlock = landlock();
            layers.scopes = layers.landlock >= WITH_SCOPES && !without.has("scopes");
        }
        layers.seccomp = !without.has("seccomp")
            && tried(0, || {
                syscalls::restrict(&syscalls::compile(MOST)?)?;
                Ok(0)
            })
            .is_ok();
        layers.supervision = layers.seccomp
            && !without.has("supervision")
            && tried(0, || {
                rustix::thread::set_no_new_privs(true)?;
                syscalls::supervise(&[libc::SYS_connect]).map(|_| 0)
            })
            .is_ok();
        layers.user_namespace = !layers.root;
        let user = if layers.user_namespace {
            namespaces::USER
        } else {
            0
        };
        let own = namespaces::OWN | user;
        match (
            without.has("namespaces"),
            tried(own, || mounts::probe().map(|()| 0)),
        ) {
            (false, Ok(_)) => layers.namespaces = true,
            (false, Err(why)) => layers.reasons.push(no_namespaces(&why)),
            (true, _) => layers.reasons.push("switched off".to_owned()),
        }
        let network = || {
            tried(own | namespaces::NETWORK, || {
                namespaces::loopback().map(|()| 0)
            })
        };
        if layers.namespaces && !without.has("network") {
            match network() {
                Ok(_) => layers.network = true,
                Err(why) => layers.reasons.push(format!("no network namespace: {why}")),
            }
        }
        layers
    }

    /// Whether signals are kept apart by looking at each: nothing better does.
    #[must_use]
    pub const fn supervises_signals(&self) -> bool {
        self.supervision && !self.scopes && !self.namespaces
    }

    /// Whether signals are kept apart.
    const fn bounds_signals(&self) -> bool {
        self.scopes || self.namespaces || self.supervision
    }

    /// Whether sessions can be had in this sandbox.
    ///
    /// # Errors
    /// What is missing, and what would bring it.
    pub fn check(&self, sandbox: Sandbox) -> Result<(), String> {
        if sandbox != Sandbox::Strict {
            return Ok(());
        }
        if self.landlock == 0 {
            return Err(format!(
                "the sandbox \"strict\" needs Landlock: {NO_LANDLOCK}"
            ));
        }
        if !self.seccomp {
            return Err(format!(
                "the sandbox \"strict\" needs seccomp: {NO_SECCOMP}"
            ));
        }
        if !self.bounds_signals() {
            return Err(format!(
                "the sandbox \"strict\" has to keep signals apart: {NO_SCOPES}"
            ));
        }
        Ok(())
    }

    /// What holds in a sandbox, in words.
    #[must_use]
    pub fn enforced(&self, sandbox: Sandbox) -> Vec<&'static str> {
        let confined = sandbox != Sandbox::Off;
        let all = [
            (self.landlock > 0 && confined, "files"),
            (self.namespaces && confined, "private /tmp and /dev/shm"),
            (self.namespaces, "own processes"),
            (self.bounds_signals(), "signals"),
            (
                self.landlock > 0 || self.namespaces,
                "memory of other processes",
            ),
            (self.seccomp, "system calls"),
            (self.seccomp && confined, "sockets"),
            (self.network || self.seccomp, "network"),
            (true, "no new privileges"),
            (self.root && self.namespaces, "unprivileged user"),
            (self.cgroup.is_some(), "control group"),
        ];
        let held = all.into_iter().filter(|(holds, _)| *holds);
        held.map(|(_, what)| what).collect()
    }

    /// What does not hold in a sandbox, in sentences that say what would bring it.
    #[must_use]
    pub fn missing(&self, sandbox: Sandbox) -> Vec<String> {
        let mut missing = Vec::new();
        if self.landlock == 0 {
            missing.push(format!("files are not protected: {NO_LANDLOCK}"));
        }
        if !self.seccomp {
            missing.push(format!("system calls are not filtered: {NO_SECCOMP}"));
        }
        if !self.namespaces {
            let why = self.reasons.first().map_or("", String::as_str);
            missing.push(format!("other processes can be seen: {why}"));
            if !self.bounds_signals() {
                missing.push(format!(
                    "processes of the same user can be signalled: {NO_SCOPES}"
                ));
            }
            let reached = if sandbox == Sandbox::Off {
                "the daemon's own files can be read and changed"
            } else {
                "/dev/shm is shared with other processes, by names that can be guessed but not listed"
            };
            missing.push(format!("{reached}: {why}"));
            if self.root {
                missing.push(
                    "the code runs as root without capabilities: start the daemon as an ordinary user".to_owned(),
                );
            }
        }
        if sandbox == Sandbox::Off {
            missing.retain(|what| !what.starts_with("files"));
        }
        missing
    }
}

const NO_LANDLOCK: &str =
    "the kernel has no Landlock (Linux 5.13 and newer have it, where `lsm=` lists landlock)";
const NO_SECCOMP: &str = "the kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)";
const NO_SCOPES: &str =
    "Linux 6.12 and newer do, and older ones with user namespaces or seccomp notifications";

/// The widest filter, to try whether there are filters.
const MOST: Rules = Rules {
    internet: true,
    unix: Unix::All,
    own_processes: true,
    supervised_signals: false,
};

fn no_namespaces(why: &io::Error) -> String {
    let setting = |name: &str| {
        let value = fs::read_to_string(format!("/proc/sys/{name}"));
        value.ok().map(|value| value.trim().to_owned())
    };
    let settings = [
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
        ("kernel/unprivileged_userns_clone", "0", "1"),
        ("user/max_user_namespaces", "0", "10000"),
    ];
    let cause = settings
        .iter()
        .find(|(name, refuses, _)| setting(name).as_deref() == Some(refuses));
    match cause {
        Some((name, _, allows)) => {
            let name = name.replace('/', ".");
            format!("user namespaces are not allowed here: `sysctl {name}={allows}` allows them")
        }
        None => format!("namespaces are not allowed here ({why}), as in most containers"),
    }
}

/// The version of Landlock.
fn landlock() -> i32 {
    let restricted = || -> Result<LandlockStatus, landlock::RulesetError> {
        let rules = Ruleset::default()
            .handle_access(AccessFs::from_all(ABI::V1))?
            .scope(Scope::Signal)?
            .create()?;
        Ok(rules.restrict_self()?.landlock)
    };
    let version = tried(0, || match restricted() {
        Ok(LandlockStatus::Available { effective_abi, .. }) => Ok(effective_abi as i32),
        _ => Ok(0),
    });
    version.unwrap_or(0)
}

/// Tries something in a child with these namespaces; returns the number that it gave.
fn tried(own: i32, what: impl FnOnce() -> io::Result<i32>) -> io::Result<i32> {
    let (reader, writer) = rustix::pipe::pipe()?;
    let user = User::current();
    let child = namespaces::fork(own)?;
    if child == 0 {
        let mapped = if own & namespaces::USER == 0 {
            Ok(())
        } else {
            namespaces::map_user(user)
        };
        let number = mapped.and_then(|()| what());
        let number = number.unwrap_or_else(|error| -error.raw_os_error().unwrap_or(libc::ENOTSUP));
        let _ = rustix::io::write(&writer, &number.to_ne_bytes());
        super::init::leave(0);
    }
    drop(writer);
    let mut number = [0; 4];
    let read = rustix::io::read(&reader, &mut number);
    if let Some(pid) = Pid::from_raw(child) {
        let _ = waitpid(Some(pid), WaitOptions::empty());
    }
    match (read, i32::from_ne_bytes(number)) {
        (Ok(4), number @ 0..) => Ok(number),
        (Ok(4), number) => Err(io::Error::from_raw_os_error(-number)),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
