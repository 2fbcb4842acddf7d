//! Which files the code may touch, by Landlock; and, where Linux can, whom it may signal.
//!
//! Landlock knows only what is allowed. Where the session has mounts of its own, what it must not see is not there
//! (`mounts.rs`), and all that is left may be read. Where it has none, each folder above something hidden has its other
//! entries allowed one by one.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, Scope,
};

use super::layers::Layers;
use super::messages::{Launch, Sandbox};
use super::mounts::{exactly, is_hidden, is_of_project};

/// The newest version whose rights are handled.
const NEWEST: ABI = ABI::V8;
/// Devices that everyone may read and write.
const DEVICES: &[&str] = &[
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
];
/// What programs need of the system, beside their own folders.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/alternatives",
    "/etc/mime.types",
    "/etc/fonts",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust",
    "/etc/ca-certificates",
    "/etc/nsswitch.conf",
    "/var/cache/fontconfig",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/kernel/mm/transparent_hugepage",
    "/sys/fs/cgroup",
];
/// Of `/proc`, where processes of others are there too.
const OWN_PROC: &[&str] = &[
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/loadavg",
    "/proc/uptime",
    "/proc/version",
    "/proc/filesystems",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/pid_max",
    "/proc/sys/kernel/ngroups_max",
    "/proc/sys/vm/overcommit_memory",
];

fn read() -> BitFlags<AccessFs> {
    AccessFs::from_read(NEWEST)
}

/// All but to make devices.
fn write() -> BitFlags<AccessFs> {
    AccessFs::from_all(NEWEST) & !(AccessFs::MakeChar | AccessFs::MakeBlock)
}

/// The rules for a program, ready to be applied. Opens what it names, so that it needs the right to.
///
/// # Errors
/// When the system refuses what it says that it can do.
pub fn rules(launch: &Launch, layers: &Layers, temp: &Path) -> io::Result<RulesetCreated> {
    let rules = match launch.sandbox {
        Sandbox::Strict => allowed(launch, layers, temp, true),
        Sandbox::Workspace => allowed(launch, layers, temp, false),
        Sandbox::Off => all_but_processes(layers),
    };
    rules.map_err(io::Error::other)
}

/// Applies rules to this process and those that it starts.
///
/// # Errors
/// When the system does not do so.
pub fn restrict(rules: RulesetCreated) -> io::Result<()> {
    rules.restrict_self().map_err(io::Error::other)?;
    Ok(())
}

type Rules = Result<RulesetCreated, landlock::RulesetError>;

fn ruleset(handled: BitFlags<AccessFs>, layers: &Layers, strict: bool) -> Rules {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(handled)?;
    if layers.scopes {
        ruleset = ruleset.scope(Scope::Signal)?;
        if strict {
            ruleset = ruleset.scope(Scope::AbstractUnixSocket)?;
        }
    }
    ruleset.create()
}

fn allowed(launch: &Launch, layers: &Layers, temp: &Path, strict: bool) -> Rules {
    let mut rules = ruleset(AccessFs::from_all(NEWEST), layers, true)?;
    let own = layers.namespaces;
    if strict {
        for path in SYSTEM {
            rules = allow(rules, path, read())?;
        }
        if own {
            rules = allow(rules, "/proc", read())?;
        }
    } else if own {
        rules = allow(rules, "/", read())?;
    } else {
        rules = all_but(
            rules,
            Path::new("/"),
            &forbidden(launch),
            launch.home.as_deref(),
        )?;
    }
    for path in OWN_PROC.iter().filter(|_| !own) {
        rules = allow(rules, path, read())?;
    }
    for path in &launch.readable {
        if let Ok(there) = exactly(path) {
            let is_folder = path.is_dir();
            rules = add(rules, there, is_folder, read())?;
        }
    }
    for path in DEVICES {
        let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate;
        rules = allow(rules, path, device | AccessFs::IoctlDev)?;
    }
    // Where others have theirs here too, none can be listed: what is in it is found only by who knows its name.
    let shared = if own {
        write()
    } else {
        write() & !AccessFs::ReadDir
    };
    rules = allow(rules, "/dev/shm", shared)?;
    if own {
        for path in ["/dev/pts", "/dev/ptmx"] {
            rules = allow(rules, path, write())?;
        }
        rules = allow(rules, "/var/tmp", write())?;
    }
    // Without mounts that do so, nothing may be moved or linked there from elsewhere: sockets in it may be connected to.
    let temporary = if own {
        write()
    } else {
        write() & !AccessFs::Refer
    };
    rules = allow(rules, temp, temporary)?;
    working_folder(rules, launch, own, if strict { read() } else { write() })
}

fn working_folder(
    mut rules: RulesetCreated,
    launch: &Launch,
    own: bool,
    access: BitFlags<AccessFs>,
) -> Rules {
    let cwd = launch.cwd.as_path();
    if !is_of_project(cwd) {
        return Ok(rules);
    }
    let home = launch.home.as_deref();
    let forbidden = forbidden(launch);
    let mut within = home
        .into_iter()
        .chain(forbidden.iter().map(PathBuf::as_path));
    if own || !within.any(|path| path.starts_with(cwd)) {
        return allow(rules, cwd, access);
    }
    // It may write beside what is hidden, make nothing new there, and see the names of all.
    rules = allow(rules, cwd, AccessFs::ReadDir.into())?;
    entries(rules, cwd, &forbidden, home, access)
}

/// What may not be read where the session has no mounts of its own.
fn forbidden(launch: &Launch) -> Vec<PathBuf> {
    let fixed = [
        "/proc",
        "/dev",
        "/run",
        "/var/run",
        "/tmp",
        "/var/tmp",
        "/etc/shadow",
        "/etc/shadow-",
        "/etc/gshadow",
        "/etc/gshadow-",
        "/etc/sudoers",
        "/etc/sudoers.d",
        "/etc/ssh",
        "/etc/ssl/private",
        "/var/spool",
        "/var/lib/docker",
        "/var/log",
        "/lost+found",
    ];
    let mut forbidden: Vec<PathBuf> = fixed.iter().map(PathBuf::from).collect();
    forbidden.extend(launch.secret.iter().cloned());
    forbidden
}

/// Allows all below `folder` to be read, but for what is forbidden and for what is hidden in `home`.
fn all_but(
    rules: RulesetCreated,
    folder: &Path,
    forbidden: &[PathBuf],
    home: Option<&Path>,
) -> Rules {
    entries(rules, folder, forbidden, home, read())
}

fn entries(
    mut rules: RulesetCreated,
    folder: &Path,
    forbidden: &[PathBuf],
    home: Option<&Path>,
    access: BitFlags<AccessFs>,
) -> Rules {
    let Ok(listed) = fs::read_dir(folder) else {
        return Ok(rules); // what cannot be listed cannot be read either
    };
    for entry in listed.flatten() {
        let path = entry.path();
        let hidden = home == Some(folder) && is_hidden(&entry.file_name());
        let link = entry.file_type().is_ok_and(|kind| kind.is_symlink()); // its target has a rule of its own
        if hidden || link || forbidden.contains(&path) {
            continue;
        }
        let above = |other: &Path| other != path && other.starts_with(&path);
        let parted = forbidden.iter().any(|other| above(other))
            || home.is_some_and(|home| home.starts_with(&path));
        rules = if parted {
            entries(rules, &path, forbidden, home, access)?
        } else {
            allow(rules, &path, access)?
        };
    }
    Ok(rules)
}

/// Everything but to change the kernel, and how other processes are run, which are files too.
fn all_but_processes(layers: &Layers) -> Rules {
    let changes = write() & !read();
    let mut rules = ruleset(changes, layers, false)?;
    let Ok(listed) = fs::read_dir("/") else {
        return Ok(rules);
    };
    for entry in listed.flatten() {
        if entry.file_name() != "proc" && entry.file_name() != "sys" {
            rules = allow(rules, entry.path(), changes)?;
        }
    }
    Ok(rules)
}

/// Allows something, where it is there.
fn allow(rules: RulesetCreated, path: impl AsRef<Path>, access: BitFlags<AccessFs>) -> Rules {
    let Ok(metadata) = fs::metadata(path.as_ref()) else {
        return Ok(rules);
    };
    let Ok(opened) = PathFd::new(path.as_ref()) else {
        return Ok(rules);
    };
    add(rules, opened, metadata.is_dir(), access)
}

fn add(
    rules: RulesetCreated,
    opened: impl AsFd,
    is_folder: bool,
    access: BitFlags<AccessFs>,
) -> Rules {
    let access = if is_folder {
        access
    } else {
        access & AccessFs::from_file(NEWEST)
    };
    rules.add_rule(PathBeneath::new(opened, access))
}
