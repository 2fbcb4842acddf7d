//! A folder of the host's that a sandbox works in, read-only.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::attached::far_engine;
use super::{open, raises, sandboxed};
use crate::support::{Daemon, Docker, Options, Session, refused};

/// A folder below the daemon's, as open as folders are.
fn folder(daemon: &Daemon) -> PathBuf {
    let folder = daemon.folder().join("data");
    fs::create_dir(&folder).unwrap();
    allow(&folder, 0o755);
    folder
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mounting(folder: &Path) -> Value {
    json!({"cwd": folder, "cwd_mode": "mount", "trust_level": "sandboxed"})
}

fn mounted<'a>(daemon: &'a Daemon, folder: &Path) -> Session<'a> {
    open(daemon, mounting(folder))
}

/// Everything of a folder that code could change.
fn state(folder: &Path) -> BTreeMap<PathBuf, (u32, i64, i64, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .chain([folder.to_owned()])
        .map(|path| {
            let data = path.symlink_metadata().unwrap();
            let bytes = fs::read(&path).unwrap_or_default();
            let changed = (data.mtime_nsec(), data.ctime_nsec());
            (path, (data.mode(), changed.0, changed.1, bytes))
        })
        .collect()
}

sandboxed! {
    fn the_folder_is_read_in_place() {
        let daemon = Daemon::start();
        let folder = folder(&daemon);
        fs::write(folder.join("helper.py"), "def twice(x): return 2 * x").unwrap();
        File::create(folder.join("large")).unwrap().set_len(1 << 30).unwrap();
        let session = mounted(&daemon, &folder);
        assert_eq!(session.printed("import os\nprint(os.getcwd(), os.path.getsize('large'))"), "/work 1073741824\n");
        session.check("import helper\nhelper.twice(21)", json!({"value": "42"}));
        fs::write(folder.join("later.txt"), "é").unwrap();
        session.check("open('later.txt').read()", json!({"value": "'é'"}));
        session.call("session.reset", json!({})).unwrap();
        session.check("import os\nprint(open('later.txt').read(), os.getcwd())", json!({"output": "é /work\n"}));
        session.exec("os._exit(1)");
        session.check("open('later.txt').read()", json!({"value": "'é'"}));
        // There is still room, elsewhere.
        session.check("import tempfile\nwith tempfile.TemporaryFile() as file: print(file.write(b'x'))", json!({"output": "1\n"}));
        session.check("import os\nwith open(os.path.expanduser('~/x'), 'w') as file: print(file.write('x'))", json!({"output": "1\n"}));
    }

    fn nothing_in_it_can_be_changed() {
        let daemon = Daemon::start();
        let folder = folder(&daemon);
        allow(&folder, 0o777); // nothing but the mount keeps the code out
        fs::write(folder.join("file"), "kept").unwrap();
        fs::create_dir(folder.join("below")).unwrap();
        allow(&folder.join("file"), 0o666);
        allow(&folder.join("below"), 0o777);
        let session = mounted(&daemon, &folder);
        session.exec("import os, mmap, shutil");
        let before = state(&folder);
        for code in [
            "open('file', 'w')", "open('file', 'a')", "open('file', 'r+')", "open('new', 'x')", "open('below/new', 'w')",
            "open('/work/new', 'w')", "open('/proc/self/cwd/new', 'w')", "os.truncate('file', 0)", "os.remove('file')",
            "os.rename('file', 'other')", "os.rename('file', '/tmp/file')", "os.rmdir('below')", "os.mkdir('new')",
            "os.chmod('file', 0o777)", "os.chmod('.', 0o700)", "os.chown('file', 64200, 64200)", "os.utime('file', (1, 1))",
            "os.symlink('file', 'link')", "os.link('file', 'link')", "os.link('file', '/tmp/link')", "os.mkfifo('pipe')",
            "os.setxattr('file', 'user.x', b'x')", "shutil.move('file', '/tmp/file')",
            "os.open(f'/proc/self/fd/{os.open(\"file\", os.O_RDONLY)}', os.O_RDWR)",
            "mmap.mmap(os.open('file', os.O_RDONLY), 4, prot=mmap.PROT_READ | mmap.PROT_WRITE)",
        ] {
            let kind = raises(&session, code);
            assert!(["OSError", "PermissionError"].contains(&kind.as_str()), "{code}: {kind}");
        }
        session.exec(super::escapes::CALLS);
        // To mount it again, with `mount`, `mount_setattr` and `open_tree`, as something that can be written to.
        let mounts = "libc.mount(b'none', b'/work', None, 4096 | 32, None), call(442, -100, b'/work', 0, b'', 32), call(428, -100, b'/work', 1)";
        if session.printed("print(machine)") == "x86_64\n" {
            session.check(mounts, json!({"value": "(-1, 1, 1)"}));
        }
        assert_eq!(raises(&session, "open('new', 'w')"), "OSError");
        session.check("open('file').read()", json!({"value": "'kept'"}));
        assert_eq!(state(&folder), before);
    }

    fn links_and_sockets_lead_nowhere() {
        let daemon = Daemon::start();
        let folder = folder(&daemon);
        let secret = daemon.folder().join("secret");
        fs::write(&secret, "secret").unwrap();
        symlink(&secret, folder.join("absolute")).unwrap();
        symlink("../secret", folder.join("relative")).unwrap();
        symlink("/etc/hostname", folder.join("hostname")).unwrap();
        let _socket = UnixListener::bind(folder.join("socket")).unwrap();
        allow(&folder.join("socket"), 0o777);
        let session = mounted(&daemon, &folder);
        for code in ["open('absolute')", "open('relative')", "open('../secret')"] {
            assert_eq!(raises(&session, code), "FileNotFoundError", "{code}");
        }
        session.check("open('hostname').read().strip()", json!({"value": "'sandbox'"})); // its own
        session.exec("import os, socket");
        assert_eq!(session.printed("print(os.path.exists('socket'), len(socket.socketpair()))"), "True 2\n");
        for kind in ["STREAM", "DGRAM", "SEQPACKET"] {
            let connect = format!("socket.socket(socket.AF_UNIX, socket.SOCK_{kind}).connect('socket')");
            assert_eq!(raises(&session, &connect), "PermissionError");
        }
    }

    fn the_engine_is_asked_for_this_mount_alone() {
        let daemon = Daemon::start();
        let folder = folder(&daemon);
        mounted(&daemon, &folder).assert_usable();
        let docker = Docker::of(&daemon);
        let containers = docker.containers(); // none was made ready: they have another shape
        assert_eq!(containers.len(), 1);
        let mounts = docker.inspect(&containers[0])["Mounts"].take();
        let expected = json!([{
            "Type": "bind", "Source": folder, "Destination": "/work", "Mode": "", "RW": false, "Propagation": "rprivate",
        }]);
        assert_eq!(mounts, expected);
    }

    fn a_folder_that_cannot_be_mounted_is_refused() {
        let daemon = Daemon::start();
        let folder = folder(&daemon);
        let create = |daemon: &Daemon, folder: &Path| daemon.call("session.create", mounting(folder));
        allow(&folder, 0o700);
        let (message, _) = refused(create(&daemon, &folder), -32602, "invalid_params");
        assert!(message.starts_with("cwd_mode: the code of a sandbox runs as a user of its own"), "{message}");
        assert!(message.ends_with("or \"copy\" copies it into the sandbox"), "{message}");
        let (message, _) = refused(create(&daemon, Path::new("/no/such")), -32602, "invalid_params");
        assert_eq!(message, "cwd: there is no folder '/no/such'");
        let daemon = Options::default().env("DOCKER_HOST", &far_engine()).start();
        let (message, _) = refused(create(&daemon, &folder), -32602, "invalid_params");
        assert!(message.starts_with("cwd_mode: the Docker engine is reached over the network"), "{message}");
        let daemon = Options::default().env("DOCKER_HOST", "unix:///no/engine.sock").start();
        refused(create(&daemon, &folder), -31007, "trust_level_unavailable");
    }
}
