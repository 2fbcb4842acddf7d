//! What only sandboxed sessions have: containers. What they share with other levels is in `conformance`.

mod attached;
mod endings;
mod engine;
mod escapes;
mod excess;
mod many;
mod mount;
mod options;
mod podman;
mod pool;
mod setup;

use serde_json::{Value, json};

use crate::support::{Daemon, Session};

/// A test that needs a Docker engine, and says so where there is none.
macro_rules! sandboxed {
    ($(fn $name:ident() $body:block)*) => {
        $(
            #[test]
            fn $name() {
                if crate::support::has_level("sandboxed") $body
            }
        )*
    };
}
use sandboxed;

/// A session whose code may import everything.
#[track_caller]
fn open<'a>(daemon: &'a Daemon, mut options: Value) -> Session<'a> {
    options["extra_imports"] = json!(["*"]);
    daemon.session_at("sandboxed", options)
}

/// The error that code ends in, by its class, in a session that is kept.
#[track_caller]
fn raises(session: &Session<'_>, code: &str) -> String {
    let error = session.error_of(code);
    let kind = error["type"].as_str();
    kind.unwrap_or_else(|| panic!("{code} succeeds")).to_owned()
}
