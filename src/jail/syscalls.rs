//! The system calls that generated code may make, by seccomp.
//!
//! A list of what is allowed: what Docker's default allows to a process without capabilities, less what no Python needs
//! and attackers like: ptrace and its kin, io_uring, asynchronous I/O of the old kind
//! (of which all users share one number), keyrings, bpf, perf_event_open, userfaultfd, new namespaces, and
//! sockets of families other than the usual ones. Calls of 32-bit programs are refused, whole. Containers have the same
//! list (`engine/sandboxed/seccomp.rs`).

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::str::FromStr;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};
use syscalls::Sysno;

/// Allowed whatever their arguments; names that a machine does not have are passed over.
pub const ALLOWED: &[&str] = &[
    // files
    "access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat \
     faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync \
     fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd \
     getdents getdents64 getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl \
     lchown lgetxattr link linkat listxattr llistxattr lremovexattr lseek lsetxattr lstat mkdir mkdirat \
     mknod mknodat newfstatat open openat pread64 preadv preadv2 pwrite64 pwritev pwritev2 read \
     readahead readlink readlinkat readv removexattr rename renameat renameat2 rmdir sendfile setxattr \
     splice stat statfs statx symlink symlinkat sync sync_file_range syncfs tee truncate umask unlink \
     unlinkat utime utimensat utimes vmsplice write writev",
    // memory
    "brk cachestat get_mempolicy madvise map_shadow_stack membarrier memfd_create mincore mlock mlock2 \
     mlockall mmap mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free \
     pkey_mprotect remap_file_pages",
    // processes and threads
    "arch_prctl capget capset execve execveat exit exit_group fork get_robust_list get_thread_area getcpu \
     getegid geteuid getgid getgroups getpgid getpgrp getpid getppid getpriority getresgid getresuid \
     getrlimit getrusage getsid gettid getuid ioprio_get ioprio_set kill pidfd_open pidfd_send_signal \
     prctl prlimit64 process_mrelease restart_syscall riscv_flush_icache rseq sched_get_priority_max \
     sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler \
     sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield \
     seccomp set_robust_list set_thread_area set_tid_address setfsgid setfsuid setgid setgroups setpgid \
     setpriority setregid setresgid setresuid setreuid setrlimit setsid setuid sysinfo tgkill tkill uname \
     vfork wait4 waitid landlock_add_rule landlock_create_ruleset landlock_restrict_self",
    // signals and time
    "alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep pause \
     rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait \
     rt_tgsigqueueinfo setitimer sigaltstack signalfd signalfd4 time timer_create timer_delete \
     timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times",
    // waiting, and talking to each other
    "accept accept4 bind connect epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait \
     eventfd eventfd2 futex futex_requeue futex_wait futex_waitv futex_wake getpeername getrandom \
     getsockname getsockopt listen mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink \
     msgctl msgget msgrcv msgsnd pipe pipe2 poll ppoll pselect6 recvfrom recvmmsg recvmsg select semctl \
     semget semop semtimedop sendmmsg sendmsg sendto setsockopt shmat shmctl shmdt shmget shutdown \
     socketpair",
];

/// What a process may say of its personality: that of Linux, or that it asks for it.
pub const PERSONALITIES: [u64; 2] = [0, 0xffff_ffff];
/// The flags of `clone` that make namespaces.
pub const NEW_NAMESPACES: u64 = 0x7e02_0000;
/// The families of sockets beside Unix: IPv4, IPv6, and netlink, which the C library asks for addresses.
pub const FAMILIES: [u64; 3] = [INET, INET6, NETLINK];
/// Sockets that are found by a path, and pairs of sockets.
pub const UNIX: u64 = libc::AF_UNIX as u64;

const INET: u64 = libc::AF_INET as u64;
const INET6: u64 = libc::AF_INET6 as u64;
const NETLINK: u64 = libc::AF_NETLINK as u64;
/// The bits of a socket's type that are no flags.
const KIND: u64 = 0xf;
/// The kinds of Unix sockets that have to be connected before anything can be sent: a connection can be looked at.
const CONNECTED: [u64; 2] = [libc::SOCK_STREAM as u64, libc::SOCK_SEQPACKET as u64];
/// Requests that put characters into the input of a terminal.
const TERMINAL_INPUT: [u64; 2] = [libc::TIOCSTI, libc::TIOCLINUX];
/// Requests that name a process which is to be sent a signal when a file is ready, of `ioctl` and of `fcntl`.
const OWNER_REQUESTS: [u64; 2] = [0x8901, 0x8902];
const OWNER_COMMANDS: [u64; 2] = [libc::F_SETOWN as u64, 15];
/// Calls for memory that no process has to have mapped, so that nobody could count it, and that processes of the same
/// user may share. A container has a control group that counts it.
const UNCOUNTED: &[&str] = &[
    "memfd_create",
    "msgctl",
    "msgget",
    "msgrcv",
    "msgsnd",
    "semctl",
    "semget",
    "semop",
    "semtimedop",
    "shmat",
    "shmctl",
    "shmdt",
    "shmget",
    "mq_open",
    "mq_unlink",
];
/// Calls that change how a process is run, and which argument names the process; 0 is the caller itself.
const OF_PROCESS: &[(&str, u8)] = &[
    ("sched_setaffinity", 0),
    ("sched_setattr", 0),
    ("sched_setparam", 0),
    ("sched_setscheduler", 0),
];
/// The same, for one process or for many: which kind names one process.
const OF_MANY: &[(&str, u64)] = &[("setpriority", 0), ("ioprio_set", 1)];
/// Calls that give a file its mode, and which argument it is.
const MODES: &[(&str, u8)] = &[
    ("chmod", 1),
    ("fchmod", 1),
    ("fchmodat", 2),
    ("fchmodat2", 2),
    ("mknod", 1),
    ("mknodat", 2),
    ("creat", 1),
    ("mkdir", 1),
    ("mkdirat", 2),
];
/// Calls that may make a file: which argument has the flags; the mode follows it.
const OPENS: &[(&str, u8)] = &[("open", 1), ("openat", 2)];
/// The bits of a mode that give a program the rights of its owner or group.
const SET_ID: u64 = 0o6000;

/// What a filter has to allow or refuse beside the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rules {
    /// Whether sockets of the internet may be made: there is a network, or one of the session's own.
    pub internet: bool,
    /// Which Unix sockets may be made.
    pub unix: Unix,
    /// Whether the session sees only its own processes, and shares no memory with others.
    pub own_processes: bool,
    /// Whether the calls that send signals are looked at, so that no other way to send them may be left.
    pub supervised_signals: bool,
}

/// Which Unix sockets may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unix {
    /// All.
    All,
    /// Those that are connected before anything is sent; connections are made by the init.
    Supervised,
    /// Only connected pairs.
    Pairs,
}

/// Filters that have been compiled.
pub type Filters = [BpfProgram; 2];

/// Compiles the filters of a session, which takes longer than to start one.
///
/// # Errors
/// When there are none for this processor.
pub fn compile(rules: Rules) -> io::Result<Filters> {
    Ok([allowed(rules)?, too_new()?])
}

/// Refuses this process and those that it starts all calls but those allowed.
///
/// # Errors
/// When the system has no seccomp.
pub fn restrict(filters: &Filters) -> io::Result<()> {
    for filter in filters {
        seccompiler::apply_filter(filter).map_err(io::Error::other)?;
    }
    Ok(())
}

/// Has some calls of this process and those that it starts looked at by whoever holds the descriptor that it returns.
///
/// # Errors
/// When the system cannot: before Linux 5.5.
pub fn supervise(calls: &[libc::c_long]) -> io::Result<OwnedFd> {
    let left = |at: usize| u8::try_from(calls.len() - at).map_err(io::Error::other);
    let result = libc::BPF_RET | libc::BPF_K;
    let mut filter = vec![instruction(
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        0,
        0,
        0,
    )];
    for (at, call) in calls.iter().enumerate() {
        // To the last instruction, past the others and the one that lets all else through.
        let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        filter.push(instruction(equal, left(at)?, 0, *call as u32));
    }
    filter.push(instruction(result, 0, 0, libc::SECCOMP_RET_ALLOW));
    filter.push(instruction(result, 0, 0, libc::SECCOMP_RET_USER_NOTIF));
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(io::Error::other)?,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: the call reads the program, which lives until it returns.
    #[expect(unsafe_code, reason = "no library offers supervised calls")]
    let listener = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    match i32::try_from(listener) {
        // SAFETY: the call has just made this descriptor for us.
        #[expect(unsafe_code, reason = "the descriptor comes as a number")]
        Ok(listener) if listener >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(listener) }),
        _ => Err(io::Error::last_os_error()),
    }
}

fn instruction(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}

fn allowed(rules: Rules) -> io::Result<BpfProgram> {
    let mut table: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let names = ALLOWED.iter().flat_map(|group| group.split_whitespace());
    for name in names {
        if let Some(number) = number(name).filter(|_| !UNCOUNTED.contains(&name)) {
            table.insert(number, Vec::new());
        }
    }
    let mut add = |name: &str, alternatives: Vec<Vec<SeccompCondition>>| -> io::Result<()> {
        let alternatives = alternatives.into_iter().map(SeccompRule::new);
        let alternatives = alternatives.collect::<Result<Vec<_>, _>>();
        if let Some(number) = number(name) {
            table.insert(number, alternatives.map_err(io::Error::other)?);
        }
        Ok(())
    };
    add(
        "clone3",
        vec![vec![is(0, 0, true)?], vec![is(0, 0, false)?]],
    )?; // `too_new` says more
    let namespaces = condition(0, SeccompCmpOp::MaskedEq(NEW_NAMESPACES), 0)?;
    add("clone", vec![vec![namespaces]])?;
    let personas = PERSONALITIES.map(|persona| Ok(vec![is(0, persona, true)?]));
    add(
        "personality",
        personas.into_iter().collect::<io::Result<_>>()?,
    )?;
    let mut requests = TERMINAL_INPUT.to_vec();
    if rules.supervised_signals {
        requests.extend(OWNER_REQUESTS);
        let owners = OWNER_COMMANDS.map(|command| is(1, command, false));
        add(
            "fcntl",
            vec![owners.into_iter().collect::<io::Result<_>>()?],
        )?;
        add(
            "pidfd_send_signal",
            vec![vec![is(0, 0, true)?, is(0, 0, false)?]],
        )?;
    }
    let requests = requests.iter().map(|request| is(1, *request, false));
    add("ioctl", vec![requests.collect::<io::Result<_>>()?])?;
    let mut sockets = vec![vec![is(0, NETLINK, true)?, is(2, 0, true)?]];
    if rules.internet {
        sockets.extend([vec![is(0, INET, true)?], vec![is(0, INET6, true)?]]);
    }
    let of_unix = |kind: u64| -> io::Result<_> {
        let kind = condition(1, SeccompCmpOp::MaskedEq(KIND), kind)?;
        Ok(vec![is(0, UNIX, true)?, kind])
    };
    let connected = || {
        CONNECTED
            .map(of_unix)
            .into_iter()
            .collect::<io::Result<Vec<_>>>()
    };
    match rules.unix {
        Unix::All => sockets.push(vec![is(0, UNIX, true)?]),
        Unix::Supervised => sockets.extend(connected()?),
        Unix::Pairs => {}
    }
    add("socket", sockets)?;
    if rules.unix != Unix::All {
        add("socketpair", connected()?)?;
    }
    let harmless = |argument: u8| condition(argument, SeccompCmpOp::MaskedEq(SET_ID), 0);
    for (name, mode) in MODES {
        add(name, vec![vec![harmless(*mode)?]])?;
    }
    for (name, flags) in OPENS {
        let opens = condition(*flags, SeccompCmpOp::MaskedEq(libc::O_CREAT as u64), 0)?;
        let makes = vec![harmless(*flags + 1)?];
        // What the file system makes without a name needs a mode too.
        let unnamed = (libc::O_TMPFILE & !libc::O_DIRECTORY) as u64;
        let named = condition(*flags, SeccompCmpOp::MaskedEq(unnamed), 0)?;
        add(name, vec![vec![opens, named], makes])?;
    }
    // Limits of others may be read: the init of an ordinary user's session is the same user's.
    let no_pointer = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0);
    let reads = vec![no_pointer.map_err(io::Error::other)?];
    add("prlimit64", vec![vec![is(0, 0, true)?], reads])?;
    if !rules.own_processes {
        for (name, argument) in OF_PROCESS {
            add(name, vec![vec![is(*argument, 0, true)?]])?;
        }
        for (name, one) in OF_MANY {
            add(name, vec![vec![is(0, *one, true)?, is(1, 0, true)?]])?;
        }
    }
    program(
        table,
        SeccompAction::Errno(libc::EPERM as u32),
        SeccompAction::Allow,
    )
}

/// Has the C library take `clone3` for a call that the kernel does not know, and use `clone`, whose flags can be
/// looked at.
fn too_new() -> io::Result<BpfProgram> {
    let table = number("clone3").map(|number| (number, Vec::new()));
    let refused = SeccompAction::Errno(libc::ENOSYS as u32);
    program(table.into_iter().collect(), SeccompAction::Allow, refused)
}

fn program(
    table: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> io::Result<BpfProgram> {
    let processor = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    let filter = SeccompFilter::new(table, otherwise, matched, processor);
    filter
        .and_then(BpfProgram::try_from)
        .map_err(io::Error::other)
}

fn is(argument: u8, value: u64, equal: bool) -> io::Result<SeccompCondition> {
    let operator = if equal {
        SeccompCmpOp::Eq
    } else {
        SeccompCmpOp::Ne
    };
    condition(argument, operator, value)
}

/// What is compared are the lower 32 bits, which is all that these arguments have.
fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> io::Result<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
        .map_err(io::Error::other)
}

/// The number of a call, where this processor has it.
fn number(name: &str) -> Option<i64> {
    Sysno::from_str(name).ok().map(|call| i64::from(call.id()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_attackers_like_is_not_on_the_list_and_nothing_is_on_it_twice() {
        let all: Vec<&str> = ALLOWED
            .iter()
            .flat_map(|group| group.split_whitespace())
            .collect();
        let once: BTreeSet<&str> = all.iter().copied().collect();
        assert_eq!(all.len(), once.len());
        for call in [
            "ptrace",
            "process_vm_readv",
            "process_vm_writev",
            "process_madvise",
            "pidfd_getfd",
            "kcmp",
            "io_uring_setup",
            "io_uring_enter",
            "io_uring_register",
            "add_key",
            "keyctl",
            "request_key",
            "bpf",
            "perf_event_open",
            "userfaultfd",
            "unshare",
            "setns",
            "mount",
            "umount2",
            "pivot_root",
            "chroot",
            "fsopen",
            "open_tree",
            "move_mount",
            "mount_setattr",
            "open_by_handle_at",
            "name_to_handle_at",
            "init_module",
            "finit_module",
            "kexec_load",
            "reboot",
            "swapon",
            "syslog",
            "socket",
            "clone",
            "clone3",
            "personality",
            "iopl",
            "ioperm",
            "modify_ldt",
            "acct",
            "quotactl",
            "fanotify_init",
            "memfd_secret",
            "lookup_dcookie",
            "settimeofday",
            "clock_settime",
            "nfsservctl",
            "vhangup",
            "socketcall",
            "ipc",
        ] {
            assert!(!once.contains(call), "{call}");
        }
    }
}
