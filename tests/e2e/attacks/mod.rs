//! What hostile code tries at ISOLATED, and what must not come of it: in each sandbox, as root and as an ordinary user,
//! with namespaces and without.
//!
//! `table.rs` says what is tried. Each attack prints `REACHED` where it got at something. When all have been tried, the
//! daemon still answers, another session still has its state, and so does the host.

mod excess;
mod planted;
mod table;

use std::fs::{self, Permissions};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Daemon, Options, descendants, refused, runs};
use table::{ATTACKS, Attack};

/// A user who is not root.
const USER: u32 = 54_321;
const SECRET: &str = "a secret of the user";

/// How a daemon is started.
#[derive(Clone, Copy, Debug)]
struct System {
    /// Whether it is an ordinary user's.
    user: bool,
    /// Layers that it does without.
    without: &'static str,
}

const SYSTEMS: [System; 5] = [
    System {
        user: false,
        without: "",
    },
    System {
        user: true,
        without: "",
    },
    System {
        user: true,
        without: "namespaces",
    },
    System {
        user: false,
        without: "namespaces",
    },
    // Linux before 6.12 where user namespaces are not allowed.
    System {
        user: true,
        without: "namespaces,scopes",
    },
];

/// The surroundings of a daemon: a home folder with secrets, a project, sockets of others.
struct World {
    home: TempDir,
    /// Where programs for everyone are.
    programs: Option<TempDir>,
    _socket: UnixListener,
    port: u16,
    _listener: TcpListener,
}

impl World {
    fn new(user: bool) -> Self {
        let home = tempfile::tempdir_in("/home").unwrap();
        let write = |name: &str, text: &str| {
            let path = home.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::File::create(path)
                .unwrap()
                .write_all(text.as_bytes())
                .unwrap();
        };
        write(".ssh/id_ed25519", SECRET);
        write(".netrc", SECRET);
        write("notes/diary.txt", "ordinary");
        write("project/data.csv", "value\n1\n");
        let socket = UnixListener::bind(home.path().join("project/others.sock")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let world = Self {
            port: listener.local_addr().unwrap().port(),
            _listener: listener,
            _socket: socket,
            programs: user.then(|| tempfile::tempdir_in("/home").unwrap()),
            home,
        };
        if user {
            world.hand_over();
        }
        world
    }

    /// Gives everything to the ordinary user.
    fn hand_over(&self) {
        for folder in [&self.home, self.programs.as_ref().unwrap()] {
            fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        }
        let all = std::process::Command::new("chown")
            .args(["-R", &format!("{USER}:{USER}")])
            .arg(self.home.path())
            .status();
        assert!(all.unwrap().success());
    }

    fn project(&self) -> PathBuf {
        self.home.path().join("project")
    }

    fn daemon(&self, system: System) -> Daemon {
        let options = Options::default()
            .socket()
            .env("HOME", &self.home.path().display().to_string())
            .env("OPENAI_API_KEY", "sk-of-the-daemon")
            .env("TINYCODE_SANDBOX_WITHOUT", system.without);
        match &self.programs {
            None => options.start(),
            Some(programs) => options
                .env("PATH", "/usr/bin:/bin")
                .user(USER, programs.path())
                .start(),
        }
    }
}

/// Runs all attacks that concern a sandbox in one session of it.
fn attack(world: &World, daemon: &Daemon, system: System, sandbox: &str) {
    let other = daemon.session(json!({"extra_imports": ["*"], "cwd": world.project()}));
    other.exec(&format!("import os\nsecret = {SECRET:?}"));
    let numbers = other.exec("os.getpid()");
    let workers: Vec<String> = descendants(daemon.pid())
        .iter()
        .map(u64::to_string)
        .collect();
    let network = if sandbox == "strict" { "none" } else { "host" };
    let options = json!({
        "extra_imports": ["*"], "sandbox": sandbox, "network": network, "cwd": world.project(),
        "limits": {"timeout_seconds": 20},
    });
    let session = daemon.session(options);
    let known = json!({
        "DAEMON": daemon.pid(), "OTHERS": workers.join(","), "OTHER": numbers["value"],
        "HOME": world.home.path(), "PORT": world.port, "SOCKET": daemon.socket_path(),
        "STATE": daemon.socket_path().parent().unwrap().join("state/tinycode"),
        "NETWORK": network, "SANDBOX": sandbox,
    });
    session.exec(&format!(
        "KNOWN = {}\n{}",
        known.to_string().replace("null", "None"),
        table::HELPERS
    ));
    for Attack {
        name,
        code,
        sandboxes,
    } in ATTACKS
    {
        if !sandboxes.contains(&sandbox) {
            continue;
        }
        let result = session.exec(code);
        let reached = result["output"].as_str().unwrap().contains("REACHED");
        assert!(!reached, "{system:?}, {sandbox}, {name}: {result}");
        let asked = daemon.call("ping", json!({}));
        assert_eq!(
            asked,
            Ok(json!({"pong": true})),
            "{system:?}, {sandbox}, {name}"
        );
    }
    other.check("secret", json!({"value": format!("'{SECRET}'")}));
    session.assert_usable();
    for session in [session, other] {
        session.call("session.close", json!({})).unwrap();
    }
    assert!(runs(daemon.pid()));
    assert_eq!(
        fs::read_to_string(world.home.path().join(".netrc")).unwrap(),
        SECRET
    );
}

fn everywhere(sandbox: &str) {
    for system in SYSTEMS {
        let world = World::new(system.user);
        let daemon = world.daemon(system);
        attack(&world, &daemon, system, sandbox);
    }
}

#[test]
fn code_in_the_sandbox_strict_reaches_nothing() {
    everywhere("strict");
}

#[test]
fn code_in_the_sandbox_workspace_reaches_ordinary_files_and_the_network_alone() {
    everywhere("workspace");
}

#[test]
fn code_without_a_sandbox_leaves_the_daemon_and_other_sessions_alone() {
    everywhere("off");
}

#[test]
fn code_writes_in_its_folder_as_whoever_owns_it_on_every_system() {
    for system in SYSTEMS {
        let world = World::new(system.user);
        let daemon = world.daemon(system);
        let session = daemon.session(json!({"extra_imports": ["*"], "cwd": world.project()}));
        session.exec("import os\nopen('made.txt', 'w').write('x')\nos.makedirs('a/b')\nos.rename('data.csv', 'a/b/data.csv')");
        session.check(
            "open('a/b/data.csv').read()",
            json!({"value": r"'value\n1\n'"}),
        );
        let owner = |path: &Path| {
            use std::os::unix::fs::MetadataExt;
            fs::metadata(path).unwrap().uid()
        };
        let made = world.project().join("made.txt");
        assert_eq!(owner(&made), owner(&world.project()), "{system:?}");
    }
}

#[test]
fn what_a_system_cannot_enforce_is_said_and_never_left_out_silently() {
    let world = World::new(false);
    let status = |daemon: &Daemon| {
        daemon.session(json!({}));
        daemon.call("status", json!({})).unwrap()["trust_levels"]["isolated"].clone()
    };
    let whole = world.daemon(SYSTEMS[0]);
    let level = status(&whole);
    for what in [
        "files",
        "signals",
        "own processes",
        "system calls",
        "sockets",
        "unprivileged user",
    ] {
        let enforced = level["enforced"].as_array().unwrap();
        assert!(enforced.contains(&json!(what)), "{what} in {level}");
    }
    assert_eq!(level.get("missing"), None, "{level}");
    for (without, said, strict) in [
        ("landlock", "Landlock", false),
        ("seccomp", "seccomp", false),
        ("namespaces", "other processes can be seen", true),
        ("namespaces", "/dev/shm is shared", true),
        ("namespaces,scopes", "other processes can be seen", true),
        ("namespaces,scopes,supervision", "can be signalled", false),
        ("landlock,namespaces", "Landlock", false),
    ] {
        let daemon = world.daemon(System {
            user: false,
            without,
        });
        let level = status(&daemon);
        assert!(
            level["missing"].to_string().contains(said),
            "{without}: {level}"
        );
        let created = |sandbox: &str| {
            let options = json!({"trust_level": "isolated", "sandbox": sandbox});
            daemon.call("session.create", options)
        };
        let info = created("workspace").unwrap();
        assert!(
            info["not_enforced"].to_string().contains(said),
            "{without}: {info}"
        );
        if strict {
            assert_eq!(created("strict").unwrap()["sandbox"], "strict");
        } else {
            let (message, _) = refused(created("strict"), -31007, "trust_level_unavailable");
            assert!(message.contains("strict"), "{without}: {message}");
        }
    }
}

#[test]
fn code_that_kills_everything_ends_its_own_session_at_most() {
    for system in SYSTEMS {
        let world = World::new(system.user);
        let daemon = world.daemon(system);
        let open = || daemon.session(json!({"extra_imports": ["*"], "sandbox": "off"}));
        let (session, other) = (open(), open());
        other.check("kept = 1", json!({"error": null}));
        for code in [
            "import os\nos.kill(-1, 9)",
            "import os\nif os.fork() == 0:\n    os.kill(-1, 9)\n    os._exit(0)\nos.wait()",
        ] {
            session.exec(code);
            other.check("kept", json!({"value": "1"}));
            session.assert_usable();
        }
    }
}

/// Has the worker claim that a process of somebody else is a copy of it.
const FORGED_COPY: &str = "
import sys
frame = sys._getframe()
while frame:
    worker = frame.f_locals.get('self')
    if type(worker).__name__ == 'Process' and hasattr(worker, 'keep'):
        channel = worker.channel
        worker.keep = lambda mark: channel.send({'event': 'kept', 'pid': VICTIM, 'memory': 2**64 - 1})
    frame = frame.f_back
";

#[test]
fn a_copy_that_is_none_of_the_session_is_neither_woken_nor_ended() {
    for system in SYSTEMS {
        let world = World::new(system.user);
        let daemon = world.daemon(system);
        let other = daemon.session(json!({"extra_imports": ["*"]}));
        other.check("kept = 1", json!({"error": null}));
        for sandbox in ["strict", "off"] {
            let session = daemon.session(json!({"extra_imports": ["*"], "sandbox": sandbox}));
            session.exec(&FORGED_COPY.replace("VICTIM", &daemon.pid().to_string()));
            session.exec("x = 1");
            session.exec("import os\nos._exit(1)");
            session.assert_usable();
            assert!(runs(daemon.pid()), "{system:?}");
        }
        other.check("kept", json!({"value": "1"}));
    }
}

#[test]
fn processes_do_not_outlive_a_daemon_that_is_killed_on_any_system() {
    let stubborn = "import os, signal, time\nfor _ in range(20):\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork(): os._exit(0)\n        while True: time.sleep(1)\nprint('on')\nwhile True: pass";
    for system in SYSTEMS {
        let world = World::new(system.user);
        let mut daemon = world.daemon(system);
        let session = daemon.session(json!({"extra_imports": ["*"], "cwd": world.project()}));
        session.start_exec(stubborn);
        session.until_printed("on");
        let below = descendants(daemon.pid());
        assert!(below.len() > 20, "{below:?}");
        daemon.kill_with(&below);
    }
}

#[test]
fn folders_above_the_daemons_own_stay_where_they_are() {
    for without in ["", "landlock"] {
        let world = World::new(true);
        let daemon = world.daemon(System {
            user: true,
            without,
        });
        let session = daemon.session(json!({"extra_imports": ["*"], "sandbox": "off"}));
        let above = daemon.socket_path().parent().unwrap().join("state");
        session.exec("import os");
        let result = session.exec(&format!(
            "os.rename({above:?}, {:?})",
            above.with_extension("moved")
        ));
        assert!(result["error"].is_object(), "{without}: {result}");
        let socket = daemon.socket_path();
        let result = session.exec(&format!("os.remove({socket:?})"));
        assert!(result["error"].is_object(), "{without}: {result}");
    }
}

#[test]
fn a_refusal_says_what_the_session_allows_and_which_option_allows_more() {
    let world = World::new(false);
    let daemon = world.daemon(SYSTEMS[0]);
    for (options, code, kind, said) in [
        (
            json!({"sandbox": "workspace"}),
            "open('/etc/made', 'w')",
            "PermissionError",
            "`sandbox: \"off\"` allows more",
        ),
        (
            json!({"sandbox": "strict"}),
            "open('/etc/passwd')",
            "PermissionError",
            "`sandbox: \"workspace\"` allows more",
        ),
        (
            json!({"sandbox": "off"}),
            "open('/root/made', 'w')",
            "PermissionError",
            "runs as an unprivileged user, since the daemon is root's",
        ),
        (
            json!({"sandbox": "off"}),
            "os.kill(1, 0)",
            "PermissionError",
            "touch no process but its own",
        ),
        (
            json!({"sandbox": "workspace"}),
            "open(os.path.expanduser('~/.ssh/id_ed25519'))",
            "FileNotFoundError",
            "does not see hidden files of the home folder",
        ),
        (
            json!({"sandbox": "workspace"}),
            "open('/tmp/of-others.csv')",
            "FileNotFoundError",
            "has a /tmp of its own",
        ),
        (
            json!({"sandbox": "strict"}),
            "open(os.path.expanduser('~/notes/diary.txt'))",
            "FileNotFoundError",
            "`sandbox: \"workspace\"` allows more",
        ),
        (
            json!({"network": "none"}),
            "socket.create_connection(('192.0.2.1', 80))",
            "OSError",
            "`network: \"host\"` gives it one",
        ),
    ] {
        let mut options = options;
        options["extra_imports"] = json!(["*"]);
        options["cwd"] = json!(world.project());
        let session = daemon.session(options);
        session.exec("import os, socket");
        let error = session.error_of(code);
        assert_eq!(error["type"], kind, "{error}");
        for text in [&error["message"], &error["traceback"]] {
            assert!(text.as_str().unwrap().contains(said), "{error}");
        }
    }
    // What the sandbox has nothing to do with is not explained by it.
    let options = json!({"extra_imports": ["*"], "cwd": world.project()});
    let session = daemon.session(options);
    for code in [
        "raise PermissionError('HTTP 403')",
        "open('none.csv')",
        "open('/usr/none')",
        "import os\nopen('own', 'w').close()\nos.chmod('own', 0)\nopen('own')",
    ] {
        let error = session.error_of(code);
        assert!(!error.to_string().contains("This session"), "{error}");
    }
}

#[test]
fn the_home_folder_as_the_working_folder_keeps_its_hidden_files() {
    for system in SYSTEMS {
        let world = World::new(system.user);
        let home = world.home.path();
        fs::write(home.join(".profile"), "# mine\n").unwrap();
        let python = home.join(".hidden/bin/python3");
        fs::create_dir_all(python.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("/usr/bin/python3", &python).unwrap();
        fs::write(home.join(".hidden/pyvenv.cfg"), "home = /usr/bin\n").unwrap();
        if system.user {
            world.hand_over();
        }
        let daemon = world.daemon(system);
        for sandbox in ["strict", "workspace"] {
            let options =
                json!({"extra_imports": ["*"], "cwd": home, "sandbox": sandbox, "python": python});
            let session = daemon.session(options);
            session.check(
                "import sys\nsys.prefix.endswith('.hidden')",
                json!({"value": "True"}),
            );
            for code in [
                "open('.profile', 'a').write('x')",
                "open('.profile').read()",
                "open('.ssh/id_ed25519').read()",
            ] {
                let result = session.exec(code);
                assert!(
                    result["error"].is_object(),
                    "{system:?}, {sandbox}, {code}: {result}"
                );
            }
        }
        let kept = fs::read_to_string(home.join(".profile")).unwrap();
        assert_eq!(kept, "# mine\n", "{system:?}");
    }
}

#[test]
fn a_folder_of_the_system_can_be_worked_in_but_not_written() {
    for system in SYSTEMS {
        let world = World::new(system.user);
        let daemon = world.daemon(system);
        for cwd in ["/", "/dev", "/sys/kernel", "/proc"] {
            let open = |sandbox: &str| {
                let options = json!({"extra_imports": ["*"], "cwd": cwd, "sandbox": sandbox});
                daemon.session(options)
            };
            open("off").assert_usable();
            for sandbox in ["strict", "workspace"] {
                let result = open(sandbox).exec("open('made', 'w')");
                assert!(
                    result["error"].is_object(),
                    "{system:?}, {cwd}, {sandbox}: {result}"
                );
            }
        }
    }
}

#[test]
fn only_isolated_sessions_have_a_sandbox_to_choose() {
    let daemon = Daemon::start();
    for (options, field) in [
        (
            json!({"trust_level": "local", "sandbox": "strict"}),
            "sandbox",
        ),
        (
            json!({"trust_level": "sandboxed", "sandbox": "off"}),
            "sandbox",
        ),
        (
            json!({"trust_level": "isolated", "sandbox": "loose"}),
            "sandbox",
        ),
        (
            json!({"trust_level": "local", "network": "host"}),
            "network",
        ),
    ] {
        let (message, _) = refused(
            daemon.call("session.create", options),
            -32602,
            "invalid_params",
        );
        assert!(message.contains(field), "{message}");
    }
    let networks =
        |options: Value| daemon.call("session.create", options).unwrap()["network"].clone();
    for (options, network) in [
        (json!({"trust_level": "isolated"}), "host"),
        (
            json!({"trust_level": "isolated", "network": "none"}),
            "none",
        ),
        (
            json!({"trust_level": "isolated", "sandbox": "strict"}),
            "none",
        ),
        (
            json!({"trust_level": "isolated", "sandbox": "strict", "network": "host"}),
            "host",
        ),
    ] {
        assert_eq!(networks(options), network);
    }
}

#[test]
fn the_daemons_own_files_are_hidden_in_the_working_folder_too() {
    for (user, without) in [(false, ""), (true, ""), (true, "namespaces")] {
        let world = World::new(user);
        let daemon = world.daemon(System { user, without });
        let folder = daemon.socket_path().parent().unwrap().to_owned();
        let state = folder.join("state/tinycode");
        fs::create_dir_all(&state).unwrap();
        fs::write(state.join("token"), SECRET).unwrap();
        if user {
            for path in [folder.join("state"), state.clone(), state.join("token")] {
                std::os::unix::fs::chown(path, Some(USER), Some(USER)).unwrap();
            }
        }
        for sandbox in ["strict", "workspace"] {
            let options = json!({"extra_imports": ["*"], "cwd": folder, "sandbox": sandbox});
            let session = daemon.session(options);
            let read = session.exec("open('state/tinycode/token').read()");
            assert!(
                read["error"].is_object(),
                "{user}, {without}, {sandbox}: {read}"
            );
            session.check(
                "import os, tempfile\nbool(tempfile.mkdtemp())",
                json!({"value": "True"}),
            );
        }
    }
}
