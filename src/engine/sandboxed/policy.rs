//! From the limits of a session to the container that holds it, and what has to be seen of it. Pure.
//!
//! Knows nothing of how containers are made. What is asked for here is what `facts.rs` looks for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount,
    MountBindOptions, MountBindOptionsPropagationEnum, MountType, RestartPolicy,
    RestartPolicyNameEnum,
};
use serde_json::Value;

use super::seccomp;

/// The folder that code works in.
pub const WORK: &str = "/work";
/// Where the folder with the socket is mounted.
pub const RUN: &str = "/run/tinycode";
/// The user and the group that code runs as: not root, and nobody that a machine has.
pub const USER: u32 = 64_200;
/// Processes and threads, those of the engine's own among them.
pub const MAX_PROCESSES: i64 = 128;
/// Processors' worth of time.
pub const PROCESSORS: i64 = 1;
/// Bytes of memory where a session does not say.
pub const DEFAULT_MEMORY: u64 = 1 << 30;
/// The most that one folder in memory takes.
const MAX_FOLDER: u64 = 256 << 20;
/// Bytes of shared memory.
const SHARED: u64 = 64 << 20;
const BILLION: i64 = 1_000_000_000;
/// Where Podman puts a folder in memory that is open and of no size, unless there is one.
const PODMANS: &str = "/var/tmp";
/// The options of a folder that nobody writes to.
const CLOSED: &str = "ro,nosuid,nodev,noexec,mode=555,size=4096";
/// The label that says which daemon a container belongs to.
pub const LABEL: &str = "tinycode.daemon";

/// What containers differ in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The image.
    pub image: String,
    /// Bytes of memory.
    pub memory: u64,
    /// Whether it has the engine's network.
    pub network: bool,
    /// The folder of the machine that is its working folder, read-only; else it has one in memory.
    pub mount: Option<PathBuf>,
}

impl Shape {
    /// The system calls that its code may make, as engines take them.
    #[must_use]
    pub fn filter(&self) -> Value {
        // A mount that is read-only keeps nobody from connecting to a socket in it.
        seccomp::profile(self.mount.is_none())
    }

    /// Bytes that a folder in memory may hold: the memory that it takes is the container's own.
    #[must_use]
    pub fn folder(&self) -> u64 {
        MAX_FOLDER.min(self.memory / 4)
    }

    /// Bytes of data that one process may have. A little less than the container, so that Python gets to
    /// say `MemoryError` before the container is out of memory.
    #[must_use]
    pub fn data(&self) -> u64 {
        self.memory / 8 * 7
    }
}

/// The container of this shape, run by `command`, for the daemon `owner`; `filter` is its filter of system
/// calls, in the form that the engine takes; `run` is the folder with the socket, where it has one: else it
/// talks over the stream that the engine attaches.
#[must_use]
pub fn container(
    shape: &Shape,
    command: Vec<String>,
    owner: &str,
    filter: &str,
    run: Option<&Path>,
) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(shape.image.clone()),
        entrypoint: Some(command),
        cmd: Some(Vec::new()),
        hostname: Some("sandbox".to_owned()),
        user: Some(format!("{USER}:{USER}")),
        // Engines make this folder where it is missing, which takes the mode of the mount on it away.
        working_dir: Some("/".to_owned()),
        env: Some(environment(shape)),
        stop_signal: Some("SIGKILL".to_owned()), // process 1 heeds no other, and has nothing to put away
        labels: Some(HashMap::from([(LABEL.to_owned(), owner.to_owned())])),
        network_disabled: Some(!shape.network),
        attach_stdin: Some(run.is_none()),
        open_stdin: Some(run.is_none()),
        stdin_once: Some(run.is_none()), // when the daemon goes, it is told
        tty: Some(false),
        host_config: Some(host_config(shape, filter, run)),
        ..ContainerCreateBody::default()
    }
}

fn environment(shape: &Shape) -> Vec<String> {
    let home = match shape.mount {
        None => "HOME=/work",
        Some(_) => "HOME=/tmp", // libraries write into it
    };
    [
        "PATH=/usr/local/bin:/usr/bin:/bin",
        home,
        "TMPDIR=/tmp",
        "LANG=C.UTF-8",
        "PYTHONUTF8=1",
        "PYTHONDONTWRITEBYTECODE=1",
        "MPLBACKEND=Agg", // plots without a screen
    ]
    .map(str::to_owned)
    .to_vec()
}

fn host_config(shape: &Shape, filter: &str, run: Option<&Path>) -> HostConfig {
    let memory = i64::try_from(shape.memory).unwrap_or(i64::MAX);
    let network = if shape.network { "bridge" } else { "none" };
    HostConfig {
        network_mode: Some(network.to_owned()),
        readonly_rootfs: Some(true),
        tmpfs: Some(folders(shape)),
        mounts: Some(mounts(shape, run)),
        shm_size: i64::try_from(SHARED.min(shape.folder())).ok(),
        privileged: Some(false),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec![
            "no-new-privileges".to_owned(),
            format!("seccomp={filter}"),
        ]),
        memory: Some(memory),
        memory_swap: Some(memory), // with that, no swap on top
        nano_cpus: Some(PROCESSORS * BILLION),
        pids_limit: Some(MAX_PROCESSES),
        ipc_mode: Some("private".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        init: Some(false), // process 1 is ours: it reaps, and ends with the daemon
        auto_remove: Some(true),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        log_config: Some(HostConfigLogConfig {
            typ: Some("none".to_owned()), // nothing that code writes lands on the engine's disk
            config: None,
        }),
        ..HostConfig::default()
    }
}

/// The only places that can be written to: in memory, and of a size.
fn folders(shape: &Shape) -> HashMap<String, String> {
    let options = format!("rw,nosuid,nodev,noexec,mode=1777,size={}", shape.folder());
    let work = shape.mount.is_none().then_some(WORK);
    let open = work.into_iter().chain(["/tmp"]);
    let open = open.map(|path| (path.to_owned(), options.clone()));
    open.chain([(PODMANS.to_owned(), CLOSED.to_owned())])
        .collect()
}

/// The folders of the machine that it sees: that of the socket, and the one it is to work in.
fn mounts(shape: &Shape, run: Option<&Path>) -> Vec<Mount> {
    let read_only = |source: &Path, target: &str| Mount {
        typ: Some(MountType::BIND),
        source: Some(source.display().to_string()),
        target: Some(target.to_owned()),
        read_only: Some(true),
        ..Mount::default()
    };
    let run = run.map(|run| read_only(run, RUN));
    let work = shape.mount.as_ref().map(|folder| Mount {
        // What is mounted below it, now or later, is left out: that would not be read-only.
        bind_options: Some(MountBindOptions {
            propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
            non_recursive: Some(true),
            ..MountBindOptions::default()
        }),
        ..read_only(folder, WORK)
    });
    run.into_iter().chain(work).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(shape: &Shape) -> Value {
        let run = Some(Path::new("/tmp/s/run"));
        let command = vec!["python3".to_owned()];
        serde_json::to_value(container(shape, command, "me", "{}", run)).unwrap()
    }

    #[test]
    fn a_container_gets_this_and_nothing_else() {
        let shape = Shape {
            image: "i".to_owned(),
            memory: 1 << 30,
            network: false,
            mount: None,
        };
        let folder = "rw,nosuid,nodev,noexec,mode=1777,size=268435456";
        let expected = json!({
            "Image": "i", "Entrypoint": ["python3"], "Cmd": [], "Hostname": "sandbox",
            "User": "64200:64200", "WorkingDir": "/", "Env": environment(&shape),
            "StopSignal": "SIGKILL", "Labels": {"tinycode.daemon": "me"}, "NetworkDisabled": true,
            "AttachStdin": false, "OpenStdin": false, "StdinOnce": false, "Tty": false,
            "HostConfig": {
                "NetworkMode": "none", "ReadonlyRootfs": true, "Tmpfs": {"/work": folder, "/tmp": folder, "/var/tmp": CLOSED},
                "Mounts": [{"Type": "bind", "Source": "/tmp/s/run", "Target": "/run/tinycode", "ReadOnly": true}],
                "ShmSize": 64 << 20, "Privileged": false, "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges", "seccomp={}"], "Memory": 1 << 30, "MemorySwap": 1 << 30,
                "NanoCpus": 1_000_000_000, "PidsLimit": 128,
                "IpcMode": "private", "CgroupnsMode": "private", "Init": false, "AutoRemove": true,
                "RestartPolicy": {"Name": "no"}, "LogConfig": {"Type": "none"},
            },
        });
        assert_eq!(config(&shape), expected);
        let mut open = expected;
        open["NetworkDisabled"] = json!(false);
        open["HostConfig"]["NetworkMode"] = json!("bridge");
        let shape = Shape {
            network: true,
            ..shape
        };
        assert_eq!(config(&shape), open);
    }

    #[test]
    fn a_folder_is_mounted_read_only_in_place_of_the_one_in_memory() {
        let copied = Shape {
            image: "i".to_owned(),
            memory: 1 << 30,
            network: false,
            mount: None,
        };
        let mut expected = config(&copied);
        expected["Env"][1] = json!("HOME=/tmp");
        let host = &mut expected["HostConfig"];
        host["Tmpfs"].as_object_mut().unwrap().remove("/work");
        host["Mounts"].as_array_mut().unwrap().push(json!({
            "Type": "bind", "Source": "/data", "Target": "/work", "ReadOnly": true,
            "BindOptions": {"Propagation": "rprivate", "NonRecursive": true},
        }));
        let mounted = Shape {
            mount: Some(PathBuf::from("/data")),
            ..copied.clone()
        };
        assert_eq!(config(&mounted), expected);
        let filters = [copied.filter(), mounted.filter()];
        assert_eq!(filters, [true, false].map(seccomp::profile));
    }

    #[test]
    fn little_memory_makes_small_folders() {
        let shape = Shape {
            image: "i".to_owned(),
            memory: 64 << 20,
            network: false,
            mount: None,
        };
        assert_eq!((shape.folder(), shape.data()), (16 << 20, 56 << 20));
        assert_eq!(config(&shape)["HostConfig"]["ShmSize"], 16 << 20);
    }
}
