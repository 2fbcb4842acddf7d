//! The open sessions, and how one is made from its options.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Mutex as AsyncMutex, Semaphore, mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, Queued};
use super::log::Log;
use super::prompt::{Prompt, path_in_folder};
use super::recorder::Recorder;
use super::tools::Toolbox;
use super::{MAX_WAITING, Session, SessionError};
use crate::agent::checkpoints::Checkpoints;
use crate::agent::conversation::EntryKind;
use crate::agent::{Memory, now};
use crate::engine::{self, Engine, EngineError, Level, Spec, ToolAnswer, Unit, imports};
use crate::model::{self, Secret, Source};
use crate::protocol::{
    CwdMode, KeySource, Network, Sandbox, SessionInfo, SessionOptions, TrustLevel,
};

/// Processor time that what a step leaves running may take where the session does not say.
const DEFAULT_BACKGROUND: Duration = Duration::from_secs(3_600);

/// Time that the file system gets for the files that options name.
const FILE_PATIENCE: Duration = Duration::from_secs(5);
/// Threads that may wait for file systems at once.
static FILE_READERS: Semaphore = Semaphore::const_new(8);
/// Sessions that may be open at once.
const MAX_SESSIONS: usize = 1_000;

/// What sessions need of the world.
pub struct Environment {
    /// What runs the code.
    pub engines: Engines,
    /// The key for models, where a session gives none.
    pub api_key: Option<Secret>,
    /// The base URL for models, where a session gives none.
    pub base_url: String,
    /// A file to which the replies of all models are added.
    pub record: Option<PathBuf>,
}

/// One engine for each trust level.
pub struct Engines {
    /// The engine of local sessions.
    pub local: Box<dyn Engine>,
    /// The engine of isolated sessions.
    pub isolated: Box<dyn Engine>,
    /// The engine of sandboxed sessions.
    pub sandboxed: Box<dyn Engine>,
}

impl Engines {
    async fn close(&self) {
        for engine in [&self.local, &self.isolated, &self.sandboxed] {
            engine.close().await;
        }
    }

    fn of(&self, level: TrustLevel) -> &dyn Engine {
        match level {
            TrustLevel::Local => &*self.local,
            TrustLevel::Isolated => &*self.isolated,
            TrustLevel::Sandboxed => &*self.sandboxed,
        }
    }
}

/// The open sessions of the daemon.
pub struct Registry {
    environment: Environment,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
    /// The runtime that sessions live on, whichever one a transport has.
    runtime: Handle,
}

impl Registry {
    /// No sessions yet. They will live on the current runtime.
    #[must_use]
    pub fn new(environment: Environment) -> Arc<Self> {
        Arc::new(Self {
            environment,
            sessions: Mutex::default(),
            runtime: Handle::current(),
        })
    }

    /// Makes a session.
    ///
    /// # Errors
    /// When an option cannot be met; nothing is left behind.
    pub async fn open(
        self: &Arc<Self>,
        options: SessionOptions,
    ) -> Result<Arc<Session>, SessionError> {
        let registry = Arc::clone(self);
        let opened = self
            .runtime
            .spawn(async move { registry.open_here(options).await });
        opened.await.unwrap_or(Err(SessionError::Closed))
    }

    async fn open_here(
        self: Arc<Self>,
        options: SessionOptions,
    ) -> Result<Arc<Session>, SessionError> {
        let count = self.sessions().len();
        if count >= MAX_SESSIONS {
            return Err(SessionError::TooMany(count));
        }
        let (options, prompt) = read_files(options).await?;
        let source = self.source(&options);
        let unit = self.unit(&options).await?;
        let engine = self.environment.engines.of(options.trust_level);
        let not_enforced = engine.not_enforced(sandbox(&options)).await;
        let (queue, orders) = mpsc::channel(MAX_WAITING);
        let (answers, answers_in) = mpsc::unbounded_channel();
        let key = self.key_source(&options);
        let session = Arc::new(new_session(
            options,
            not_enforced,
            key,
            prompt,
            queue,
            answers,
        ));
        let actor = Actor {
            session: Arc::clone(&session),
            unit,
            answers: answers_in,
            model: source,
            opened: None,
        };
        self.sessions()
            .insert(session.id.clone(), Arc::clone(&session));
        let registry = Arc::clone(&self);
        self.runtime.spawn(async move {
            let session = Arc::clone(&actor.session);
            actor.serve(orders).await;
            registry.sessions().remove(&session.id);
            session.closed.send_replace(true);
        });
        Ok(session)
    }

    async fn unit(&self, options: &SessionOptions) -> Result<Box<dyn Unit>, SessionError> {
        let limits = &options.limits;
        let spec = Spec {
            cwd: options.cwd.as_ref().map(PathBuf::from),
            mount: options.cwd_mode == Some(CwdMode::Mount),
            python: options.python.clone(),
            imports: imports::allowed(&options.extra_imports),
            checkpoints: options.checkpoints,
            timeout: Duration::from_secs_f64(limits.timeout_seconds),
            max_output: usize::try_from(limits.max_output_bytes).unwrap_or(usize::MAX),
            max_memory: limits.max_memory_bytes,
            background: limits
                .background_seconds
                .map_or(DEFAULT_BACKGROUND, Duration::from_secs_f64),
            sandbox: sandbox(options),
            network: options.network() == Network::Host,
            image: options.image.clone(),
        };
        let engine = self.environment.engines.of(options.trust_level);
        engine.open(spec).await.map_err(|error| match error {
            EngineError::Option { field, message } => option(field, message),
            error => error.into(),
        })
    }

    fn source(&self, options: &SessionOptions) -> Source {
        let environment = &self.environment;
        let base_url = options.base_url.as_ref();
        let base_url = base_url.unwrap_or(&environment.base_url);
        let api_key = match self.key_source(options) {
            KeySource::Session => options.api_key.as_deref().map(Secret::new),
            KeySource::Daemon => environment.api_key.clone(),
            KeySource::Withheld | KeySource::None => None,
        };
        Source {
            name: in_folder(options.cwd.as_deref(), &options.model),
            api_key,
            key_withheld: !self.is_own_server(options) && options.api_key.is_none(),
            base_url: base_url.clone(),
            record: environment.record.clone(),
        }
    }

    /// Whose key the model's server of such a session is sent. The daemon's own goes to the server of its
    /// own configuration and to no other.
    fn key_source(&self, options: &SessionOptions) -> KeySource {
        if options.model.starts_with("replay:") {
            return KeySource::None;
        }
        match (&options.api_key, &self.environment.api_key) {
            (Some(key), _) if key.is_empty() => KeySource::None,
            (Some(_), _) => KeySource::Session,
            (None, None) => KeySource::None,
            (None, Some(_)) if self.is_own_server(options) => KeySource::Daemon,
            (None, Some(_)) => KeySource::Withheld,
        }
    }

    fn is_own_server(&self, options: &SessionOptions) -> bool {
        let own = &self.environment.base_url;
        let base_url = options.base_url.as_ref();
        base_url.is_none_or(|base_url| model::same_server(base_url, own))
    }

    /// Checks the source of a tool that is to run beside the code of a session of this level.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn check_tool(
        &self,
        level: TrustLevel,
        python: Option<&str>,
        name: &str,
        source: &str,
    ) -> Result<(), SessionError> {
        let engine = self.environment.engines.of(level);
        Ok(engine.check_tool(python, name, source).await?)
    }

    /// The session of this id.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, id: &str) -> Result<Arc<Session>, SessionError> {
        let session = self.sessions().get(id).cloned();
        session.ok_or_else(|| SessionError::NotFound(id.to_owned()))
    }

    /// All open sessions, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<SessionInfo> {
        let mut list: Vec<SessionInfo> = self
            .sessions()
            .values()
            .map(|session| session.info())
            .collect();
        list.sort_by(|a, b| a.created.total_cmp(&b.created));
        list
    }

    /// Number of open sessions.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sessions().len()
    }

    /// Ends all sessions and waits until all that ran in them is gone.
    pub async fn close_all(&self, reason: &str) {
        let all: Vec<Arc<Session>> = self.sessions().values().cloned().collect();
        futures_util::future::join_all(all.iter().map(|session| session.close(reason))).await;
        self.environment.engines.close().await;
    }

    /// What a trust level is on this machine, as far as it can be told within `patience`.
    pub async fn level(&self, level: TrustLevel, patience: Duration) -> Level {
        self.environment.engines.of(level).level(patience).await
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the files that options name, and looks at the folder, on a thread that nobody waits for longer than a while: a
/// file system that hangs must not hold up others.
async fn read_files(options: SessionOptions) -> Result<(SessionOptions, Prompt), SessionError> {
    let slow = || {
        option(
            "cwd",
            "its file system, or that of another file, does not answer".to_owned(),
        )
    };
    let permit = timeout(FILE_PATIENCE, FILE_READERS.acquire()).await;
    let permit = permit
        .map_err(|_| slow())?
        .map_err(|_| SessionError::Closed)?;
    let read = tokio::task::spawn_blocking(move || {
        let _permit = permit; // kept by a thread that hangs
        if let Some(cwd) = &options.cwd
            && !Path::new(cwd).is_dir()
        {
            return Err(option("cwd", format!("there is no folder '{cwd}'")));
        }
        let prompt = Prompt::read(&options)?;
        Ok((options, prompt))
    });
    let read = timeout(FILE_PATIENCE, read).await.map_err(|_| slow())?;
    read.map_err(|_| SessionError::Closed)?
}

/// What isolated code may touch, as the engine says it.
fn sandbox(options: &SessionOptions) -> engine::Sandbox {
    match options.sandbox().unwrap_or_default() {
        Sandbox::Strict => engine::Sandbox::Strict,
        Sandbox::Workspace => engine::Sandbox::Workspace,
        Sandbox::Off => engine::Sandbox::Off,
    }
}

fn new_session(
    options: SessionOptions,
    not_enforced: Vec<String>,
    key: KeySource,
    prompt: Prompt,
    queue: mpsc::Sender<Queued>,
    answers: mpsc::UnboundedSender<ToolAnswer>,
) -> Session {
    let id = new_id("s");
    let created = now();
    let mut memory = Memory::default();
    let system_prompt = prompt.with_tools(std::iter::empty());
    memory
        .conversation
        .push(created, EntryKind::SystemPrompt(system_prompt));
    let checkpoints = Checkpoints::new(&memory, options.checkpoints);
    let memory = Arc::new(Mutex::new(memory));
    let log = Arc::new(Log::new(&id));
    let tools = Arc::new(Mutex::new(Toolbox::new(answers)));
    Session {
        id,
        created,
        options,
        not_enforced,
        key,
        queue,
        stops: Mutex::new(VecDeque::new()),
        recorder: Recorder::new(Arc::clone(&log), Arc::clone(&memory), Arc::clone(&tools)),
        memory,
        log,
        tools,
        checkpoints: AsyncMutex::new(checkpoints),
        prompt,
        closing: CancellationToken::new(),
        reason: Mutex::new(None),
        closed: watch::Sender::new(false),
    }
}

/// A recording is looked for in the session's folder.
fn in_folder(cwd: Option<&str>, model: &str) -> String {
    match model.strip_prefix("replay:") {
        Some(file) => format!("replay:{}", path_in_folder(cwd, file).display()),
        None => model.to_owned(),
    }
}

const fn option(field: &'static str, message: String) -> SessionError {
    SessionError::Option { field, message }
}

/// An id that nobody has had before.
pub fn new_id(kind: &str) -> String {
    let mut bytes = [0_u8; 8];
    if getrandom::fill(&mut bytes).is_err() {
        bytes = now().to_bits().to_be_bytes(); // a system without randomness still has a clock
    }
    let mut id = format!("{kind}-");
    for byte in bytes {
        let _ = write!(id, "{byte:02x}");
    }
    id
}
