//! Programs as agents write them: each prints what it prints with the machine's own Python.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::local;
use crate::support::Daemon;

#[test]
fn programs_print_what_they_print_with_the_machines_python() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/local/programs");
    let mut programs: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    programs.sort();
    assert!(programs.len() >= 70);
    let daemon = Daemon::start();
    let mut wrong = Vec::new();
    for program in programs {
        let native = Command::new("python3").arg(&program).output().unwrap();
        if !native.status.success() {
            let said = String::from_utf8_lossy(&native.stderr).into_owned();
            wrong.push(format!("{}: python3 fails: {said}", program.display()));
            continue;
        }
        let session = local(&daemon, json!({}));
        let result = session.exec(&fs::read_to_string(&program).unwrap());
        let printed = String::from_utf8(native.stdout).unwrap();
        if result["output"] != printed || result["error"] != Value::Null {
            wrong.push(format!("{}: {result}\nwanted {printed}", program.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn modules_of_the_standard_library_can_be_had_by_name() {
    let daemon = Daemon::start();
    let names = "argparse configparser email.message fnmatch gettext graphlib inspect ipaddress keyword \
        linecache logging mimetypes pathlib pickle platform plistlib queue sched shelve shlex shutil \
        sqlite3 string.templatelib struct sys tempfile threading timeit tomllib traceback types \
        unittest weakref xml.etree.ElementTree zipfile";
    let session = local(&daemon, json!({"extra_imports": ["*"]}));
    for name in names.split_whitespace() {
        session.check(&format!("import {name}"), json!({}));
    }
    let code =
        "import sqlite3\nc = sqlite3.connect(':memory:')\nc.execute('select 6 * 7').fetchone()[0]";
    session.check(code, json!({"value": "42"}));
}

#[test]
fn random_numbers_differ_from_session_to_session() {
    let daemon = Daemon::start();
    let code = "import random, uuid, secrets\n(random.random(), uuid.uuid4(), secrets.token_hex())";
    let numbers = || local(&daemon, json!({})).exec(code)["value"].clone();
    assert_ne!(numbers(), numbers());
}

#[test]
fn clocks_are_real() {
    let daemon = Daemon::start();
    let session = local(&daemon, json!({}));
    let now = session.printed("import time\nprint(time.time())");
    let now: f64 = now.trim().parse().unwrap();
    let ours = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    assert!((now - ours).abs() < 10.0, "{now} {ours}");
    let code =
        "import time\nbegun = time.monotonic()\ntime.sleep(0.05)\ntime.monotonic() - begun >= 0.05";
    session.check(code, json!({"value": "True"}));
}

#[test]
fn an_event_loop_runs_without_sockets() {
    let daemon = Daemon::start();
    let session = local(&daemon, json!({}));
    let code = "import asyncio\nasync def double(n):\n    await asyncio.sleep(0.01 * n)\n    return 2 * n\nasync def main():\n    async with asyncio.timeout(10):\n        return await asyncio.gather(*map(double, range(3)), asyncio.to_thread(sum, [1, 2]))\nasyncio.run(main())";
    session.check(code, json!({"value": "[0, 2, 4, 3]"}));
    session.check("await double(4)", json!({"value": "8"}));
    let code = "async def late():\n    async with asyncio.timeout(0.01):\n        await asyncio.sleep(100)\nawait late()";
    assert_eq!(session.error_of(code)["type"], "TimeoutError");
}
