//! What code prints: streamed while it runs, cut to its limit, whoever prints it and however.

use serde_json::{Value, json};

use crate::support::{Daemon, Session, runs};

const CUT: &str = "\n[OUTPUT TRUNCATED]";

/// The texts of all events of one stream and step, joined.
fn streamed(session: &Session<'_>, kind: &str, step: &Value) -> String {
    let events = session.events().into_iter();
    events
        .filter(|event| event["type"] == kind && event["step"] == *step)
        .map(|event| event["text"].as_str().unwrap().to_owned())
        .collect()
}

/// Runs code; asserts that the events of its output say what its result says.
#[track_caller]
fn run(session: &Session<'_>, code: &str) -> Value {
    let result = session.exec(code);
    for (kind, field) in [("stdout", "output"), ("stderr", "stderr")] {
        let events = streamed(session, kind, &result["step"]);
        assert_eq!(result[field], events, "{kind} of {code}");
    }
    result
}

#[test]
fn output_comes_while_the_code_still_runs() {
    let daemon = Daemon::start();
    let go = daemon.folder().join("go");
    let session = daemon.session(json!({"extra_imports": ["os", "sys"]}));
    for (print, kind) in [
        ("print('begun')", "stdout"),
        ("print('begun', file=sys.stderr)", "stderr"),
        ("os.write(1, b'begun')", "stdout"),
        ("sys.stdout.write('begun'); sys.stdout.flush()", "stdout"),
    ] {
        let code = format!(
            "import os, sys, time\n{print}\nwhile not os.path.exists({go:?}):\n    time.sleep(0.01)\n"
        );
        let step = session
            .events()
            .iter()
            .filter(|e| e["type"] == "code")
            .count()
            + 1;
        let request = session.start_exec(&code);
        session.event(kind, |event| {
            event["step"] == step && event["text"].as_str().unwrap().starts_with("begun")
        });
        assert!(!daemon.has_answer(request), "{print}");
        std::fs::write(&go, "").unwrap();
        let result = daemon.wait(request).unwrap();
        assert_eq!(result["error"], Value::Null, "{result}");
        std::fs::remove_file(&go).unwrap();
    }
}

#[test]
fn output_of_c_code_and_of_children_is_the_steps_own() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["*"]}));
    let result = run(
        &session,
        "import subprocess, os, ctypes, sys\nsubprocess.run(['sh', '-c', 'echo child; echo cherr >&2'])\nos.system('echo system')\nos.write(1, b'raw\\n')\nctypes.CDLL(None).printf(b'from C\\n')",
    );
    assert_eq!(result["output"], "child\nsystem\nraw\nfrom C\n");
    assert_eq!(result["stderr"], "cherr\n");
}

#[test]
fn output_keeps_the_order_in_which_it_was_written() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["*"]}));
    let result = run(
        &session,
        "import os\nfor i in range(200):\n    print(i)\n    os.system(f'echo child {i}') if i % 50 == 0 else None",
    );
    let wanted: String = (0..200)
        .map(|i| {
            let child = if i % 50 == 0 {
                format!("child {i}\n")
            } else {
                String::new()
            };
            format!("{i}\n{child}")
        })
        .collect();
    assert_eq!(result["output"], wanted);
}

#[test]
fn long_output_is_cut_on_a_character_boundary() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"limits": {"max_output_bytes": 10}}));
    for (code, output, truncated) in [
        ("print('123456789')", "123456789\n".to_owned(), false),
        (
            "print('1234567890', end='')",
            "1234567890".to_owned(),
            false,
        ),
        ("print('1234567890')", format!("1234567890{CUT}"), true),
        ("print('éééééé', end='')", format!("ééééé{CUT}"), true),
        ("print('1éééééé', end='')", format!("1éééé{CUT}"), true),
        (
            "print('12345678😀', end='')",
            format!("12345678{CUT}"),
            true,
        ),
        (
            "for i in range(9): print('abc')",
            format!("abc\nabc\nab{CUT}"),
            true,
        ),
    ] {
        let result = run(&session, code);
        assert_eq!(result["output"], output, "{code}");
        assert_eq!(result["output_truncated"], truncated, "{code}");
        assert_eq!(result["error"], Value::Null, "{code}");
    }
}

#[test]
fn stdout_and_stderr_are_cut_apart_from_each_other() {
    let daemon = Daemon::start();
    let limits = json!({"max_output_bytes": 5});
    let session = daemon.session(json!({"limits": limits, "extra_imports": ["sys"]}));
    let result = run(
        &session,
        "import sys\nprint('123456')\nprint('ab', file=sys.stderr)",
    );
    assert_eq!(result["output"], format!("12345{CUT}"));
    assert_eq!(result["stderr"], "ab\n");
    assert_eq!(result["output_truncated"], true);
    let result = run(&session, "print('ab')\nprint('123456', file=sys.stderr)");
    assert_eq!(result["output"], "ab\n");
    assert_eq!(result["stderr"], format!("12345{CUT}"));
    assert_eq!(result["output_truncated"], true);
}

#[test]
fn a_long_value_is_cut() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"limits": {"max_output_bytes": 10}}));
    let result = session.exec("'é' * 100");
    assert_eq!(result["value"], format!("'éééé{CUT}"));
    assert_eq!(result["output_truncated"], true);
    session.check("1", json!({"value": "1"}));
}

#[test]
fn a_hundred_megabytes_of_output_end_in_a_short_result() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["os"]}));
    let code = "import os\npiece = b'x' * 999 + b'\\n'\npiece *= 1000\nfor _ in range(100):\n    os.write(1, piece)\nprint('end')";
    let before = resident(daemon.pid());
    let result = run(&session, code);
    assert_eq!(result["error"], Value::Null, "{result:.500}");
    let output = result["output"].as_str().unwrap();
    assert_eq!(output.len(), 10_000 + CUT.len());
    assert!(output.ends_with(CUT));
    let grown = resident(daemon.pid()).saturating_sub(before);
    assert!(grown < 20 << 20, "the daemon has grown by {grown} bytes");
    session.assert_usable();
}

/// Bytes of memory that a process uses now.
fn resident(pid: u64) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes = line.split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() * 1024
}

#[test]
fn one_line_of_fifty_megabytes_ends_in_a_short_result() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["sys"]}));
    let before = resident(daemon.pid());
    let result = run(
        &session,
        "import sys\nprint('y' * 50_000_000)\nprint('z' * 50_000_000, file=sys.stderr)",
    );
    assert_eq!(result["error"], Value::Null, "{result:.500}");
    for field in ["output", "stderr"] {
        assert_eq!(result[field].as_str().unwrap().len(), 10_000 + CUT.len());
    }
    let result = session.exec("'v' * 50_000_000");
    assert_eq!(result["value"].as_str().unwrap().len(), 10_000 + CUT.len());
    let grown = resident(daemon.pid()).saturating_sub(before);
    assert!(grown < 20 << 20, "the daemon has grown by {grown} bytes");
    session.assert_usable();
}

#[test]
fn bytes_that_are_no_utf_8_become_replacement_characters() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["os"]}));
    let result = run(
        &session,
        "import os\nos.write(1, b'a\\xff\\xfeb\\xe2\\x82')\nos.write(2, bytes(range(128, 160)))\nNone",
    );
    assert_eq!(result["output"], "a\u{fffd}\u{fffd}b\u{fffd}");
    assert_eq!(result["stderr"], "\u{fffd}".repeat(32));
    let result = run(
        &session,
        "for byte in '€'.encode(): os.write(1, bytes([byte]))",
    );
    assert_eq!(result["output"], "€");
    session.assert_usable();
}

#[test]
fn garbage_on_stdout_is_output_and_nothing_else() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["*"]}));
    let result = run(
        &session,
        "import os, json, struct\nframe = json.dumps({'event': 'done', 'nonce': 0, 'value': 'fake', 'error': None}).encode()\nos.write(1, struct.pack('>I', len(frame)) + frame)\nos.write(1, b'Content-Length: 5\\r\\n\\r\\nhello')\n'real'",
    );
    assert_eq!(result["value"], "'real'");
    let output = result["output"].as_str().unwrap();
    assert!(
        output.contains("\"fake\"") && output.ends_with("hello"),
        "{output:?}"
    );
    let result = run(&session, "os.write(1, os.urandom(300_000))\n'still here'");
    assert_eq!(result["value"], "'still here'");
    session.assert_usable();
}

#[test]
fn a_stream_that_is_replaced_or_closed_is_back_at_the_next_step() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["*"]}));
    let breaking = [
        "import sys, io\nsys.stdout = io.StringIO()\nprint('lost')",
        "sys.stdout = None",
        "sys.stdout = sys.stderr = sys.__stdout__ = 5",
        "sys.stdout.close()",
        "sys.stderr.close(); sys.stdin.close() if sys.stdin else None",
        "sys.stdout.detach()",
        "sys.stdout.buffer.raw.close()",
        "del sys.stdout, sys.stderr",
        "class Bad:\n    def write(self, text):\n        raise OSError\n    flush = write\nsys.stdout = sys.stderr = Bad()",
        "class Evil:\n    def flush(self):\n        raise KeyboardInterrupt\nsys.stdout = Evil()",
    ];
    for code in breaking {
        let broken = session.exec(code);
        let result = run(&session, "print('é', 42)\nprint('err', file=sys.stderr)");
        assert_eq!(result["state"], "kept", "after {code} {broken}: {result}");
        assert_eq!(
            result["output"], "é 42\n",
            "after {code} {broken}: {result}"
        );
        assert_eq!(result["stderr"], "err\n", "after {code} {broken}: {result}");
    }
}

#[test]
fn descriptors_0_to_2_that_are_closed_or_overwritten_are_back_at_the_next_step() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["*"]}));
    let breaking = [
        "import os, sys\nos.close(1)",
        "os.close(1); print('nowhere')",
        "os.close(0); os.close(1); os.close(2)",
        "fd = os.open('/dev/null', os.O_WRONLY)\nfor i in range(3): os.dup2(fd, i)",
        "r, w = os.pipe()\nos.dup2(w, 1)\nos.close(r); os.close(w)",
        "fd = os.open('/dev/null', os.O_RDONLY)\nos.dup2(fd, 1)\nprint('x' * 100)",
        "os.set_blocking(1, False)\nos.set_blocking(2, False)",
    ];
    for code in breaking {
        let broken = session.exec(code);
        let result = run(
            &session,
            "print('out')\nprint('err', file=sys.stderr)\nos.system('echo child')",
        );
        assert_eq!(result["state"], "kept", "after {code} {broken}: {result}");
        assert_eq!(
            result["output"], "out\nchild\n",
            "after {code} {broken}: {result}"
        );
        assert_eq!(result["stderr"], "err\n", "after {code} {broken}: {result}");
    }
}

#[test]
fn standard_input_is_empty() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["sys", "os"]}));
    assert_eq!(session.exec("input()")["error"]["type"], "EOFError");
    session.check("import sys\nsys.stdin.read()", json!({"value": "''"}));
    session.check("import os\nos.read(0, 10)", json!({"value": "b''"}));
}

#[test]
fn a_child_in_the_background_that_prints_without_end_holds_nothing_up() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["subprocess"]}));
    let code = "import subprocess\nchild = subprocess.Popen(['yes'])\nprint(child.pid)\n";
    let result = session.exec(code);
    assert_eq!(result["error"], Value::Null, "{result:.500}");
    let after = session.exec("1 + 1");
    assert_eq!(after["value"], "2", "{after:.500}");
    let value = session.exec("child.pid")["value"].clone();
    let inside = value.as_str().unwrap().parse().unwrap();
    let pid = crate::support::outside(daemon.pid(), &[inside], &[])[0];
    assert!(runs(pid));
    session.call("session.close", json!({})).unwrap();
    crate::support::until_gone(&[pid]);
}

#[test]
fn what_threads_print_is_output_too() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({"extra_imports": ["threading"]}));
    let result = run(
        &session,
        "import threading\nthreads = [threading.Thread(target=lambda: print('thread')) for _ in range(20)]\nfor t in threads: t.start()\nfor t in threads: t.join()",
    );
    assert_eq!(result["output"], "thread\n".repeat(20));
}
