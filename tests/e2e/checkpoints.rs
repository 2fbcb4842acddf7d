//! Checkpoints of isolated sessions, which are processes that wait: what becomes of them, and of those
//! that the code starts, whatever it does to them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Daemon, Session, descendants, refused, runs, until, until_gone};

fn session(daemon: &Daemon) -> Session<'_> {
    daemon.session(json!({"extra_imports": ["*"]}))
}

/// The process that runs the code.
fn worker(daemon: &Daemon, session: &Session<'_>) -> u64 {
    session.processes(daemon, "import os\nprint(os.getpid())")[0]
}

/// The processes of a session that has gone back, and on from there.
fn processes_with_copies(daemon: &Daemon, session: &Session<'_>) -> Vec<u64> {
    let checkpoint = session.keep("x = 1");
    session.keep("x = 2");
    session.rewind(&checkpoint);
    session.keep("x = 3");
    let pids = of_sessions(daemon);
    assert!(
        pids.len() >= 6,
        "an init, a worker and its copies: {pids:?}"
    );
    pids
}

/// All processes of sessions: those below the process that starts them.
fn of_sessions(daemon: &Daemon) -> Vec<u64> {
    let starts = |pid: &u64| {
        std::fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name == b"tinycode-spawn\n")
    };
    let spawner = descendants(daemon.pid()).into_iter().find(starts);
    spawner.map(descendants).unwrap_or_default()
}

/// Asserts that what is brought back is what was kept, or else that the session has a fresh Python and
/// says so; in both cases it serves.
#[track_caller]
fn assert_rewinds_or_says_why_not(session: &Session<'_>, checkpoint: &str) {
    let params = json!({"checkpoint": checkpoint});
    match session.call("session.rewind", params) {
        Ok(_) => session.check("x", json!({"value": "1"})),
        Err(error) if error["code"] == -32602 => {}
        error => {
            let (message, _) = refused(error, -32603, "internal");
            assert!(message.contains("checkpoint"), "{message}");
            assert_eq!(session.exec("x")["error"]["type"], "NameError");
        }
    }
    session.assert_usable();
}

#[test]
fn processes_of_the_state_that_is_left_end_with_a_rewind() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let checkpoint = session.keep("import subprocess, os\nx = 1");
    let code = "child = subprocess.Popen(['sleep', '1000'], start_new_session=True)\nprint(os.getpid(), child.pid)";
    let pids = session.processes(&daemon, code);
    assert!(pids.iter().all(|pid| runs(*pid)), "{pids:?}");
    session.rewind(&checkpoint);
    until_gone(&pids);
    session.check("x", json!({"value": "1"}));
}

#[test]
fn closing_a_session_leaves_none_of_its_processes() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    let pids = processes_with_copies(&daemon, &session);
    session.call("session.close", json!({})).unwrap();
    until_gone(&pids);
    assert_eq!(of_sessions(&daemon), [] as [u64; 0]);
}

#[test]
fn a_daemon_that_is_killed_leaves_no_process_that_waits() {
    let mut daemon = Daemon::start();
    let session = session(&daemon);
    let pids = processes_with_copies(&daemon, &session);
    daemon.kill_with(&pids);
}

#[test]
fn a_reset_and_rewinds_do_not_gather_processes() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    for x in 0..15 {
        let checkpoint = session.keep(&format!("x = {x}"));
        session.rewind(&checkpoint);
        session.call("session.reset", json!({})).unwrap();
    }
    until("there are no more than a worker and its copies", || {
        let pids = of_sessions(&daemon);
        pids.iter().filter(|pid| runs(**pid)).count() <= 2 + session.checkpoints().len()
    });
}

#[test]
fn code_that_kills_its_copies_loses_only_what_they_held() {
    let daemon = Daemon::start();
    for signal in ["SIGKILL", "SIGTERM", "SIGINT"] {
        let session = session(&daemon);
        let checkpoint = session.keep("import os, signal\nx = 1");
        // The second is a child of the first worker too, and a sibling once that has been replaced.
        for _ in 0..2 {
            let code = format!(
                "for process in map(int, os.listdir('/proc/') and [p for p in os.listdir('/proc') if p.isdigit()]):\n    try:\n        with open(f'/proc/{{process}}/stat') as file: parent = int(file.read().rsplit(')', 1)[1].split()[1])\n    except OSError: continue\n    if parent == os.getpid(): os.kill(process, signal.{signal})"
            );
            let result = session.exec(&format!("import os, signal\n{code}"));
            assert_eq!(result["error"], Value::Null, "{result}");
            assert_rewinds_or_says_why_not(&session, &checkpoint);
        }
        // Those that are made from now on serve again.
        let checkpoint = session.keep("x = 1");
        session.printed("x = 2");
        session.rewind(&checkpoint);
        session.check("x", json!({"value": "1"}));
        session.call("session.close", json!({})).unwrap();
    }
}

#[test]
fn a_step_that_kills_itself_and_its_copies_ends_in_a_result() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    session.keep("x = 1");
    let code = "import os, signal\nfor process in filter(str.isdigit, os.listdir('/proc')):\n    if process not in ('1', str(os.getpid())): os.kill(int(process), signal.SIGKILL)\nos.kill(os.getpid(), signal.SIGKILL)";
    let result = session.exec(code);
    assert_eq!(result["state"], "lost", "{result}");
    assert_eq!(session.exec("x")["error"]["type"], "NameError");
    session.assert_usable();
}

#[test]
fn copies_that_the_code_calls_itself_do_not_end_the_session() {
    let daemon = Daemon::start();
    let limits = json!({"timeout_seconds": 1.0});
    let session = daemon.session(json!({"extra_imports": ["*"], "limits": limits}));
    session.keep("import os, signal");
    let copies = descendants(daemon.pid());
    let code = format!(
        "for process in {copies:?}:\n    if process != os.getpid(): os.kill(process, signal.SIGUSR1)"
    );
    session.exec(&code);
    // They take what is meant for the worker, which then is ended as one that does not answer.
    let served = (0..5).any(|_| {
        let result = session.exec("6 * 7");
        assert!(
            result["value"] == "42" || result["state"] != "kept",
            "{result}"
        );
        result["value"] == "42"
    });
    assert!(served, "{:?}", session.events().last());
    session.call("session.reset", json!({})).unwrap();
    session.assert_usable();
}

#[test]
fn signals_that_the_code_blocks_or_handles_do_not_keep_a_copy_from_its_call() {
    let daemon = Daemon::start();
    for code in [
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))",
        "signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))",
        "signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
        "signal.set_wakeup_fd(-1)",
        "os.fork = None",
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
    ] {
        let session = session(&daemon);
        let checkpoint = session.keep(&format!("import os, signal\nseen = []\nx = 1\n{code}"));
        session.printed("x = 2");
        session.rewind(&checkpoint);
        session.check("x, seen", json!({"value": "(1, [])"}));
        session.call("session.close", json!({})).unwrap();
    }
    let session = session(&daemon);
    let code =
        "import os, signal\nseen = []\nsignal.signal(signal.SIGUSR1, lambda *_: seen.append(1))";
    let checkpoint = session.keep(code);
    session.rewind(&checkpoint);
    let code = "os.kill(os.getpid(), signal.SIGUSR1)\nseen";
    session.check(code, json!({"value": "[1]"})); // the handler is the code's own again
}

#[test]
fn threads_end_with_the_state_that_is_left_and_hold_nothing_up() {
    let daemon = Daemon::start();
    let session = session(&daemon);
    session.keep("import threading, time\ncount = 0\ndef work():\n    global count\n    while True:\n        count += 1\n        time.sleep(0.001)\nthreads = [threading.Thread(target=work, daemon=True) for _ in range(4)]\nfor thread in threads: thread.start()");
    let checkpoint = session.keep("x = 1");
    session.printed("x = 2\nwhile not count: time.sleep(0.001)");
    session.rewind(&checkpoint);
    session.check("x", json!({"value": "1"}));
    session.check(
        "sum(thread.is_alive() for thread in threads)",
        json!({"value": "0"}),
    );
    let count = session.printed("print(count)");
    let worker = worker(&daemon, &session);
    let threads = std::fs::read_dir(format!("/proc/{worker}/task")).unwrap();
    assert_eq!(threads.count(), 1); // nobody else is there to count
    assert_eq!(session.printed("print(count)"), count);
}

#[test]
fn hooks_at_fork_that_raise_do_not_keep_a_state_from_being_kept() {
    let daemon = Daemon::start();
    for hook in ["before", "after_in_parent", "after_in_child"] {
        let session = session(&daemon);
        session.printed(&format!(
            "import os\nos.register_at_fork({hook}=lambda: 1 / 0)"
        ));
        let checkpoint = session.keep("x = 1");
        session.printed("x = 2");
        session.rewind(&checkpoint);
        assert_eq!(session.exec("x")["value"], "1"); // on stderr Python complains of the hook
        session.call("session.close", json!({})).unwrap();
    }
}

#[test]
fn hooks_at_fork_that_do_not_end_hold_a_session_up_for_a_while_and_no_other() {
    let daemon = Daemon::start();
    let limits = json!({"timeout_seconds": 1.0});
    for hook in ["before", "after_in_parent", "after_in_child"] {
        let session = daemon.session(json!({"extra_imports": ["*"], "limits": limits}));
        let other = daemon.session(json!({}));
        session.printed("x = 1");
        let code = format!(
            "import os\ndef loop():\n    while True: pass\nos.register_at_fork({hook}=loop)"
        );
        let result = session.exec(&code);
        assert_eq!(result["error"], Value::Null, "{result}");
        other.assert_usable();
        let started = Instant::now();
        session.exec("x"); // may be the end of that Python
        assert_rewinds_or_says_why_not(&session, "c1");
        session.call("session.reset", json!({})).unwrap();
        session.assert_usable();
        assert!(started.elapsed() < Duration::from_secs(50), "{hook}");
    }
}

#[test]
fn much_memory_is_kept_a_few_times_only() {
    let daemon = Daemon::start();
    let limits = json!({"max_memory_bytes": 2_u64 << 30});
    let session = daemon.session(json!({"extra_imports": ["*"], "limits": limits}));
    session.printed("data = bytearray(300 << 20)");
    for step in 0..6 {
        // Every page is written to, so that none is shared with what was kept before.
        session.keep(&format!(
            "data[::4096] = bytes([{step}]) * len(data[::4096])\nx = {step}"
        ));
    }
    let kept = session.checkpoints();
    assert!((3..=5).contains(&kept.len()), "some, and not all: {kept:?}");
    assert_eq!(kept[0], "c0");
    until("what is no longer wanted is gone", || {
        let pids = descendants(daemon.pid());
        let used: u64 = pids.into_iter().map(own_memory).sum();
        used < (1 << 30) + (400 << 20)
    });
    session.rewind(&kept[1]);
    let x: u64 = kept[1][1..].parse::<u64>().unwrap() - 2;
    session.check(
        "x, data[0] == data[-4096] == x",
        json!({"value": format!("({x}, True)")}),
    );
}

#[test]
fn a_state_of_nearly_half_the_memory_survives_a_crash() {
    let daemon = Daemon::start();
    let limits = json!({"max_memory_bytes": 800 << 20});
    let session = daemon.session(json!({"extra_imports": ["*"], "limits": limits}));
    session.keep("data = bytearray(b'x') * (350 << 20)");
    let result = session.exec("import os\nos._exit(3)");
    assert_eq!(result["state"], "restored", "{result}");
    session.check("len(data) >> 20", json!({"value": "350"}));
}

/// Bytes of memory that a process has, with its part of what it shares.
fn own_memory(pid: u64) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
    let rollup = rollup.unwrap_or_default(); // it may be gone
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.map_or(0, |number| number.parse::<u64>().unwrap() << 10)
}
