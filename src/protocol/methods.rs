//! The one table of methods.
//!
//! A line of the table says everything of a method: its name, the handler in `api/`, its parameters
//! and its result. The names, the dispatch in `api/mod.rs` and the generated OpenRPC document all
//! come from here.

/// Calls the macro `$apply` with the table of methods.
macro_rules! for_each_method {
    ($apply:ident) => {
        $apply! {
            /// Answers at once, whatever else runs.
            "ping" => meta::ping(Empty) -> Pong;
            /// Says what the daemon is and which trust levels work here.
            "status" => meta::status(Empty) -> Status;
            /// Answers the OpenRPC document of this table.
            "rpc.discover" => meta::discover(Empty) -> Value;

            /// Creates a session and attaches this connection to it.
            "session.create" => sessions::create(SessionOptions) -> SessionInfo;
            /// Lists the open sessions.
            "session.list" => sessions::list(Empty) -> SessionList;
            /// Describes one session.
            "session.get" => sessions::get(SessionRef) -> SessionInfo;
            /// Gives the session a fresh namespace; its memory is kept.
            "session.reset" => sessions::reset(SessionRef) -> SessionInfo;
            /// Lists the states that the session can go back to: the beginning, and the latest steps.
            "session.checkpoints" => sessions::checkpoints(SessionRef) -> CheckpointList;
            /// Goes back to a checkpoint: Python state, memory and conversation together. Later checkpoints
            /// stay, so that this can be undone.
            "session.rewind" => sessions::rewind(SessionRewind) -> SessionInfo;
            /// Ends the session and all that runs in it.
            "session.close" => sessions::close(SessionRef) -> Empty;
            /// Sends the session's events to this connection, from `since` on.
            "session.attach" => sessions::attach(Since) -> Attached;
            /// Stops sending the session's events to this connection.
            "session.detach" => sessions::detach(SessionRef) -> Empty;

            /// Runs code without a model.
            "exec" => runs::exec(ExecParams) -> ExecResult;
            /// Works on a task until it is answered.
            "run" => runs::run(RunParams) -> RunAnswer;
            /// Takes one turn of a task.
            "step" => runs::step(StepParams) -> StepResult;
            /// Stops what runs and keeps the session.
            "interrupt" => runs::interrupt(SessionRef) -> Interrupted;
            /// Lists the signals that code gave.
            "signals" => runs::signals(Since) -> Signals;

            /// Adds functions that code may call; this connection runs those of kind `client`.
            "tools.register" => tools::register(ToolsRegister) -> ToolNames;
            /// Lists the tools of the session.
            "tools.list" => tools::list(SessionRef) -> ToolList;
            /// Answers a call of a tool.
            "tools.result" => tools::result(ToolsResult) -> Empty;

            /// Stores a value in the scratchpad.
            "memory.store" => memory::store(MemoryStore) -> Empty;
            /// Reads a value of the scratchpad.
            "memory.recall" => memory::recall(MemoryRecall) -> MemoryRecalled;
            /// Notes an observation.
            "memory.observe" => memory::observe(MemoryText) -> Empty;
            /// Notes what did not work.
            "memory.fail" => memory::fail(MemoryText) -> Empty;
            /// Forgets the scratchpad.
            "memory.clear" => memory::clear(SessionRef) -> Empty;
            /// Lists the scratchpad.
            "memory.list" => memory::list(SessionRef) -> MemoryList;
            /// Answers the scratchpad as the model is shown it.
            "memory.context" => memory::context(SessionRef) -> MemoryContext;
            /// Lists the steps of the conversation.
            "memory.steps" => memory::steps(SessionRef) -> MemorySteps;
            /// Makes the conversation shorter.
            "memory.prune" => memory::prune(MemoryPrune) -> MemoryPruned;

            /// Lists what the session's code made.
            "variables.list" => namespace::list(SessionRef) -> VariableList;
            /// Shows one name of the session's Python.
            "variables.get" => namespace::get(VariableRef) -> VariableValue;
            /// Says how code may go on at the cursor, by the names of the session's Python.
            "complete" => namespace::complete(CodeAt) -> Completions;
            /// Describes what the name at the cursor stands for.
            "inspect" => namespace::inspect(CodeAt) -> Inspection;
        }
    };
}
pub(crate) use for_each_method;

macro_rules! names {
    ($($(#[doc = $doc:literal])+ $name:literal => $module:ident::$handler:ident($params:ty) -> $result:ty;)*) => {
        /// The names of all methods.
        pub const METHOD_NAMES: &[&str] = &[$($name),*];
    };
}
for_each_method!(names);

/// The table's own copy of `name`, if it is in the table.
#[must_use]
pub fn method_name(name: &str) -> Option<&'static str> {
    METHOD_NAMES.iter().find(|known| **known == name).copied()
}
