//! Many local sessions at once.

use serde_json::json;

use super::local;
use crate::support::Daemon;

#[test]
fn sessions_compute_side_by_side_and_none_notices_another() {
    let daemon = Daemon::start();
    let options = json!({"limits": {"timeout_seconds": 60.0}});
    let sessions: Vec<_> = (0..40).map(|_| local(&daemon, options.clone())).collect();
    let code = |n: usize| format!("total = sum(i * {n} for i in range(100_000))\ntotal");
    let requests = sessions
        .iter()
        .enumerate()
        .map(|(n, session)| session.start_exec(&code(n)));
    let requests: Vec<u64> = requests.collect();
    assert_eq!(daemon.call("ping", json!({})), Ok(json!({"pong": true})));
    for (n, request) in requests.into_iter().enumerate() {
        let result = daemon.wait(request).unwrap();
        assert_eq!(
            result["value"],
            (4_999_950_000_usize * n).to_string(),
            "{result}"
        );
    }
}

#[test]
fn a_hog_does_not_keep_others_from_answering() {
    let daemon = Daemon::start();
    let hogs: Vec<_> = (0..4).map(|_| local(&daemon, json!({}))).collect();
    let running: Vec<u64> = hogs
        .iter()
        .map(|hog| hog.start_exec("print('on')\nwhile True: pass"))
        .collect();
    hogs.iter().for_each(|hog| hog.until_printed("on"));
    let session = local(&daemon, json!({}));
    session.check("6 * 7", json!({"value": "42"}));
    for (hog, running) in hogs.iter().zip(running) {
        assert_eq!(
            hog.call("interrupt", json!({})),
            Ok(json!({"interrupted": true}))
        );
        assert_eq!(daemon.wait(running).unwrap()["state"], "kept");
    }
}

#[test]
fn more_hogs_than_processors_keep_nobody_from_computing_and_stop_when_asked() {
    let daemon = Daemon::start();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let options = json!({"limits": {"timeout_seconds": 120.0}});
    let hogs: Vec<_> = (0..processors * 8)
        .map(|_| local(&daemon, options.clone()))
        .collect();
    let running: Vec<u64> = hogs
        .iter()
        .map(|hog| hog.start_exec("print('on')\nwhile True: pass"))
        .collect();
    hogs.iter().for_each(|hog| hog.until_printed("on")); // each had its turn
    assert_eq!(daemon.call("ping", json!({})), Ok(json!({"pong": true})));
    let others: Vec<_> = (0..4).map(|_| local(&daemon, json!({}))).collect();
    for other in &others {
        other.check("6 * 7", json!({"value": "42"}));
    }
    let long: Vec<u64> = others
        .iter()
        .map(|other| other.start_exec("sum(i for i in range(200_000))"))
        .collect(); // takes several turns
    for request in long {
        assert_eq!(daemon.wait(request).unwrap()["value"], "19999900000");
    }
    for (hog, running) in hogs.iter().zip(running) {
        assert_eq!(
            hog.call("interrupt", json!({})),
            Ok(json!({"interrupted": true}))
        );
        let result = daemon.wait(running).unwrap();
        assert_eq!(
            (&result["interrupted"], &result["state"]),
            (&json!(true), &json!("kept")),
            "{result}"
        );
        hog.check("1 + 1", json!({"value": "2"}));
    }
}

#[test]
fn a_hog_that_is_closed_while_others_compute_leaves_its_turn_to_them() {
    let daemon = Daemon::start();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let hogs: Vec<_> = (0..processors * 4)
        .map(|_| local(&daemon, json!({})))
        .collect();
    let running: Vec<u64> = hogs
        .iter()
        .map(|hog| hog.start_exec("print('on')\nwhile True: pass"))
        .collect();
    hogs.iter().for_each(|hog| hog.until_printed("on"));
    for (hog, running) in hogs.iter().zip(running) {
        hog.call("session.close", json!({})).unwrap();
        assert_eq!(daemon.wait(running).unwrap()["interrupted"], true);
    }
    let sessions: Vec<_> = (0..processors * 4)
        .map(|_| local(&daemon, json!({})))
        .collect();
    for session in &sessions {
        session.check("sum(range(100_000))", json!({"value": "4999950000"}));
    }
}
