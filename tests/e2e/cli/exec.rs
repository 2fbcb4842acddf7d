//! `tinycode exec`.

use std::fs;

use super::assert_code;
use crate::support::{Ended, Running, tinycode, until};

#[test]
fn exec_prints_what_the_code_prints_and_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let code = "import sys\nprint('out')\nprint('err', file=sys.stderr)\n6 * 7";
    let file = folder.path().join("script.py");
    fs::write(&file, code).unwrap();
    let wanted = Ended {
        code: Some(0),
        stdout: "out\n42\n".to_owned(),
        stderr: "err\n".to_owned(),
    };
    assert_eq!(tinycode(&["exec", file.to_str().unwrap()]).run(), wanted);
    assert_eq!(tinycode(&["exec", "-"]).stdin(code).run(), wanted);
    let ended = tinycode(&["exec", "--import", "math", "-"])
        .stdin(code)
        .run();
    assert_code(&ended, 1);
    assert!(
        ended.stderr.contains("import of 'sys' is not allowed"),
        "{ended:?}"
    );
}

/// Waits until a command has printed this.
#[track_caller]
fn until_printed(running: &Running, text: &str) {
    until(&format!("{text:?} is printed"), || {
        running.stdout().contains(text)
    });
}

#[test]
fn exec_prints_while_the_code_still_runs() {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    let code = "import os, time\nprint('begun')\nwhile not os.path.exists('go'):\n    time.sleep(0.01)\nprint('ended')";
    let cwd = folder.path().to_str().unwrap();
    let running = tinycode(&["exec", "--cwd", cwd, "-"]).stdin(code).start();
    until_printed(&running, "begun\n");
    assert_eq!(running.stdout(), "begun\n");
    fs::write(go, "").unwrap();
    let ended = running.end();
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "begun\nended\n")
    );
}

#[test]
fn exec_shows_a_traceback_with_the_files_own_name_and_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script.py");
    fs::write(&file, "print('before')\ndef f():\n    1 / 0\nf()").unwrap();
    let file = file.to_str().unwrap();
    let ended = tinycode(&["exec", file]).run();
    assert_code(&ended, 1);
    assert_eq!(ended.stdout, "before\n");
    for needle in [
        &format!("File \"{file}\", line 4, in <module>"),
        &format!("File \"{file}\", line 3, in f"),
        "ZeroDivisionError: division by zero\n",
    ] {
        assert!(ended.stderr.contains(needle), "{needle}: {}", ended.stderr);
    }
    let ended = tinycode(&["exec", "-"]).stdin("x = = 1").run();
    assert_code(&ended, 1);
    assert!(
        ended.stderr.contains("File \"<stdin>\", line 1"),
        "{ended:?}"
    );
    assert!(ended.stderr.contains("SyntaxError"), "{ended:?}");
}

#[test]
fn exec_is_stopped_after_its_time() {
    let code = "print('begun')\nwhile True: pass";
    let ended = tinycode(&["exec", "--timeout", "0.3", "-"])
        .stdin(code)
        .run();
    assert_code(&ended, 1);
    assert_eq!(ended.stdout, "begun\n");
    for needle in [
        "TimeoutError: the step took longer than 0.3 s",
        "--timeout SECONDS",
    ] {
        assert!(ended.stderr.contains(needle), "{ended:?}");
    }
}

#[test]
fn a_program_ends_as_it_does_in_python() {
    let folder = tempfile::tempdir().unwrap();
    let code = "import atexit, threading
data = open('data.txt', 'w'); data.write('kept')
atexit.register(lambda: open('end.txt', 'w').write('end'))
begun = threading.Event()
def late():
    begun.wait(); threading.Event().wait(0.3)
    open('late.txt', 'w').write('late'); print('from the thread')
threading.Thread(target=late).start(); begun.set()";
    let cwd = folder.path().to_str().unwrap();
    let ended = tinycode(&["exec", "--cwd", cwd, "-"]).stdin(code).run();
    assert_code(&ended, 0);
    assert_eq!(ended.stdout, "from the thread\n");
    for (file, text) in [
        ("data.txt", "kept"),
        ("end.txt", "end"),
        ("late.txt", "late"),
    ] {
        assert_eq!(fs::read_to_string(folder.path().join(file)).unwrap(), text);
    }
    for pool in ["ThreadPoolExecutor", "ProcessPoolExecutor"] {
        let code = format!(
            "from concurrent.futures import {pool}\npool = {pool}(2)\nprint(pool.submit(abs, -3).result())"
        );
        let ended = tinycode(&["exec", "-"]).stdin(&code).run();
        assert_code(&ended, 0);
        assert_eq!(ended.stdout, "3\n", "{pool}");
    }
    let waits =
        "import threading\nthreading.Thread(target=threading.Event().wait).start()\nprint('begun')";
    let ended = tinycode(&["exec", "--timeout", "0.5", "-"])
        .stdin(waits)
        .run();
    assert_code(&ended, 1);
    assert_eq!(ended.stdout, "begun\n");
    assert!(ended.stderr.starts_with("TimeoutError: "), "{ended:?}");
}

#[test]
fn a_refusal_names_the_option_of_the_command_line() {
    for (arguments, code, said) in [
        (
            &[][..],
            "open('/etc/made', 'w')",
            "; --sandbox off allows more",
        ),
        (
            &["--sandbox", "strict"][..],
            "open('/etc/passwd')",
            "; --sandbox workspace allows more",
        ),
        (
            &["--max-memory-bytes", "600000000"][..],
            "bytearray(10**10)",
            "572.2 MiB of memory; --max-memory-bytes",
        ),
    ] {
        let mut all = vec!["exec", "-"];
        all.extend(arguments);
        let ended = tinycode(&all).stdin(code).run();
        assert_code(&ended, 1);
        assert!(ended.stderr.contains(said), "{ended:?}");
    }
}
