//! The system calls that code in a container may make. Pure.
//!
//! A list of what is allowed: what the engine's own default allows to a process without capabilities,
//! less what no Python needs and attackers like: ptrace and its kin, io_uring, keyrings, bpf,
//! perf_event_open, userfaultfd, new namespaces, and sockets of families other than the usual ones.
//! Calls of 32-bit programs are refused, whole.

use serde_json::{Value, json};

/// Allowed whatever their arguments; names that a machine does not have are passed over.
const ALLOWED: &[&str] = &[
    // files
    "access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat \
     faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync \
     fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd \
     getdents getdents64 getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl \
     lchown lgetxattr link linkat listxattr llistxattr lremovexattr lseek lsetxattr lstat mkdir mkdirat \
     mknod mknodat newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read \
     readahead readlink readlinkat readv removexattr rename renameat renameat2 rmdir sendfile setxattr \
     splice stat statfs statx symlink symlinkat sync sync_file_range syncfs tee truncate umask unlink \
     unlinkat utime utimensat utimes vmsplice write writev",
    // asynchronous I/O of the old kind
    "io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit",
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

/// The family of sockets that are found by a path.
const UNIX: u64 = 1;
/// The other families: IPv4, IPv6, and netlink, which the C library asks for addresses.
const FAMILIES: [u64; 3] = [2, 10, 16];
/// What a process may say of its personality: that of Linux, or that it asks for it.
const PERSONALITIES: [u64; 2] = [0, 0xffff_ffff];
/// The flags of `clone` that make namespaces.
const NEW_NAMESPACES: u64 = 0x7e02_0000;
const EPERM: u32 = 1;
/// What the C library takes for a kernel that is too old, and uses `clone` in its place, whose flags
/// can be looked at.
const ENOSYS: u32 = 38;

/// The profile as engines take it, with or without sockets that are found by a path.
#[must_use]
pub fn profile(unix: bool) -> Value {
    let names: Vec<&str> = ALLOWED
        .iter()
        .flat_map(|group| group.split_whitespace())
        .collect();
    let mut rules = vec![json!({"names": names, "action": "SCMP_ACT_ALLOW"})];
    let families = FAMILIES.into_iter().chain(unix.then_some(UNIX));
    rules.extend(families.map(|family| when("socket", &equals(family))));
    rules.extend(PERSONALITIES.map(|persona| when("personality", &equals(persona))));
    let no_namespace =
        json!({"index": 0, "value": NEW_NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"});
    rules.push(when("clone", &no_namespace));
    rules.push(json!({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS}));
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": EPERM,
        "archMap": [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
            {"architecture": "SCMP_ARCH_RISCV64", "subArchitectures": []},
        ],
        "syscalls": rules,
    })
}

fn when(call: &str, argument: &Value) -> Value {
    json!({"names": [call], "action": "SCMP_ACT_ALLOW", "args": [argument]})
}

fn equals(value: u64) -> Value {
    json!({"index": 0, "value": value, "op": "SCMP_CMP_EQ"})
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
