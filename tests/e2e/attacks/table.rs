//! The attacks: what the code does, and in which sandboxes it must not succeed. At most one thing each.

/// What the code tries.
pub struct Attack {
    /// For people.
    pub name: &'static str,
    /// Prints `REACHED` if it got at what it wants.
    pub code: &'static str,
    /// Where it must not.
    pub sandboxes: &'static [&'static str],
}

const ALWAYS: &[&str] = &["strict", "workspace", "off"];
const CONFINED: &[&str] = &["strict", "workspace"];
const STRICT: &[&str] = &["strict"];

const fn attack(
    name: &'static str,
    sandboxes: &'static [&'static str],
    code: &'static str,
) -> Attack {
    Attack {
        name,
        code,
        sandboxes,
    }
}

/// What the attacks have at hand.
pub const HELPERS: &str = r#"
import ctypes, errno, glob, os, signal, socket, struct, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
HOME, DAEMON, PORT, SOCKET, STATE = (KNOWN[k] for k in ("HOME", "DAEMON", "PORT", "SOCKET", "STATE"))
OTHERS = [int(pid) for pid in KNOWN["OTHERS"].split(",") if pid]
def victims():
    return sorted({DAEMON, os.getppid(), *OTHERS})
def reads(path, wanted=None):
    try:
        with open(path, "rb") as file: data = file.read(4096)
    except OSError:
        return
    if wanted is None or wanted.encode() in data: print("REACHED", path, data[:60])
def writes(path):
    try:
        with open(path, "a") as file: file.write("x")
    except OSError:
        return
    print("REACHED", path)
    os.remove(path)
def connects(path, kind=socket.SOCK_STREAM):
    try:
        with socket.socket(socket.AF_UNIX, kind) as s: s.connect(path)
    except OSError:
        return
    print("REACHED", path)
def call(number, *arguments):
    return libc.syscall(number, *arguments)
"#;

/// All of them.
pub const ATTACKS: &[Attack] = &[
    // what there is
    attack(
        "ask by connect whether a hidden file is there",
        CONFINED,
        "def asked(path):\n    with socket.socket(socket.AF_UNIX) as s: return s.connect_ex(path)\nif asked(HOME + '/.ssh/id_ed25519') != asked(HOME + '/.ssh/none'): print('REACHED')",
    ),
    // signals
    attack(
        "kill the parent",
        ALWAYS,
        "try:\n    os.kill(os.getppid(), 9)\n    if os.getppid() != 1: print('REACHED')\nexcept OSError: pass",
    ),
    attack(
        "kill the daemon",
        ALWAYS,
        "for pid in victims():\n    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, 0):\n        try: os.kill(pid, number); print('REACHED', pid, number)\n        except OSError: pass",
    ),
    attack(
        "kill from a forked child",
        ALWAYS,
        "r, w = os.pipe()\nif os.fork() == 0:\n    for pid in victims():\n        try: os.kill(pid, 9); os.write(w, b'REACHED')\n        except OSError: pass\n    os._exit(0)\nos.wait(); os.close(w)\nprint(os.read(r, 100).decode())",
    ),
    attack(
        "kill by a pidfd",
        ALWAYS,
        "for pid in victims():\n    try:\n        fd = os.pidfd_open(pid); signal.pidfd_send_signal(fd, 9); print('REACHED', pid)\n    except OSError: pass",
    ),
    attack(
        "kill a thread",
        ALWAYS,
        "for pid in victims():\n    if call(200, pid, 9) == 0 or call(234, pid, pid, 9) == 0: print('REACHED', pid)",
    ),
    attack(
        "queue a signal",
        ALWAYS,
        "info = ctypes.create_string_buffer(128)\nstruct.pack_into('iii', info, 0, 9, 0, -1)\nfor pid in victims():\n    if call(129, pid, 9, info) == 0 or call(297, pid, pid, 9, info) == 0: print('REACHED', pid)",
    ),
    attack(
        "own a descriptor's signals",
        ALWAYS,
        "import fcntl\na, b = socket.socketpair()\nfor pid in victims():\n    try:\n        fcntl.fcntl(a, fcntl.F_SETOWN, pid); fcntl.fcntl(a, 10, 9); fcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC); b.send(b'x')\n    except OSError: pass",
    ),
    attack(
        "own a socket's signals by a request",
        ALWAYS,
        "import fcntl\na, b = socket.socketpair()\nfor pid in victims():\n    for request in (0x8901, 0x8902):\n        try:\n            fcntl.ioctl(a, request, struct.pack('i', pid)); fcntl.fcntl(a, 10, 9); fcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC); b.send(b'x')\n        except OSError: pass",
    ),
    attack(
        "kill groups",
        ALWAYS,
        "for pid in victims():\n    try:\n        group = os.getpgid(pid)\n        if group != os.getpgrp(): os.killpg(group, 9); print('REACHED', pid)\n    except OSError: pass",
    ),
    // other processes
    attack(
        "read memory by /proc",
        ALWAYS,
        "for pid in victims():\n    for name in ('mem', 'environ', 'maps', 'smaps', 'auxv', 'pagemap', 'syscall', 'stack'):\n        try:\n            fd = os.open(f'/proc/{pid}/{name}', os.O_RDONLY)\n            try:\n                if os.read(fd, 1): print('REACHED', pid, name)\n            finally: os.close(fd)\n        except OSError: pass",
    ),
    attack(
        "list descriptors",
        ALWAYS,
        "for pid in victims():\n    for name in ('fd', 'fdinfo', 'map_files'):\n        try:\n            for entry in os.listdir(f'/proc/{pid}/{name}'): os.readlink(f'/proc/{pid}/fd/{entry}'); print('REACHED', pid, name)\n        except OSError: pass",
    ),
    attack(
        "go through the root of another",
        CONFINED,
        "for pid in victims() + [1]:\n    reads(f'/proc/{pid}/root{HOME}/.netrc', 'secret')\n    reads(f'/proc/{pid}/cwd/../.netrc', 'secret')",
    ),
    attack(
        "process_vm_readv",
        ALWAYS,
        "buffer = ctypes.create_string_buffer(8)\nlocal = struct.pack('PN', ctypes.addressof(buffer), 8)\nremote = struct.pack('PN', id(sys), 8)\nfor pid in victims():\n    if call(310, pid, local, 1, remote, 1, 0) > 0: print('REACHED', pid)",
    ),
    attack(
        "ptrace",
        ALWAYS,
        "for pid in victims():\n    if call(101, 16, pid, 0, 0) == 0 or call(101, 0x4206, pid, 0, 0) == 0: print('REACHED', pid)",
    ),
    attack(
        "take a descriptor",
        ALWAYS,
        "for pid in victims():\n    try: fd = os.pidfd_open(pid)\n    except OSError: continue\n    for number in range(3, 20):\n        if call(438, fd, number, 0) >= 0: print('REACHED', pid, number)",
    ),
    attack(
        "change priorities",
        ALWAYS,
        "for pid in victims():\n    for change in (lambda: os.setpriority(os.PRIO_PROCESS, pid, 19), lambda: os.sched_setaffinity(pid, {0}), lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))):\n        try: change(); print('REACHED', pid)\n        except OSError: pass",
    ),
    attack(
        "change the priority of all of a user",
        ALWAYS,
        "try: os.setpriority(os.PRIO_USER, 0, 1)\nexcept OSError: pass\nelse:\n    if KNOWN['OTHER'] != str(os.getpid()) and victims() and os.getpriority(os.PRIO_PROCESS, victims()[0]) == 1: print('REACHED')",
    ),
    attack(
        "change limits",
        ALWAYS,
        "import resource\nfor pid in victims():\n    try: resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, 3)); print('REACHED', pid)\n    except (OSError, ValueError): pass",
    ),
    attack(
        "have others killed when memory runs out",
        ALWAYS,
        "for pid in victims():\n    writes_to = f'/proc/{pid}/oom_score_adj'\n    try:\n        with open(writes_to, 'w') as file: file.write('1000')\n        print('REACHED', pid)\n    except OSError: pass",
    ),
    // privileges
    attack(
        "be root",
        ALWAYS,
        "for change in (lambda: os.setuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgroups([0])):\n    try:\n        change()\n        if KNOWN['SANDBOX'] != 'x' and open('/proc/self/status').read().count('CapEff:\\t0000000000000000') == 0: print('REACHED')\n    except OSError: pass",
    ),
    attack(
        "capabilities",
        ALWAYS,
        "status = open('/proc/self/status').read()\nfor line in status.splitlines():\n    if line.startswith(('CapEff', 'CapPrm', 'CapInh', 'CapAmb')) and int(line.split()[1], 16): print('REACHED', line)\n    if line.startswith('NoNewPrivs') and line.split()[1] != '1': print('REACHED', line)",
    ),
    attack(
        "a set-user-ID program of its own",
        ALWAYS,
        "open('tool', 'w').write('x')\nfor change in (lambda: os.chmod('tool', 0o4755), lambda: os.fchmod(os.open('tool', os.O_RDONLY), 0o6755), lambda: os.open('tool2', os.O_CREAT | os.O_WRONLY, 0o4755)):\n    try: change(); print('REACHED')\n    except OSError: pass",
    ),
    attack(
        "namespaces",
        ALWAYS,
        "for flags in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x10000000 | 0x00020000):\n    if call(272, flags) == 0 or call(56, flags | 17, 0, 0, 0, 0) == 0: print('REACHED', hex(flags))",
    ),
    attack(
        "mount",
        ALWAYS,
        "if call(165, b'none', b'/mnt', b'tmpfs', 0, None) == 0 or call(161, b'/tmp') == 0 or call(166, b'/proc', 2) == 0: print('REACHED')",
    ),
    attack(
        "new system calls",
        ALWAYS,
        "for number in (425, 321, 298, 323, 250, 248, 304, 303, 175, 246, 169, 435 | 0x40000000, 59 | 0x40000000):\n    if call(number, 0, 0, 0, 0, 0) >= 0: print('REACHED', number)",
    ),
    attack(
        "load a kernel module",
        ALWAYS,
        "if call(313, 0, b'', 0) == 0: print('REACHED')",
    ),
    attack(
        "put characters into a terminal",
        ALWAYS,
        "import fcntl\nfor name in ('/dev/tty', '/dev/tty0', '/dev/console', *glob.glob('/dev/pts/*')):\n    try: fcntl.ioctl(os.open(name, os.O_RDWR), 0x5412, b'x'); print('REACHED', name)\n    except OSError: pass",
    ),
    // memory that cannot be counted
    attack(
        "memory without a process",
        ALWAYS,
        "try:\n    fd = os.memfd_create('x'); os.write(fd, bytes(1 << 20)); print('REACHED')\nexcept OSError: pass\nif call(29, 0, 1 << 20, 0o1600) >= 0 or call(68, 0, 0o1600) >= 0: print('REACHED')",
    ),
    // secrets
    attack(
        "hidden files of the home folder",
        CONFINED,
        "reads(HOME + '/.netrc', 'secret')\nreads(HOME + '/.ssh/id_ed25519', 'secret')\nreads('../.netrc', 'secret')",
    ),
    attack(
        "hidden files by links",
        CONFINED,
        "for make in (os.symlink, os.link):\n    try: make(HOME + '/.netrc', 'link')\n    except OSError: continue\n    reads('link', 'secret'); os.remove('link')",
    ),
    attack(
        "list a hidden folder",
        CONFINED,
        "try:\n    if os.listdir(HOME + '/.ssh'): print('REACHED')\nexcept OSError: pass",
    ),
    attack(
        "move a hidden file",
        CONFINED,
        "try: os.rename(HOME + '/.netrc', 'netrc'); print('REACHED')\nexcept OSError: pass",
    ),
    attack(
        "the key of the daemon",
        ALWAYS,
        "for name in glob.glob('/proc/[0-9]*/environ') + ['/proc/self/environ']: reads(name, 'sk-of-the-daemon')\nif 'sk-of-the-daemon' in str(os.environ): print('REACHED')",
    ),
    attack(
        "passwords",
        CONFINED,
        "for name in ('/etc/shadow', '/etc/gshadow', '/etc/sudoers'): reads(name)",
    ),
    attack(
        "files of the daemon",
        &["strict", "workspace"],
        "for folder, _, names in os.walk(STATE):\n    for name in names: reads(os.path.join(folder, name))",
    ),
    attack(
        "folders of other sessions",
        CONFINED,
        "for pattern in ('/tmp/tinycode-*/session-*/*', os.path.dirname(SOCKET) + '/tmp/*/*'):\n    for name in glob.glob(pattern): print('REACHED', name)",
    ),
    attack(
        "memory that others share",
        CONFINED,
        "for name in os.listdir('/dev/shm') if os.access('/dev/shm', os.R_OK) and KNOWN['SANDBOX'] != 'off' else []:\n    if not name.startswith(('sem.', 'psm_')): print('REACHED', name)",
    ),
    attack(
        "disks",
        ALWAYS,
        "for name in ('/dev/vda', '/dev/sda', '/dev/mem', '/dev/kmem', '/dev/port'): reads(name)",
    ),
    // files
    attack(
        "ordinary files of the user",
        STRICT,
        "reads(HOME + '/notes/diary.txt', 'ordinary')\nreads('/etc/passwd', 'root')\nreads('/etc/hostname')",
    ),
    attack(
        "write outside",
        CONFINED,
        "for name in (HOME + '/made', HOME + '/notes/diary.txt', HOME + '/.bashrc', '/etc/made', '/usr/made', '/var/lib/made', '/opt/made', '/made', '/home/made', '/root/made', '/var/spool/cron/made'):\n    try:\n        with open(name, 'a') as file: file.write('x')\n        print('REACHED', name)\n    except OSError: pass",
    ),
    attack("write the working folder", STRICT, "writes('made')"),
    attack(
        "write what Python runs",
        CONFINED,
        "import sysconfig\nwrites(sysconfig.get_paths()['purelib'] + '/made.py')\nwrites(os.__file__ + '.made')\nwrites(sys.executable + '.made')",
    ),
    attack(
        "change the kernel's settings",
        ALWAYS,
        "for name in ('/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/sys/power/state', '/proc/sys/vm/drop_caches'):\n    try: os.close(os.open(name, os.O_WRONLY)); print('REACHED', name)\n    except OSError: pass",
    ),
    attack(
        "make devices",
        ALWAYS,
        "for kind in (0o020666, 0o060666):\n    try: os.mknod('device', kind, os.makedev(1, 1)); print('REACHED')\n    except OSError: pass",
    ),
    // sockets
    attack(
        "the daemon's socket",
        ALWAYS,
        "try:\n    with socket.socket(socket.AF_UNIX) as s:\n        s.settimeout(5); s.connect(SOCKET)\n        body = b'{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"initialize\", \"params\": {\"capabilities\": {}}}'\n        s.sendall(b'Content-Length: %d\\r\\n\\r\\n' % len(body) + body)\n        if s.recv(1): print('REACHED')\nexcept OSError: pass",
    ),
    attack(
        "sockets in the working folder",
        CONFINED,
        "connects(HOME + '/project/others.sock')\nconnects('others.sock')\nconnects('./././others.sock')",
    ),
    attack(
        "sockets by links",
        CONFINED,
        "name = os.path.join(os.environ['TMPDIR'], 'l')\nfor make in (os.symlink, os.link):\n    try: make(os.path.abspath('others.sock'), name)\n    except OSError: continue\n    connects(name); os.remove(name)",
    ),
    attack(
        "sockets of services",
        CONFINED,
        "for name in ('/var/run/docker.sock', '/run/docker.sock', '/run/dbus/system_bus_socket', '/run/systemd/private', '/tmp/.X11-unix/X0'): connects(name)",
    ),
    attack(
        "datagrams to a socket",
        CONFINED,
        "for make in (lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0]):\n    try: make(); print('REACHED')\n    except OSError: pass",
    ),
    attack(
        "race an address",
        CONFINED,
        "path = os.path.join(os.environ['TMPDIR'], 'own')\nlistener = socket.socket(socket.AF_UNIX); listener.bind(path); listener.listen(100)\nown = struct.pack('H', 1) + path.encode() + b'\\0'\nother = struct.pack('H', 1) + (HOME + '/project/others.sock').encode() + b'\\0'\nbuffer = ctypes.create_string_buffer(max(len(own), len(other)))\nstop = False\ndef flip():\n    while not stop: ctypes.memmove(buffer, own, len(own)); ctypes.memmove(buffer, other, len(other))\nthread = threading.Thread(target=flip); thread.start()\nfor _ in range(300):\n    s = socket.socket(socket.AF_UNIX); s.setblocking(False)\n    if libc.connect(s.fileno(), buffer, len(buffer)) == 0 and s.getpeername() != path: print('REACHED', s.getpeername())\n    s.close()\nstop = True; thread.join(); listener.close(); os.remove(path)",
    ),
    attack(
        "race a descriptor",
        CONFINED,
        "address = struct.pack('H', 1) + (HOME + '/project/others.sock').encode() + b'\\0'\nstop = False\ninet = socket.socket(); unix = socket.socket(socket.AF_UNIX); slot = os.dup(inet.fileno())\ndef flip():\n    while not stop: os.dup2(inet.fileno(), slot); os.dup2(unix.fileno(), slot)\nthread = threading.Thread(target=flip); thread.start()\nfor _ in range(300):\n    libc.connect(slot, address, len(address))\n    try: print('REACHED', unix.getpeername()); break\n    except OSError: pass\nstop = True; thread.join(); os.close(slot)",
    ),
    attack(
        "the network",
        STRICT,
        "for family, address in ((socket.AF_INET, ('127.0.0.1', PORT)), (socket.AF_INET6, ('::ffff:127.0.0.1', PORT))):\n    try:\n        s = socket.socket(family); s.settimeout(2); s.connect(address); print('REACHED')\n    except OSError: pass",
    ),
    attack(
        "other families of sockets",
        ALWAYS,
        "for family in (17, 40, 38, 31, 29, 41, 44, 21):\n    try: socket.socket(family, socket.SOCK_RAW if family == 17 else socket.SOCK_STREAM); print('REACHED', family)\n    except OSError: pass",
    ),
    attack(
        "raw packets",
        ALWAYS,
        "for kind, protocol in ((socket.SOCK_RAW, 1), (socket.SOCK_RAW, 255)):\n    try: socket.socket(socket.AF_INET, kind, protocol); print('REACHED')\n    except OSError: pass",
    ),
];
