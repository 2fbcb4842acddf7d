//! What a container says of itself before any code runs in it, compared with what was asked for. Pure.
//!
//! Engines differ: rootless ones may not be able to limit anything. What protects the machine has to
//! hold, or the container is not used; what shares the machine out fairly is reported where it holds.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::policy::{MAX_PROCESSES, PROCESSORS, Shape, WORK};

/// What process 1 of a container found.
#[derive(Clone, Debug, Deserialize)]
pub struct Facts {
    /// Version of its Python.
    pub python: String,
    /// Its process id.
    pid: u32,
    /// Its user.
    uid: u32,
    /// Whether it has any capability, or may come to one.
    capabilities: bool,
    /// Whether a program can give it more rights than it has.
    new_privileges: bool,
    /// Whether our filter of system calls is in force.
    seccomp: bool,
    /// Whether it may have sockets that are found by a path.
    unix_sockets: bool,
    /// Whether the root cannot be written to.
    read_only: bool,
    /// Its working folder.
    pub work: Work,
    /// Its networks, but for the one to itself.
    networks: Vec<String>,
    /// Bytes of memory that it may have.
    memory: Option<u64>,
    /// Processes that it may have.
    processes: Option<i64>,
    /// Processors that it may use.
    processors: Option<f64>,
    /// Bytes of its folders in memory.
    folders: BTreeMap<String, Option<u64>>,
}

/// What process 1 of a container found its working folder to be.
#[derive(Clone, Debug, Deserialize)]
pub struct Work {
    /// Whether nothing in it can be written to.
    read_only: bool,
    /// Whether nothing is mounted below it, nor will be when something is on the host.
    alone: bool,
    /// Whether the user that code runs as may look into it.
    pub readable: bool,
    /// Its number in its file system.
    pub inode: u64,
}

impl Facts {
    /// What is enforced on the code of a container of this shape, as `status` says it.
    ///
    /// # Errors
    /// What protects the machine and does not hold.
    pub fn enforced(&self, shape: &Shape) -> Result<Vec<String>, String> {
        let mounted = shape.mount.is_some();
        let folder_kept = self.work.read_only && self.work.alone;
        let vital = [
            ("own processes", self.pid == 1),
            ("not root", self.uid != 0),
            ("no capabilities", !self.capabilities),
            ("no new privileges", !self.new_privileges),
            (
                "system calls",
                self.seccomp && !(mounted && self.unix_sockets),
            ),
            (
                "read-only files",
                self.read_only && (!mounted || folder_kept),
            ),
            ("no network", self.networks.is_empty() || shape.network),
        ];
        let missing: Vec<&str> = vital
            .iter()
            .filter(|(_, holds)| !holds)
            .map(|(what, _)| *what)
            .collect();
        if !missing.is_empty() {
            return Err(missing.join(", "));
        }
        let shared = [
            (
                "memory",
                self.memory.is_some_and(|most| most <= shape.memory),
            ),
            (
                "processes",
                self.processes.is_some_and(|most| most <= MAX_PROCESSES),
            ),
            (
                "processors",
                self.processors
                    .is_some_and(|most| most <= PROCESSORS as f64),
            ),
            ("disk", self.are_folders_sized(shape)),
        ];
        let vital = vital
            .into_iter()
            .filter(|(what, _)| *what != "no network" || !shape.network);
        let ours = [("time", true), ("output", true), ("imports", true)]; // the daemon's and the worker's
        let all = vital.chain(shared).chain(ours);
        Ok(all
            .filter(|(_, holds)| *holds)
            .map(|(what, _)| what.to_owned())
            .collect())
    }

    fn are_folders_sized(&self, shape: &Shape) -> bool {
        let sized = |(path, size): (&String, &Option<u64>)| {
            let mounted = path == WORK && shape.mount.is_some(); // and takes no space of its own
            mounted || size.is_some_and(|size| size <= shape.folder())
        };
        !self.folders.is_empty() && self.folders.iter().all(sized)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shape(network: bool) -> Shape {
        Shape {
            image: "i".to_owned(),
            memory: 1 << 30,
            network,
            mount: None,
        }
    }

    fn facts(changes: &Value) -> Facts {
        let mut facts = json!({
            "python": "3.13.1", "pid": 1, "uid": 64_200, "capabilities": false, "new_privileges": false,
            "seccomp": true, "unix_sockets": true, "read_only": true, "networks": [], "memory": 1 << 30, "processes": 128,
            "work": {"read_only": false, "alone": true, "readable": true, "inode": 2},
            "processors": 1.0, "folders": {"/work": 1 << 28, "/tmp": 1 << 28},
        });
        for (name, value) in changes.as_object().unwrap() {
            facts[name] = value.clone();
        }
        serde_json::from_value(facts).unwrap()
    }

    #[test]
    fn a_container_as_it_was_asked_for_enforces_everything() {
        let all = "own processes, not root, no capabilities, no new privileges, system calls, read-only \
                   files, no network, memory, processes, processors, disk, time, output, imports";
        let enforced = facts(&json!({})).enforced(&shape(false)).unwrap();
        assert_eq!(enforced.join(", "), all);
        let open = facts(&json!({"networks": ["eth0"]}));
        let enforced = open.enforced(&shape(true)).unwrap();
        assert_eq!(enforced.join(", "), all.replace("no network, ", ""));
    }

    #[test]
    fn what_protects_the_machine_has_to_hold() {
        for (changes, missing) in [
            (json!({"pid": 7}), "own processes"),
            (json!({"uid": 0}), "not root"),
            (json!({"capabilities": true}), "no capabilities"),
            (json!({"new_privileges": true}), "no new privileges"),
            (json!({"seccomp": false}), "system calls"),
            (json!({"read_only": false}), "read-only files"),
            (json!({"networks": ["eth0"]}), "no network"),
            (
                json!({"uid": 0, "seccomp": false}),
                "not root, system calls",
            ),
        ] {
            assert_eq!(
                facts(&changes).enforced(&shape(false)),
                Err(missing.to_owned())
            );
        }
    }

    #[test]
    fn a_mounted_folder_has_to_be_read_only_and_its_sockets_out_of_reach() {
        let shape = Shape {
            mount: Some("/data".into()),
            ..shape(false)
        };
        let work = |read_only: bool, alone: bool| json!({"read_only": read_only, "alone": alone, "readable": true, "inode": 2});
        let kept = json!({"work": work(true, true), "unix_sockets": false, "folders": {"/work": null, "/tmp": 1}});
        let enforced = facts(&kept).enforced(&shape).unwrap();
        assert!(
            enforced.contains(&"read-only files".to_owned()),
            "{enforced:?}"
        );
        assert!(enforced.contains(&"disk".to_owned()), "{enforced:?}");
        for (changes, missing) in [
            (json!({"work": work(false, true)}), "read-only files"),
            (json!({"work": work(true, false)}), "read-only files"),
            (json!({"unix_sockets": true}), "system calls"),
        ] {
            let mut all = kept.clone();
            all.as_object_mut()
                .unwrap()
                .extend(changes.as_object().unwrap().clone());
            assert_eq!(facts(&all).enforced(&shape), Err(missing.to_owned()));
        }
    }

    #[test]
    fn what_the_engine_does_not_limit_is_not_said_to_be() {
        for (changes, missing) in [
            (json!({"memory": null}), "memory"),
            (json!({"memory": 1_u64 << 40}), "memory"),
            (json!({"processes": null}), "processes"),
            (json!({"processors": 2.0}), "processors"),
            (json!({"processors": null}), "processors"),
            (json!({"folders": {"/work": null}}), "disk"),
            (json!({"folders": {}}), "disk"),
        ] {
            let enforced = facts(&changes).enforced(&shape(false)).unwrap();
            assert!(!enforced.iter().any(|what| what == missing), "{missing}");
        }
    }
}
