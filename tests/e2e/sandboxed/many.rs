//! Many sandboxes at once.

use serde_json::json;

use super::sandboxed;
use crate::support::{Daemon, Docker};

sandboxed! {
    fn twenty_sessions_run_side_by_side() {
        let daemon = Daemon::start();
        let requests: Vec<u64> = (0..20)
            .map(|_| daemon.start("session.create", json!({"trust_level": "sandboxed"})))
            .collect();
        let sessions: Vec<_> = requests
            .into_iter()
            .map(|request| daemon.wait(request).unwrap()["session"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(Docker::of(&daemon).containers().len(), 20);
        let requests: Vec<(usize, u64)> = sessions
            .iter()
            .enumerate()
            .map(|(n, session)| {
                let code = format!("x = {n}\nsum(range(10_000)) + x");
                (n, daemon.start("exec", json!({"session": session, "code": code})))
            })
            .collect();
        for (n, request) in requests {
            let result = daemon.wait(request).unwrap();
            assert_eq!(result["value"], (49_995_000 + n).to_string(), "{result}");
        }
    }
}
