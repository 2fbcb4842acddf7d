"""Process 1 of a session's container: starts the worker, and watches over it.

It connects to the daemon over a unix socket and is handed the worker's own channel and two pipes over
it; where the daemon is too far away for that, a relay carries them. Then it only waits: for orders of the daemon, for the end of the worker, and for the end of the
daemon, which ends the container. As process 1 it cannot be killed or stopped from within, and nobody
else may look into its memory: the code that the worker runs is hostile.
"""

import errno
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time

SOCKET = "/run/tinycode/socket"
WORK = "/work"
PR_SET_DUMPABLE = 4
MAX_FILES = 1024  # that a process has open
LOOKS = 1  # seconds between two looks at what is used while no step runs
OUT_OF_MEMORY = 900  # of 1,000: the worker goes before this process does


def main(bootstrap, data_limit, relay=None):
    # Here, since Podman asks for more rights than it may have once an engine is to set any of them.
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    control, fds, carried = attached() if relay else handed()
    worker = os.fork()
    if worker == 0:
        become_worker(fds, bootstrap, int(data_limit))
    for fd in fds:
        os.close(fd)
    hide()
    carrier = os.fork() if relay else None
    if carrier == 0:
        control.close()
        exec(compile(relay, "<tinycode relay>", "exec"), {"carry": carried})
    for fd in [0, 1, 2, *carried]:
        os.close(fd)
    os.open("/dev/null", os.O_RDWR)  # 0, 1 and 2: nothing written by this process goes to the engine
    os.dup(0), os.dup(0)
    Init(control, worker, carrier).serve()


def handed():
    """The wire to the daemon, and the worker's descriptors: all of them the daemon's."""
    control = socket.socket(socket.AF_UNIX)
    control.connect(SOCKET)
    _, fds, _, _ = socket.recv_fds(control, 1, 3)
    return control, fds, []


def attached():
    """The same where no socket can be shared with the daemon, and the other ends for the relay."""
    control, control_end = socket.socketpair()
    channel, channel_end = socket.socketpair()
    stdout_end, stdout = os.pipe()
    stderr_end, stderr = os.pipe()
    carried = [control_end.detach(), channel_end.detach(), stdout_end, stderr_end]
    return control, [channel.detach(), stdout, stderr], carried


def become_worker(fds, bootstrap, data_limit):
    os.setsid()
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write(str(OUT_OF_MEMORY))
    resource.setrlimit(resource.RLIMIT_DATA, (data_limit, data_limit))
    high = [os.dup(fd) for fd in fds]
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(high[1], 1)
    os.dup2(high[2], 2)
    os.dup2(high[0], 3)
    os.closerange(4, 256)
    try:
        os.chdir(WORK)
    except PermissionError:
        pass  # a folder of the host's: the daemon hears of it, and gives this container up
    exec(compile(bootstrap, "<tinycode bootstrap>", "exec"), {"__builtins__": __builtins__})
    os._exit(0)


def hide():
    """Keeps the processes of the same user out of this one's memory and descriptors."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


class Init:
    """The orders of the daemon and the end of the worker, one after the other."""

    def __init__(self, control, worker, carrier):
        self.control = control
        self.worker = worker
        self.own = {os.getpid(), carrier}
        self.kills = 0
        self.most = None  # seconds of processor time that all may take while no step runs
        self.began = self.rested = 0  # processor time when that began, and what was taken in such times before
        self.children, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # which process 1 does not heed

    def serve(self):
        self.send(dict(facts(), event="hello"))
        ready = select.poll()
        ready.register(self.control, select.POLLIN)
        ready.register(self.children, select.POLLIN)
        self.reap()  # it may have ended before the handler was there
        while True:
            for fd, _ in ready.poll(None if self.most is None else LOOKS * 1000):
                if fd == self.children:
                    os.read(fd, 4096)
                    self.reap()
                else:
                    self.obey(self.receive())
            if self.most is not None and self.rested + processor_time() - self.began >= self.most:
                self.pause()

    def obey(self, order):
        op = order.pop("op")
        if op == "interrupt":
            send(self.worker, signal.SIGINT)
        elif op == "call":
            self.send({"event": "called", "found": self.call(**order)})
        elif op == "drop":
            if order["pid"] not in self.own:
                send(order["pid"], signal.SIGKILL)
        elif op == "rest":
            self.most, self.began = order["seconds"], processor_time()
            self.rested = 0 if order["anew"] else self.rested
        elif op == "resume":
            self.resume()
        elif op == "modules":
            self.send({"event": "missing", "names": missing(**order)})
        elif op == "files":
            self.send({"event": "copied", "error": unpack(Body(self, order["size"]))})
        elif op == "check":
            self.send({"event": "checked", "said": check(**order)})

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.worker:
                self.worker = None
                self.ended(status)

    def pause(self):
        """Stops everything, until it is to go on."""
        self.rested += processor_time() - self.began
        self.most, self.began = None, processor_time()
        stop_all_but(self.own)
        self.send({"event": "paused"})

    def resume(self):
        if self.most is not None:
            self.rested += processor_time() - self.began
            self.most = None
        for pid in processes() - self.own:
            send(pid, signal.SIGCONT)

    def call(self, pid, others):
        """Ends all processes but the copies, and has one of these be the worker."""
        self.worker = pid  # nobody is to hear how the one before ends
        self.resume()
        seen = stop_all_but({pid, *others, *self.own})  # so that nothing new is started meanwhile
        for other in seen:
            send(other, signal.SIGKILL)
        while seen & processes():
            self.reap()
            time.sleep(0.0005)
        self.kills = kills_for_memory()
        return pid not in self.own and send(pid, signal.SIGUSR1)

    def ended(self, status):
        code = os.waitstatus_to_exitcode(status)
        self.send(
            {
                "event": "ended",
                "code": code if code >= 0 else None,
                "signal": -code if code < 0 else None,
                "out_of_memory": kills_for_memory() > self.kills,
            }
        )

    def send(self, message):
        data = json.dumps(message).encode()
        try:
            self.control.sendall(struct.pack(">I", len(data)) + data)
        except OSError:
            os._exit(0)  # the daemon is gone

    def receive(self):
        return json.loads(self.read(*struct.unpack(">I", self.read(4))))

    def read(self, size):
        data = bytearray()
        while len(data) < size:
            try:
                piece = self.control.recv(min(size - len(data), 1 << 20))
            except OSError:
                piece = b""
            if not piece:
                os._exit(0)  # the daemon is gone
            data += piece
        return bytes(data)


def send(pid, number):
    """Sends a signal to a process; says whether there is one."""
    try:
        os.kill(pid or 0x7FFFFFFF, number)
        return True
    except ProcessLookupError:
        return False


def processes():
    """All of the container."""
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}


def stop_all_but(spared):
    """Stops all processes of the container but some, and those that they start meanwhile; returns them."""
    seen = set()
    while True:
        fresh = processes() - spared - seen
        for pid in fresh:
            send(pid, signal.SIGSTOP)
        if not fresh:
            return seen
        seen |= fresh


def processor_time():
    """Seconds that all processes of the container have computed."""
    said = text("/sys/fs/cgroup/cpuacct/cpuacct.usage").strip()
    if said:
        return int(said) / 1e9
    found = [line.split()[1] for line in text("/sys/fs/cgroup/cpu.stat").splitlines() if line.startswith("usage_usec ")]
    return int(found[0]) / 1e6 if found else 0


def facts():
    """What holds for this process, for the daemon to compare with what it asked for."""
    status = dict(line.split(":", 1) for line in text("/proc/self/status").splitlines())
    hexadecimal = [int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")]
    return {
        "python": "%d.%d.%d" % sys.version_info[:3],
        "pid": os.getpid(),
        "uid": os.getuid(),
        "capabilities": any(hexadecimal),
        "new_privileges": status["NoNewPrivs"].strip() != "1",
        "seccomp": status["Seccomp"].strip() == "2" and not may_have(38),  # AF_ALG
        "unix_sockets": may_have(socket.AF_UNIX),
        "read_only": bool(os.statvfs("/").f_flag & os.ST_RDONLY),
        "work": work(),
        "networks": sorted(name for _, name in socket.if_nameindex() if name != "lo"),
        "memory": number("memory/memory.limit_in_bytes", "memory.max"),
        "processes": number("pids/pids.max", "pids.max"),
        "processors": processors(),
        "folders": {path: size(path) for path in {WORK, "/tmp", "/dev/shm", *writable()}},
    }


def may_have(family):
    """Whether a socket of a family can be had, or something other than the daemon's profile refuses it."""
    try:
        socket.socket(family, socket.SOCK_SEQPACKET).close()
        return True
    except OSError as error:
        return error.errno != errno.EPERM


def work():
    """What the working folder is, which may be one of the host's."""
    mounts = [line.split() for line in text("/proc/self/mountinfo").splitlines()]
    here = [mount for mount in mounts if mount[4] == WORK]
    below = any(mount[4].startswith(WORK + "/") for mount in mounts)
    return {
        "read_only": bool(os.statvfs(WORK).f_flag & os.ST_RDONLY),
        # Between the options and the dash stands from where later mounts would come.
        "alone": len(here) == 1 and here[0][6] == "-" and not below,
        "readable": os.access(WORK, os.R_OK | os.X_OK),
        "inode": os.stat(WORK).st_ino,
    }


def text(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def of_group(old, new):
    """A file of the container's control group, whichever version of them the machine has."""
    return text("/sys/fs/cgroup/" + old) or text("/sys/fs/cgroup/" + new)


def number(old, new):
    said = of_group(old, new).strip()
    return int(said) if said.isdigit() else None


def processors():
    quota, period = (of_group("cpu/cpu.cfs_quota_us", "cpu.max").split() + ["0"])[:2]
    if period == "0":
        period = text("/sys/fs/cgroup/cpu/cpu.cfs_period_us").strip() or "0"
    return int(quota) / int(period) if quota.isdigit() and int(period) > 0 else None


def kills_for_memory():
    said = of_group("memory/memory.oom_control", "memory.events")
    found = [line.split()[1] for line in said.splitlines() if line.startswith("oom_kill ")]
    return int(found[0]) if found else 0


def mounts():
    return [line.split() for line in text("/proc/mounts").splitlines()]


def writable():
    """What is mounted and can be written to: engines and images add to what was asked for."""
    folders = [path for _, path, kind, *_ in mounts() if kind != "mqueue" and os.path.isdir(path)]
    return [path for path in folders if os.access(path, os.W_OK)]


def size(path):
    """Bytes of a folder in memory that has a size; None of any other."""
    if not any(mount[1:3] == [path, "tmpfs"] for mount in mounts()):
        return None
    found = os.statvfs(path)
    return found.f_blocks * found.f_frsize


def missing(names):
    import importlib.util

    return [name for name in names if importlib.util.find_spec(name) is None]


class Body:
    """So many bytes from the daemon, as a file."""

    def __init__(self, init, size):
        self.init = init
        self.left = size

    def read(self, size):
        data = self.init.read(min(size, self.left))
        self.left -= len(data)
        return data


def unpack(body):
    """Puts the files of an archive into the working folder; returns what went wrong."""
    import tarfile

    try:
        with tarfile.open(fileobj=body, mode="r|") as archive:
            # The daemon made it; later Pythons would refuse links that lead out of the folder.
            archive.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
            archive.extractall(WORK)
        failed = None
    except Exception as error:
        failed = getattr(error, "strerror", None) or str(error) or type(error).__name__
    while body.left:
        body.read(1 << 20)
    return failed


def check(script, name, source):
    """Has a Python of its own look at a source; returns what it said, or None where it failed."""
    import subprocess

    command = [sys.executable, "-I", "-c", script, name]
    try:
        done = subprocess.run(command, input=source.encode(), capture_output=True, timeout=20)
    except Exception:
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None


main(*sys.argv[1:])
