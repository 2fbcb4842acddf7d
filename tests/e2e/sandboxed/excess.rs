//! Code that takes all it can get: it ends in a clear error, and nobody else notices.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{open, sandboxed};
use crate::support::{Daemon, Session};

/// Runs code while others go on; returns what came of it.
#[track_caller]
fn beside_others(daemon: &Daemon, session: &Session<'_>, code: &str) -> Value {
    let other = open(daemon, json!({}));
    let request = session.start_exec(code);
    while !daemon.has_answer(request) {
        let begun = Instant::now();
        assert_eq!(daemon.call("ping", json!({})), Ok(json!({"pong": true})));
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "{code}: {:?}",
            begun.elapsed()
        );
        other.check("6 * 7", json!({"value": "42"}));
    }
    daemon.wait(request).unwrap()
}

sandboxed! {
    fn a_fork_bomb_runs_out_of_processes() {
        let daemon = Daemon::start();
        let session = open(&daemon, json!({"limits": {"timeout_seconds": 10}}));
        let code = "import os, time\nwhile True:\n    if os.fork() == 0:\n        time.sleep(1000)";
        let result = beside_others(&daemon, &session, code);
        assert_eq!(result["error"]["type"], "BlockingIOError", "{result}");
        session.check("1 + 1", json!({"value": "2"}));
        // One that multiplies, and whose parents go on too.
        let result = beside_others(&daemon, &session, "while True:\n    try: os.fork()\n    except OSError: pass");
        assert_eq!(result["timeout"], true, "{result}");
        session.call("session.reset", json!({})).unwrap();
        session.assert_usable();
    }

    fn memory_runs_out_in_a_clear_error() {
        let daemon = Daemon::start();
        let session = open(&daemon, json!({"limits": {"max_memory_bytes": 128 << 20}}));
        let result = beside_others(&daemon, &session, "x = []\nwhile True: x.append('a' * 1_000_000)");
        assert_eq!(result["error"]["type"], "MemoryError", "{result}");
        session.exec("x = None");
        session.assert_usable();
        // Many processes that stay below what one may have.
        let code = "import os, time\nfor _ in range(6):\n    if os.fork() == 0:\n        x = bytearray(10 << 20)\n        \
                    time.sleep(1000)\nx = bytearray(100 << 20)\ntime.sleep(20)";
        let result = beside_others(&daemon, &session, code);
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains("memory"), "{result}");
        assert_eq!(result["state"], "restored");
        session.assert_usable();
    }

    fn disks_of_memory_fill_up_in_a_clear_error() {
        let daemon = Daemon::start();
        let session = open(&daemon, json!({}));
        for path in ["/work", "/tmp", "/dev/shm"] {
            let code = format!("with open('{path}/x', 'wb') as file:\n    while True: file.write(bytes(1 << 20))");
            let result = beside_others(&daemon, &session, &code);
            assert_eq!(result["error"]["message"], "[Errno 28] No space left on device", "{result}");
            session.exec(&format!("import os\nos.remove('{path}/x')"));
        }
        session.assert_usable();
    }

    fn files_that_take_memory_leave_a_session_that_says_so() {
        let daemon = Daemon::start();
        let session = open(&daemon, json!({"limits": {"max_memory_bytes": 64 << 20}}));
        let code = "for path in ('/work/x', '/tmp/x', '/dev/shm/x'):\n    with open(path, 'wb') as file:\n        \
                    try:\n            while True: file.write(bytes(1 << 20))\n        except OSError: pass\n\
                    x = bytearray(40 << 20)";
        let result = beside_others(&daemon, &session, code);
        let said = result["error"].to_string().to_lowercase();
        assert!(said.contains("memory"), "{result}");
        session.call("session.reset", json!({})).unwrap();
        session.assert_usable();
    }
}
