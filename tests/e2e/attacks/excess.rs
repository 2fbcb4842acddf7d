//! Code that takes all it can get of memory, processes, threads and disk: a clear end, and a daemon that answers.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Daemon, Session};

/// Runs code that takes too much, while the daemon is asked again and again; the result, and the median time of an
/// answer.
fn run(daemon: &Daemon, session: &Session<'_>, code: &str) -> (Value, Duration) {
    let request = session.start_exec(code);
    let mut times = Vec::new();
    loop {
        let asked = Instant::now();
        daemon.call("ping", json!({})).unwrap();
        times.push(asked.elapsed());
        if daemon.has_answer(request) {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(5)); // leaves the processor to the code
    }
    times.sort();
    (daemon.wait(request).unwrap(), times[times.len() / 2])
}

#[test]
fn bombs_end_in_a_clear_error_while_the_daemon_answers() {
    let daemon = Daemon::start();
    let limits = json!({"timeout_seconds": 20, "max_memory_bytes": 512 << 20});
    for (name, code, said) in [
        (
            "memory of one process",
            "data = bytearray()\nwhile True: data.extend(bytes(1 << 24))",
            "512 MiB of memory",
        ),
        (
            "memory of many",
            "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n        data = bytes(range(256)) * (1 << 20)\n        while True: time.sleep(1)\ntime.sleep(60)",
            "512 MiB of memory",
        ),
        (
            "shared memory",
            "import mmap\nkept = []\nwhile True:\n    kept.append(mmap.mmap(-1, 1 << 26)); kept[-1].write(bytes(1 << 26))",
            "memory",
        ),
        (
            "tables of pages",
            "import mmap, time\nfor _ in range(40):\n    data = mmap.mmap(-1, 20 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, prot=mmap.PROT_READ)\n    data.madvise(mmap.MADV_NOHUGEPAGE)\n    globals().setdefault('kept', []).append(data)\n    for at in range(0, 20 << 30, 1 << 21): data[at]\ntime.sleep(60)",
            "512 MiB of memory",
        ),
        (
            "forks",
            "import os\nwhile True: os.fork()",
            "512 processes and threads",
        ),
        (
            "threads",
            "import threading, time\nthreads = [threading.Thread(target=time.sleep, args=(60,), daemon=True) for _ in range(10**5)]\nfor thread in threads: thread.start()",
            "512 processes and threads",
        ),
    ] {
        let options = json!({"extra_imports": ["*"], "limits": limits});
        let session = daemon.session(options);
        session.exec("before = 1");
        let (result, answered) = run(&daemon, &session, code);
        assert!(
            result["error"].to_string().contains(said),
            "{name}: {result}"
        );
        assert!(answered < Duration::from_millis(50), "{name}: {answered:?}");
        let reset = session.call("session.reset", json!({}));
        assert!(reset.is_ok(), "{name}: {reset:?}");
        session.assert_usable();
        session.call("session.close", json!({})).unwrap();
    }
}

#[test]
fn folders_nested_without_end_go_with_the_session() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["*"]}));
    session.exec("import os\nos.chdir(os.environ['TMPDIR'])\nfor _ in range(30_000):\n    os.mkdir('d'); os.chdir('d')\nos.chmod('.', 0)");
    session.call("session.close", json!({})).unwrap();
    assert_eq!(daemon.call("ping", json!({})), Ok(json!({"pong": true})));
}
