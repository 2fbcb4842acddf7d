//! What a step leaves running, threads and processes: its output is no other step's, and what it takes is bounded.

use serde_json::{Value, json};

use crate::support::{Daemon, Options, Session, has_level, until_gone};

/// A test at each level that has threads and processes.
macro_rules! background {
    ($(fn $name:ident($level:ident) $body:block)*) => {
        $(
            mod $name {
                use super::*;

                fn check($level: &str) $body

                #[test]
                fn isolated() {
                    check("isolated");
                }

                #[test]
                fn sandboxed() {
                    if has_level("sandboxed") {
                        check("sandboxed");
                    }
                }
            }
        )*
    };
}

fn open<'a>(daemon: &'a Daemon, level: &str, limits: Value) -> Session<'a> {
    daemon.session_at(level, json!({"extra_imports": ["*"], "limits": limits}))
}

/// The next output that is no step's.
#[track_caller]
fn background(session: &Session<'_>, stream: &str) -> Value {
    session.event(stream, |event| event["background"] == true)
}

const COUNTING: &str = "import threading\nn = 0\ndef count():\n    global n\n    while True: n += 1\n\
    threading.Thread(target=count, daemon=True).start()";
const GOES_ON: &str = "before = n\nwhile n == before: pass\nprint('goes on')";

/// A session whose thread has been paused.
fn paused<'a>(daemon: &'a Daemon, level: &str) -> Session<'a> {
    let session = open(daemon, level, json!({"background_seconds": 0.1}));
    session.check(COUNTING, json!({"error": null}));
    let said = background(&session, "stderr");
    let text = said["text"].as_str().unwrap();
    assert!(
        text.contains("paused") && text.contains("limits.background_seconds"),
        "{text}"
    );
    session
}

background! {
    fn what_a_thread_prints_between_steps_is_an_event_of_its_own(level) {
        let daemon = Daemon::start();
        let session = open(&daemon, level, json!({}));
        let code = "import threading, sys\nthreading.Timer(0.2, print, ['late']).start()\n\
            threading.Timer(0.2, print, ['wrong'], {'file': sys.stderr}).start()\nprint('own')";
        session.check(code, json!({"output": "own\n"}));
        for (stream, text) in [("stdout", "late\n"), ("stderr", "wrong\n")] {
            let event = background(&session, stream);
            assert_eq!((&event["text"], &event["step"]), (&json!(text), &json!(1)), "{event}");
        }
        session.check("print('next')", json!({"output": "next\n", "stderr": ""}));
    }

    fn what_a_thread_of_an_ended_step_prints_in_the_next_is_not_its_own(level) {
        let daemon = Daemon::start();
        let session = open(&daemon, level, json!({}));
        let code = "import threading\ngo, done = threading.Event(), threading.Event()\ndef late():\n    go.wait()\n    \
            print('late')\n    done.set()\nthreading.Thread(target=late).start()";
        session.check(code, json!({"error": null, "output": ""}));
        session.check("go.set()\ndone.wait()\nprint('own')", json!({"output": "own\n"}));
        let event = background(&session, "stdout");
        assert_eq!((&event["text"], &event["step"]), (&json!("late\n"), &json!(1)), "{event}");
    }

    fn what_threads_of_a_step_print_while_it_runs_is_its_own(level) {
        let daemon = Daemon::start();
        let session = open(&daemon, level, json!({}));
        session.check(COUNTING, json!({"error": null}));
        let code = "t = threading.Thread(target=print, args=['mine'])\nt.start()\nt.join()";
        for _ in 0..20 {
            session.check(code, json!({"output": "mine\n"}));
        }
    }

    fn what_a_thread_logs_over_a_stream_that_it_keeps_is_not_the_next_steps(level) {
        let daemon = Daemon::start();
        let session = open(&daemon, level, json!({}));
        let code = "import logging, threading\nlogging.basicConfig()\ngo, done = threading.Event(), threading.Event()\n\
            def late():\n    go.wait()\n    logging.warning('late')\n    done.set()\n\
            threading.Thread(target=late).start()";
        session.check(code, json!({"error": null, "stderr": ""}));
        let next = "go.set()\ndone.wait()\nlogging.warning('own')";
        session.check(next, json!({"stderr": "WARNING:root:own\n"}));
        assert_eq!(background(&session, "stderr")["text"], "WARNING:root:late\n");
    }

    fn what_threads_of_a_pool_print_is_that_of_the_step_they_work_for(level) {
        let daemon = Daemon::start();
        let session = open(&daemon, level, json!({}));
        let code = "import threading\nfrom concurrent.futures import ThreadPoolExecutor\n\
            from multiprocessing.pool import ThreadPool\nexecutor, pool = ThreadPoolExecutor(2), ThreadPool(2)\n\
            both = lambda text: (list(executor.map(print, [text] * 2)), pool.map(print, [text] * 2)) and None\nboth('x')";
        session.check(code, json!({"output": "x\nx\nx\nx\n"}));
        session.check(COUNTING, json!({"error": null}));
        for _ in 0..5 {
            session.check("both('mine')", json!({"output": "mine\nmine\nmine\nmine\n"}));
        }
    }

    fn what_a_thread_shows_on_a_line_that_goes_on_is_told(level) {
        let daemon = Daemon::start();
        let session = open(&daemon, level, json!({}));
        let code = "import threading\ngo = threading.Event()\ndef late():\n    go.wait()\n    \
            print('\\r50 %', end='', flush=True)\nt = threading.Thread(target=late)\nt.start()";
        session.check(code, json!({"error": null, "output": ""}));
        session.check("go.set()\nt.join()\nprint('own')", json!({"output": "own\n"}));
        assert_eq!(background(&session, "stdout")["text"], "\r50 %");
    }

    fn what_a_process_of_an_ended_step_prints_is_an_event_of_its_own(level) {
        let daemon = Daemon::start();
        let session = open(&daemon, level, json!({}));
        let code = "import subprocess, sys\np = subprocess.Popen([sys.executable, '-c', \
            'import time; time.sleep(0.3); print(\"late\")'])";
        session.check(code, json!({"error": null, "output": ""}));
        assert_eq!(background(&session, "stdout")["text"], "late\n");
        session.check("p.wait()\nprint('own')", json!({"output": "own\n"}));
    }

    fn a_thread_that_prints_without_end_is_cut_and_no_step_has_its_output(level) {
        let daemon = Daemon::start();
        let session = open(&daemon, level, json!({"max_output_bytes": 1_000}));
        let code = "import threading\ndef flood():\n    while True: print('x' * 500)\n\
            threading.Thread(target=flood, daemon=True).start()\nprint('own')";
        let result = session.exec(code);
        assert_eq!(result["error"], Value::Null, "{result}");
        session.event("stdout", |event| {
            let text = event["text"].as_str().unwrap_or_default();
            event["background"] == true && text.ends_with("[OUTPUT TRUNCATED]")
        });
        for _ in 0..5 {
            session.check("print('own')", json!({"output": "own\n", "output_truncated": false}));
        }
    }

    fn what_a_step_leaves_computing_is_paused_until_the_next(level) {
        let daemon = Daemon::start();
        let session = paused(&daemon, level);
        session.check(GOES_ON, json!({"output": "goes on\n"}));
        assert!(background(&session, "stderr")["text"].as_str().unwrap().contains("paused"));
        let told = session.call("variables.get", json!({"name": "before"})).unwrap();
        assert_eq!(told["type"], "int", "{told}");
        session.check(GOES_ON, json!({"output": "goes on\n"}));
    }

    fn a_session_that_is_paused_goes_back_and_ends(level) {
        let daemon = Daemon::start();
        let session = paused(&daemon, level);
        let first = session.checkpoints()[0].clone();
        session.rewind(&first);
        session.check("'n' in globals()", json!({"value": "False"}));
        session.check(COUNTING, json!({"error": null}));
        background(&session, "stderr");
        session.call("session.close", json!({})).unwrap();
    }

    fn a_step_that_leaves_little_running_is_not_paused(level) {
        let daemon = Daemon::start();
        let session = open(&daemon, level, json!({"background_seconds": 60}));
        let code = "import threading, time\nticks = 0\ndef tick():\n    global ticks\n    while True:\n        \
            ticks += 1\n        if ticks == 30: print('thirty')\n        time.sleep(0.01)\n\
            threading.Thread(target=tick, daemon=True).start()";
        session.check(code, json!({"error": null}));
        assert_eq!(background(&session, "stdout")["text"], "thirty\n");
    }
}

#[test]
fn processes_that_are_paused_end_with_their_session() {
    let daemon = Daemon::start();
    let session = open(&daemon, "isolated", json!({"background_seconds": 0}));
    let code = "import os, subprocess, sys\np = subprocess.Popen([sys.executable, '-c', 'while True: pass'])\n\
        print(os.getpid(), p.pid)";
    let pids = session.processes(&daemon, code);
    background(&session, "stderr");
    session.call("session.close", json!({})).unwrap();
    until_gone(&pids);
}

#[test]
fn what_a_step_leaves_computing_is_paused_without_namespaces_too() {
    let daemon = Options::default()
        .env("TINYCODE_SANDBOX_WITHOUT", "namespaces")
        .start();
    let session = paused(&daemon, "isolated");
    session.check(GOES_ON, json!({"output": "goes on\n"}));
}

#[test]
fn seconds_out_of_range_are_refused() {
    let daemon = Daemon::start();
    for seconds in [-1.0, 2e9] {
        let limits = json!({"background_seconds": seconds});
        let answer = daemon.call("session.create", json!({"limits": limits}));
        let (message, _) = crate::support::refused(answer, -32602, "invalid_params");
        assert!(message.contains("limits.background_seconds"), "{message}");
    }
}
