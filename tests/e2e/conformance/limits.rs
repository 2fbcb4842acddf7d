//! Time, output, memory and steps; and stopping what runs.

use serde_json::{Value, json};

use crate::support::{Daemon, Model, refused};

pub fn a_step_that_takes_too_long_is_stopped_and_the_variables_stay(level: &str) {
    let daemon = Daemon::start();
    let limits = json!({"timeout_seconds": 0.5});
    let session = daemon.session_at(level, json!({"limits": limits}));
    session.exec("kept = 1");
    for code in [
        "print('begun')\nwhile True: pass",
        "print('begun')\nimport time\ntime.sleep(1000)",
        "print('begun')\ntry:\n    while True: pass\nexcept Exception:\n    print('swallowed')",
        "print('begun')\ndef f():\n    while True: pass\nf()",
        "print('begun')\nsum(1 for _ in iter(int, 1))",
        "final_answer(1)\nprint('begun')\nwhile True: pass",
    ] {
        let result = session.exec(code);
        assert_eq!(result["timeout"], true, "{code}: {result}");
        assert_eq!(result["error"]["type"], "TimeoutError", "{code}: {result}");
        assert_eq!(
            (&result["state"], &result["interrupted"]),
            (&json!("kept"), &json!(false)),
            "{code}"
        );
        assert_eq!(
            (&result["output"], &result["is_final"]),
            (&json!("begun\n"), &json!(false)),
            "{code}"
        );
        session.check("kept", json!({"value": "1"}));
    }
}

pub fn an_interrupt_stops_what_runs_and_keeps_the_session(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    assert_eq!(
        session.call("interrupt", json!({})),
        Ok(json!({"interrupted": false}))
    );
    let code = "kept = 1\nprint('on')\ntry:\n    while True: pass\n\
                except Exception:\n    print('swallowed')";
    let result = session.interrupted(code, "on");
    assert_eq!(
        (&result["interrupted"], &result["timeout"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(result["error"]["type"], "KeyboardInterrupt", "{result}");
    assert_eq!(
        (&result["output"], &result["state"]),
        (&json!("on\n"), &json!("kept"))
    );
    session.check("kept", json!({"value": "1"}));
}

pub fn an_interrupt_before_the_code_begins_keeps_the_session(level: &str) {
    let daemon = Daemon::start();
    for checkpoints in [true, false] {
        let session = daemon.session_at(level, json!({"checkpoints": checkpoints}));
        session.exec("kept = 1");
        for _ in 0..10 {
            let running = session.start_exec("while True: pass");
            session.call("interrupt", json!({})).unwrap();
            let result = daemon.wait(running).unwrap();
            assert_eq!(
                (&result["interrupted"], &result["state"]),
                (&json!(true), &json!("kept")),
                "{result}"
            );
        }
        session.check("kept", json!({"value": "1"}));
    }
}

pub fn a_cancelled_exec_answers_that_it_was(level: &str) {
    let daemon = Daemon::start();
    let session = daemon.session_at(level, json!({}));
    let request = session.start_exec("print('on')\nwhile True: pass");
    session.until_printed("on");
    daemon.cancel(request);
    refused(daemon.wait(request), -32800, "cancelled");
    session.assert_usable();
}

pub fn output_is_cut_at_its_limit(level: &str) {
    const CUT: &str = "\n[OUTPUT TRUNCATED]";
    let daemon = Daemon::start();
    let limits = json!({"max_output_bytes": 100});
    let session = daemon.session_at(level, json!({"limits": limits}));
    session.check(
        "print('x' * 99)",
        json!({"output": format!("{}\n", "x".repeat(99))}),
    );
    for (code, kept) in [
        ("print('x' * 1_000)", "x".repeat(100)),
        ("for _ in range(1_000_000): print('y')", "y\n".repeat(50)),
        ("print('a' + 'é' * 1_000)", format!("a{}", "é".repeat(49))),
    ] {
        let result = session.exec(code);
        assert_eq!(result["output"], kept + CUT, "{code}");
        assert_eq!(
            (&result["output_truncated"], &result["error"]),
            (&json!(true), &Value::Null)
        );
    }
    let result = session.exec("'z' * 1_000");
    assert!(result["value"].as_str().unwrap().ends_with(CUT), "{result}");
    session.assert_usable();
}

pub fn too_much_memory_is_an_error_and_the_session_goes_on(level: &str) {
    let daemon = Daemon::start();
    let limits = json!({"max_memory_bytes": 512 << 20});
    let session = daemon.session_at(level, json!({"limits": limits}));
    for code in [
        "x = bytearray(1 << 30)",
        "x = []\nwhile True:\n    x.append('a' * 1_000_000)",
    ] {
        let result = session.exec(code);
        let error = &result["error"];
        let killed = result["state"] != "kept" && error["message"].to_string().contains("memory");
        assert!(error["type"] == "MemoryError" || killed, "{code}: {result}");
        session.exec("x = None");
        session.assert_usable();
    }
}

pub fn a_run_ends_at_its_step_limit(level: &str) {
    let model = Model::new(["nothing", "```python\nprint('two')\n```"]);
    let daemon = Daemon::start();
    let mut options = model.options();
    options["limits"] = json!({"max_steps": 2});
    let session = daemon.session_at(level, options);
    let answer = session.call("run", json!({"task": "t", "max_steps": 50}));
    refused(answer, -31008, "step_limit_reached");
    session.assert_usable();
}
