//! What the daemon takes from its environment. Nothing else reads it.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Instant;

use std::sync::Arc;

use crate::api::App;
use crate::engine::Isolated;
use crate::model::Secret;
use crate::session::{Environment, Registry};

/// The server where neither the session nor the environment names one.
const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";

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
];

/// The environment as the daemon found it.
#[derive(Debug)]
pub struct Config {
    /// The key for models.
    pub api_key: Option<Secret>,
    /// The base URL for models.
    pub base_url: String,
    /// What a Python subprocess gets.
    pub python_environment: Vec<(OsString, OsString)>,
    /// Where the daemon keeps what must outlive a request: tokens.
    pub state_folder: PathBuf,
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
            api_key: text("OPENAI_API_KEY").map(Secret::new),
            base_url: text("OPENAI_BASE_URL").unwrap_or_else(|| DEFAULT_BASE_URL.to_owned()),
            python_environment: passed
                .filter_map(|name| env::var_os(&name).map(|value| (name, value)))
                .collect(),
            state_folder: state_folder(),
            log_filter: text("TINYCODE_LOG"),
            no_color: text("NO_COLOR").is_some(),
            dumb_terminal: text("TERM").as_deref() == Some("dumb"),
        }
    }

    /// What all requests share, with the replies of all models added to the file `record` if one is
    /// given. Has to be called on the runtime that the sessions are to live on.
    #[must_use]
    pub fn app(&self, record: Option<PathBuf>) -> Arc<App> {
        let environment = Environment {
            isolated: Box::new(Isolated::new(self.python_environment.clone())),
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

/// A variable that is set to something.
fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn state_folder() -> PathBuf {
    let base = text("XDG_STATE_HOME").map(PathBuf::from);
    let base = base.or_else(|| text("HOME").map(|home| PathBuf::from(home).join(".local/state")));
    base.unwrap_or_else(env::temp_dir).join("tinycode")
}
