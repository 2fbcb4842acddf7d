//! `tinycode doctor`, and what `tinycode` says of itself.

use serde_json::{Value, json};

use super::{assert_code, closed};
use crate::support::{KEY, shell_line, tinycode};

#[test]
fn doctor_says_what_works_and_never_the_key() {
    let nobody = closed();
    let doctor = |args: &[&str]| {
        let ended = tinycode(args)
            .env("OPENAI_API_KEY", KEY)
            .env("OPENAI_BASE_URL", &nobody)
            .env("DOCKER_HOST", "unix:///no/engine.sock")
            .run();
        assert_code(&ended, 0);
        assert!(!format!("{ended:?}").contains(&KEY[..12]), "{ended:?}");
        ended.stdout
    };
    let text = doctor(&["doctor"]);
    for line in [
        concat!("tinycode ", env!("CARGO_PKG_VERSION"), "\n"),
        "ok isolated   ",
        "ok local      ",
        "no sandboxed  the Docker engine at unix:///no/engine.sock does not answer",
        "=> start Docker",
        "ok API key    OPENAI_API_KEY is set\n",
        &format!("no model      {nobody} does not answer"),
        "ok state      ",
    ] {
        assert!(text.contains(line), "{line:?} in {text}");
    }
    let found: Value = serde_json::from_str(&doctor(&["doctor", "--json"])).unwrap();
    assert_eq!(found["trust_levels"]["isolated"]["works"], true, "{found}");
    assert_eq!(found["trust_levels"]["local"]["works"], true, "{found}");
    assert_eq!(
        (&found["model"]["api_key_set"], &found["model"]["reachable"]),
        (&json!(true), &json!(false))
    );
    let line = "PATH=/nowhere XDG_CACHE_HOME=$HOME exec \"$TINYCODE\" doctor";
    let ended = shell_line(line)
        .env("OPENAI_BASE_URL", &nobody)
        .env("DOCKER_HOST", "unix:///no/engine.sock")
        .run();
    assert_code(&ended, 4);
    let why = "no local      it has to be built once, for which there is no python3 on PATH\n";
    for line in ["no isolated", why] {
        assert!(ended.stdout.contains(line), "{ended:?}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let version = tinycode(&["--version"]).run();
    let wanted = concat!("tinycode ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!((version.code, version.stdout.as_str()), (Some(0), wanted));
    for (args, says) in [
        (&["--help"][..], &["run", "exec", "doctor", "serve"][..]),
        (
            &["run", "--help"],
            &["--record", "--max-steps", "Exit codes"],
        ),
        (&["exec", "--help"], &["--timeout", "Exit codes"]),
        (&["doctor", "--help"], &["--json"]),
        (&["serve", "--help"], &["--stdio", "--socket", "--ws"]),
    ] {
        let ended = tinycode(args).run();
        assert_code(&ended, 0);
        for needle in says {
            assert!(
                ended.stdout.contains(needle),
                "{needle} in {}",
                ended.stdout
            );
        }
        assert_eq!(ended.stderr, "");
    }
}
