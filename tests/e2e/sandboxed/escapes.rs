//! What code in a sandbox must not be able to do.

use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use serde_json::json;

use super::{open, raises, sandboxed};
use crate::support::{Daemon, Docker, Options};

/// Makes system calls by their numbers, and shows what each came to: 1 is "not permitted".
pub const CALLS: &str = "import ctypes, platform\n\
    libc = ctypes.CDLL(None, use_errno=True)\n\
    def call(*args):\n    return ctypes.get_errno() if libc.syscall(*args) == -1 else 0\n\
    machine = platform.machine()";
/// What the filter refuses, with the numbers of x86-64: new namespaces by `clone`, `unshare` and `setns`;
/// ptrace and its kin; io_uring, keyrings, bpf, perf and userfaultfd.
const REFUSED: &str = "[call(*args) for args in [(56, 0x10000011, 0, 0, 0, 0), (272, 0x10000000), \
    (308, 0, 0), (101, 0, 1, 0, 0), (310, 1, 0, 0, 0, 0, 0), (438, 3, 0, 0), (425, 8, 0), (250, 0, 0), \
    (248, 0, 0, 0, 0, 0), (321, 0, 0, 0), (298, 0, 0, 0, 0, 0), (323, 0), (165, 0, 0, 0, 0, 0), (155, 0, 0)]]";

sandboxed! {
    fn nothing_of_the_host_is_there() {
        let daemon = Options::default().env("TINYCODE_CANARY", "visible").start();
        let canary = daemon.folder().join("canary");
        fs::write(&canary, "secret").unwrap();
        let session = open(&daemon, json!({}));
        let path = canary.to_str().unwrap();
        assert_eq!(raises(&session, &format!("open('{path}')")), "FileNotFoundError");
        // Two are Podman's.
        let names = session.printed("import os\nprint(*sorted(set(os.environ) - {'TERM', 'container'}))");
        let known = "HOME HOSTNAME LANG MPLBACKEND PATH PYTHONDONTWRITEBYTECODE PYTHONUTF8 TMPDIR\n";
        assert_eq!(names, known);
        let processes = "print({open(f'/proc/{name}/comm').read().strip() for name in os.listdir('/proc') if name.isdigit()})";
        assert_eq!(session.printed(processes), "{'python3'}\n");
        assert_eq!(raises(&session, "os.stat('/run/tinycode/socket')"), "FileNotFoundError");
        for socket in ["/var/run/docker.sock", "/run/docker.sock"] {
            assert_eq!(raises(&session, &format!("os.stat('{socket}')")), "FileNotFoundError");
        }
    }

    fn no_network_can_be_reached() {
        let daemon = Daemon::start();
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let session = open(&daemon, json!({}));
        session.exec("import socket");
        for host in ["127.0.0.1", "172.17.0.1", "1.1.1.1"] {
            let connect = format!("socket.create_connection(('{host}', {port}), 5)");
            let refused = raises(&session, &connect);
            assert!(["OSError", "ConnectionRefusedError"].contains(&refused.as_str()), "{refused}");
        }
        assert_eq!(session.printed("print(socket.if_nameindex())"), "[(1, 'lo')]\n");
        // An abstract socket has no file, and belongs to a network.
        let name = format!("tinycode-test-{}", daemon.pid());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let _listener = UnixListener::bind_addr(&address).unwrap();
        let connect = format!("socket.socket(socket.AF_UNIX).connect('\\0{name}')");
        assert_eq!(raises(&session, &connect), "ConnectionRefusedError");
        for family in [38, 40, 17] {
            let socket = format!("socket.socket({family}, socket.SOCK_DGRAM)");
            assert_eq!(raises(&session, &socket), "PermissionError", "{family}");
        }
    }

    fn nothing_can_be_written_but_folders_in_memory() {
        let daemon = Daemon::start();
        let session = open(&daemon, json!({}));
        session.exec("import os");
        for path in ["/x", "/etc/x", "/usr/bin/x", "/run/x", "/run/tinycode/x", "/var/tmp/x"] {
            let kind = raises(&session, &format!("open('{path}', 'w')"));
            assert!(["OSError", "PermissionError", "FileNotFoundError"].contains(&kind.as_str()), "{path}: {kind}");
        }
        for path in ["/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max", "/proc/sys/kernel/core_pattern"] {
            let write = format!("if os.path.exists('{path}'):\n    open('{path}', 'w')\nelse: raise OSError");
            let kind = raises(&session, &write);
            assert!(["OSError", "PermissionError"].contains(&kind.as_str()), "{path}: {kind}");
        }
        for path in ["/work", "/tmp", "/dev/shm"] {
            session.check(&format!("open('{path}/x', 'w').write('x')"), json!({"value": "1"}));
        }
        assert_eq!(session.printed("print(os.getcwd())"), "/work\n");
    }

    fn no_rights_can_be_gained() {
        let daemon = Daemon::start();
        let session = open(&daemon, json!({}));
        session.exec("import os");
        for code in ["os.setuid(0)", "os.setgid(0)", "os.chroot('/tmp')", "os.mknod('/tmp/sda', 0o60600, 2048)"] {
            assert_eq!(raises(&session, code), "PermissionError", "{code}");
        }
        let status = session.printed("print(open('/proc/self/status').read())");
        for line in ["CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "Uid:\t64200"] {
            assert!(status.contains(line), "{line} in {status}");
        }
        session.exec(CALLS);
        if session.printed("print(machine)") == "x86_64\n" {
            session.check(REFUSED, json!({"value": format!("[{}]", ["1"; 14].join(", "))}));
        }
    }

    fn process_1_is_out_of_reach() {
        let daemon = Daemon::start();
        let session = open(&daemon, json!({}));
        session.exec("import os, signal\nbefore = 1");
        for code in ["open('/proc/1/mem', 'r+b')", "open('/proc/1/environ')", "os.listdir('/proc/1/fd')"] {
            assert_eq!(raises(&session, code), "PermissionError", "{code}");
        }
        for signal in ["KILL", "STOP", "INT", "TERM", "CHLD", "HUP"] {
            session.check(&format!("os.kill(1, signal.SIG{signal})"), json!({}));
        }
        // It still does what it is for.
        let request = session.start_exec("print('on')\nwhile True: pass");
        session.until_printed("on");
        session.call("interrupt", json!({})).unwrap();
        assert_eq!(daemon.wait(request).unwrap()["interrupted"], true);
        session.check("before", json!({"value": "1"}));
    }

    fn a_session_sees_nothing_of_another() {
        let daemon = Daemon::start();
        let (one, other) = (open(&daemon, json!({})), open(&daemon, json!({})));
        one.exec("open('/work/mine', 'w').write('x'); open('/tmp/mine', 'w').write('x')");
        assert_eq!(other.printed("import os\nprint(os.listdir('/work'), os.listdir('/tmp'))"), "[] []\n");
        // Process 1, the worker, and the copies of it that were made before this step.
        let processes = "print(len([n for n in os.listdir('/proc') if n.isdigit()]))";
        assert_eq!(other.printed(processes), "4\n");
    }

    fn the_engine_is_told_what_it_has_to_keep_to() {
        let daemon = Daemon::start();
        let session = open(&daemon, json!({"limits": {"max_memory_bytes": 256 << 20}}));
        session.assert_usable();
        let docker = Docker::of(&daemon);
        let container = docker.inspect(&docker.containers()[0]);
        let host = &container["HostConfig"];
        assert_eq!((&host["Memory"], &host["MemorySwap"]), (&json!(256 << 20), &json!(256 << 20)));
        assert_eq!((&host["Privileged"], &host["ReadonlyRootfs"]), (&json!(false), &json!(true)));
        assert_eq!((&host["CapDrop"], &host["NetworkMode"]), (&json!(["ALL"]), &json!("none")));
        assert_eq!((&host["PidsLimit"], &host["NanoCpus"]), (&json!(128), &json!(1_000_000_000)));
        assert!(host["Binds"].is_null(), "{host}");
        let mounts = container["Mounts"].as_array().unwrap();
        assert_eq!((mounts.len(), &mounts[0]["RW"]), (1, &json!(false)));
    }
}
