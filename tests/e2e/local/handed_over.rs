//! What the code hands over to the daemon, and the daemon to the code, is no longer in the memory of the session
//! once it has been.

use serde_json::{Value, json};

use super::local;
use crate::support::{Daemon, Session, client_tool, fails, returns};

/// A session with so little memory that what each test hands over would not fit.
fn small(daemon: &Daemon) -> Session<'_> {
    let parameters = json!({"type": "object", "properties": {"text": {"type": "string"}}});
    let limits =
        json!({"max_memory_bytes": 64 << 20, "max_output_bytes": 1_000, "timeout_seconds": 600.0});
    let tools = [client_tool("send", parameters)];
    local(
        daemon,
        json!({"limits": limits, "tools": tools, "extra_imports": ["sys"]}),
    )
}

#[test]
fn what_is_handed_over_takes_no_memory_however_often() {
    let daemon = Daemon::start();
    let session = small(&daemon);
    session.exec("kept = 1");
    for code in [
        "for _ in range(20_000): observe('x' * 2_000)",
        "for _ in range(8_000): store('a', 'é' * 2_000)",
        "for _ in range(20_000): uncertain('x' * 2_000)",
        "import sys\nfor _ in range(400): print('x' * 100_000)",
    ] {
        let result = session.exec(code);
        assert_eq!(
            (&result["error"], &result["state"]),
            (&Value::Null, &json!("kept")),
            "{code}: {result}"
        );
    }
    session.check("kept", json!({"value": "1"}));
}

#[test]
fn calls_of_tools_and_their_answers_take_no_memory_however_often() {
    let daemon = Daemon::start();
    let session = small(&daemon);
    for code in [
        "for _ in range(300): send(text='x' * 100_000)",
        "for _ in range(300): send(text='é' * 50_000)",
    ] {
        let result = session.exec_with(code, |_| returns("y".repeat(100_000)));
        assert_eq!(result["error"], Value::Null, "{code}: {result}");
    }
    let code = "for _ in range(300):\n    try: send(text='x')\n    except ValueError as e: str(e)";
    let result = session.exec_with(code, |_| fails("ValueError", &"y".repeat(100_000)));
    assert_eq!(result["error"], Value::Null, "{result}");
}

#[test]
fn steps_and_what_they_answer_take_no_memory_however_many() {
    let daemon = Daemon::start();
    let session = small(&daemon);
    for number in 0..300 {
        let comment = "c".repeat(50_000);
        let result = session.exec(&format!(
            "final_answer('a' * 100_000)\n{number} # {comment}"
        ));
        assert_eq!(result["error"], Value::Null, "{number}: {result:.500}");
    }
}

#[test]
fn what_is_too_large_to_be_handed_over_is_an_exception() {
    let daemon = Daemon::start();
    let session = small(&daemon);
    session.exec("kept = 1");
    let code = "try: send(text='x' * 12_000_000)\nexcept MemoryError: print('no room')";
    assert_eq!(session.printed(code), "no room\n");
    session.check("kept", json!({"value": "1"}));
}

#[test]
fn bytes_that_are_no_text_are_printed_as_they_are() {
    let daemon = Daemon::start();
    let limits = json!({"max_output_bytes": 10_000_000});
    let session = local(&daemon, json!({"extra_imports": ["sys"], "limits": limits}));
    session.exec("import sys");
    for (code, wanted) in [
        (
            "_ = sys.stdout.buffer.write(b'a\\xff\\xe2\\x82\\xacb')",
            "a\u{fffd}€b".to_owned(),
        ),
        (
            "_ = sys.stdout.buffer.write(memoryview(b'abc'))",
            "abc".to_owned(),
        ),
        (
            "_ = sys.stdout.buffer.write(b'\\xe2'), sys.stdout.buffer.write(b'\\x82\\xac')",
            "€".to_owned(),
        ),
        ("print('€' * 100_000, end='')", "€".repeat(100_000)),
        (
            "print('a' + '€' * 100_000, end='')",
            format!("a{}", "€".repeat(100_000)),
        ),
    ] {
        assert_eq!(session.printed(code), wanted, "{code}");
    }
}

#[test]
fn a_session_that_has_read_files_can_still_go_back() {
    let daemon = Daemon::start();
    let session = local(&daemon, json!({"extra_imports": ["*"]}));
    for code in [
        "1 / 0",
        "import os\nos.write(1, b'x')",
        "import os\nos.write(2, b'x')",
        "import no_such_module",
    ] {
        let before = session.checkpoints();
        session.exec(code);
        assert_ne!(session.checkpoints(), before, "{code}");
    }
}
