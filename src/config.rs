//! What the daemon takes from its environment. Nothing else reads it.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use rustix::fs::MemfdFlags;
use rustix::process::DumpableBehavior;

use crate::api::App;
use crate::engine::local::Provision;
use crate::engine::{
    Interpreters, Isolated, IsolatedSettings, Local, Programs, Sandboxed, Without, sandboxed,
};
use crate::model::Secret;
use crate::session::{Engines, Environment, Registry};

/// The server where neither the session nor the environment names one.
const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";

/// The variable that holds the key for models.
const KEY: &str = "OPENAI_API_KEY";
/// The variable that names the descriptor of the unnamed file with the key.
const KEY_DESCRIPTOR: &str = "TINYCODE_KEY_FD";

/// Containers that a daemon keeps ready.
const SANDBOX_READY: usize = 2;

/// Variables that a Python subprocess gets: what it needs to find its libraries and the user's
/// folders, and to talk to the network as the machine does. No variable of a kind that holds keys.
const PASSED_TO_PYTHON: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
];

/// The environment as the daemon found it.
#[derive(Clone, Debug)]
pub struct Config {
    /// The key for models.
    pub api_key: Option<Secret>,
    /// The base URL for models.
    pub base_url: String,
    /// What a Python subprocess gets.
    pub python_environment: Vec<(OsString, OsString)>,
    /// Where the daemon keeps what must outlive a request: tokens.
    pub state_folder: PathBuf,
    /// Where the daemon keeps what it can make again: the Python of local sessions, downloads.
    pub cache_folder: PathBuf,
    /// A file with the Python of local sessions.
    pub local_component: Option<PathBuf>,
    /// Where the Docker engine is.
    pub docker: sandboxed::Settings,
    /// Containers to keep ready (`TINYCODE_SANDBOX_READY`).
    pub sandbox_ready: usize,
    /// Layers of the sandbox of isolated sessions that are left out (`TINYCODE_SANDBOX_WITHOUT`), to try what other
    /// systems do.
    pub without_layers: String,
    /// Which log lines to write, as in `RUST_LOG`.
    pub log_filter: Option<String>,
    /// Whether the user wants no colours (`NO_COLOR`).
    pub no_color: bool,
    /// Whether the terminal can only add text at its end (`TERM=dumb`).
    pub dumb_terminal: bool,
}

impl Config {
    /// Reads the environment.
    #[must_use]
    pub fn from_environment() -> Self {
        let passed = PASSED_TO_PYTHON.iter().map(OsString::from);
        Self {
            api_key: key(),
            base_url: text("OPENAI_BASE_URL").unwrap_or_else(|| DEFAULT_BASE_URL.to_owned()),
            python_environment: passed
                .filter_map(|name| env::var_os(&name).map(|value| (name, value)))
                .collect(),
            state_folder: folder("XDG_STATE_HOME", ".local/state"),
            cache_folder: folder("XDG_CACHE_HOME", ".cache"),
            local_component: text("TINYCODE_LOCAL_COMPONENT").map(PathBuf::from),
            docker: docker(),
            sandbox_ready: text("TINYCODE_SANDBOX_READY")
                .and_then(|number| number.parse().ok())
                .unwrap_or(SANDBOX_READY),
            without_layers: text("TINYCODE_SANDBOX_WITHOUT").unwrap_or_default(),
            log_filter: text("TINYCODE_LOG"),
            no_color: text("NO_COLOR").is_some(),
            dumb_terminal: text("TERM").as_deref() == Some("dumb"),
        }
    }

    /// What all requests share, with the replies of all models added to the file `record` if one is
    /// given. A daemon keeps `ready` containers ready, a command none, and no session sees its files `own`. Has to be
    /// called on the runtime that the sessions are to live on.
    #[must_use]
    pub fn app(
        &self,
        record: Option<PathBuf>,
        ready: Option<usize>,
        own: Vec<PathBuf>,
    ) -> Arc<App> {
        let programs = Programs::new(self.isolated_settings(own));
        let interpreters = Arc::new(Interpreters::new(programs));
        let environment = Environment {
            engines: Engines {
                local: Box::new(Local::new(
                    self.local_python(),
                    self.python_environment.clone(),
                    Arc::clone(&interpreters),
                )),
                isolated: Box::new(Isolated::new(interpreters)),
                sandboxed: Box::new(Sandboxed::new(self.docker.clone(), ready)),
            },
            api_key: self.api_key.clone(),
            base_url: self.base_url.clone(),
            record,
        };
        Arc::new(App {
            registry: Registry::new(environment),
            started: Instant::now(),
        })
    }
}

impl Config {
    fn isolated_settings(&self, own: Vec<PathBuf>) -> IsolatedSettings {
        let runtime = self.docker.runtime.iter();
        let secret = std::iter::once(self.state_folder.clone()).chain(own);
        IsolatedSettings {
            environment: self.python_environment.clone(),
            home: text("HOME")
                .map(PathBuf::from)
                .and_then(|home| home.canonicalize().ok()),
            secret: secret
                .chain(runtime.map(|folder| folder.join("tinycode")))
                .collect(),
            without: Without::parse(&self.without_layers),
        }
    }

    /// Where the Python of local sessions comes from.
    #[must_use]
    pub fn local_python(&self) -> Provision {
        Provision {
            cache: self.cache_folder.join("local"),
            component: self.local_component.clone(),
        }
    }
}

/// Starts the program anew with the key for models out of its environment, where every process of the
/// same user could read it: generated code too. The key comes back by an unnamed file. Does nothing
/// where there is no key. Has to be called before there are threads.
///
/// # Errors
/// When the program cannot be started anew; the key is still in the environment then.
pub fn hide_key() -> io::Result<()> {
    // Keeps other processes of the user, which are not root's, out of our memory and descriptors.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let Some(key) = text(KEY) else { return Ok(()) };
    let mut file = File::from(rustix::fs::memfd_create("key", MemfdFlags::empty())?);
    file.write_all(key.as_bytes())?;
    file.rewind()?;
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_else(|| "tinycode".into());
    let failed = Command::new("/proc/self/exe")
        .arg0(name)
        .args(arguments)
        .env_remove(KEY)
        .env(KEY_DESCRIPTOR, file.as_raw_fd().to_string())
        .exec();
    Err(failed)
}

/// The key for models: from the unnamed file of `hide_key`, else from the environment.
fn key() -> Option<Secret> {
    let descriptor = text(KEY_DESCRIPTOR).and_then(|number| number.parse().ok());
    descriptor
        .map(read_hidden_key)
        .or_else(|| text(KEY))
        .map(Secret::new)
}

fn read_hidden_key(descriptor: i32) -> String {
    // SAFETY: `hide_key` opened this descriptor for us alone; it is read once and closed.
    #[expect(unsafe_code, reason = "the descriptor comes from before `exec`")]
    let mut file = unsafe { File::from_raw_fd(descriptor) };
    let mut key = String::new();
    let _ = file.read_to_string(&mut key);
    key
}

/// A variable that is set to something.
fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Where the Docker engine is, by the variables of its own client.
fn docker() -> sandboxed::Settings {
    let folder = |name: &str| text(name).map(PathBuf::from);
    let home = || folder("HOME").map(|home| home.join(".docker"));
    sandboxed::Settings {
        host: text("DOCKER_HOST"),
        context: text("DOCKER_CONTEXT"),
        config: folder("DOCKER_CONFIG").or_else(home),
        tls: text("DOCKER_TLS_VERIFY").is_some(),
        certificates: folder("DOCKER_CERT_PATH"),
        runtime: folder("XDG_RUNTIME_DIR"),
    }
}

/// Our folder in the one that `variable` names, or else in `default` in the user's own.
fn folder(variable: &str, default: &str) -> PathBuf {
    let base = text(variable).map(PathBuf::from);
    let base = base.or_else(|| text("HOME").map(|home| PathBuf::from(home).join(default)));
    base.unwrap_or_else(env::temp_dir).join("tinycode")
}
