//! `exec`: what comes of running code.

use serde_json::json;

use crate::support::Daemon;

#[test]
fn a_last_bare_expression_is_the_value() {
    let daemon = Daemon::start();
    let session = daemon.session(json!({}));
    session.check("1 + 1", json!({"value": "2"}));
}
