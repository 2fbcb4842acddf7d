// Generated from src/protocol by `UPDATE_PROTOCOL=1 cargo test --lib protocol`.

export type Attached = { 
/**
 * `seq` of the session's latest event.
 */
seq: number, };

export type CheckpointInfo = { 
/**
 * Names it.
 */
checkpoint: string, 
/**
 * The step after which it was made; 0 is the beginning of the session.
 */
step: number, 
/**
 * When, in seconds since 1970.
 */
time: number, };

export type CheckpointList = { 
/**
 * Where the session can go back to, oldest first.
 */
checkpoints: Array<CheckpointInfo>, };

export type CodeAt = { 
/**
 * The session's id.
 */
session: string, 
/**
 * Python source, which need not be whole.
 */
code: string, 
/**
 * Where in it: characters (Unicode code points) before the cursor.
 */
cursor: number, };

export type Completions = { 
/**
 * What may stand between `cursor_start` and `cursor_end`, at most 1,000.
 */
matches: Array<string>, 
/**
 * What each of them is: `variable`, `function`, `class`, `module`, `property`, `keyword`, or `key` of a
 * dictionary.
 */
kinds: Array<string>, 
/**
 * Where what they replace begins, in characters.
 */
cursor_start: number, 
/**
 * And where it ends.
 */
cursor_end: number, };

export type CwdMode = "copy" | "mount";

export type Empty = Record<symbol, never>;

export type Error = { 
/**
 * The JSON-RPC error code; see [`ErrorKind`].
 */
code: number, 
/**
 * What is wrong, in the user's words.
 */
message: string, 
/**
 * The kind and what to do next.
 */
data: ErrorData, };

export type ErrorData = { 
/**
 * What kind of error it is.
 */
kind: ErrorKind, 
/**
 * What to do next.
 */
hint?: string, };

export type ErrorKind = "parse_error" | "invalid_request" | "method_not_found" | "invalid_params" | "internal" | "not_initialized" | "cancelled" | "session_not_found" | "session_busy" | "limit_exceeded" | "tool_error" | "model_error" | "trust_level_unavailable" | "step_limit_reached" | "unauthorized";

export type EventEnvelope = { 
/**
 * The session's id.
 */
session: string, 
/**
 * Number of the event in its session: rises by one and is never used twice.
 */
seq: number, 
/**
 * When, in seconds since 1970.
 */
time: number, } & ({ "type": "run.started", 
/**
 * The run's id.
 */
run: string, 
/**
 * What it is to do.
 */
task: string, 
/**
 * Steps that it may take.
 */
max_steps: number, } | { "type": "step.started", 
/**
 * The run that it belongs to, where there is one.
 */
run?: string, 
/**
 * Number of the step in its session.
 */
step: number, } | { "type": "model.delta", 
/**
 * Number of the step in its session.
 */
step: number, 
/**
 * What it said.
 */
text: string, } | { "type": "model.message", 
/**
 * Number of the step in its session.
 */
step: number, 
/**
 * The reply.
 */
text: string, 
/**
 * What it cost.
 */
usage: TokenUsage, } | { "type": "code", 
/**
 * Number of the step in its session.
 */
step: number, 
/**
 * The code.
 */
code: string, } | { "type": "stdout", 
/**
 * Number of the step in its session.
 */
step: number, 
/**
 * What it printed.
 */
text: string, 
/**
 * Whether it was something that an earlier step left running, a thread or a process. Then `step` is the
 * last one that had ended, and this is in no result.
 */
background?: boolean, } | { "type": "stderr", 
/**
 * Number of the step in its session.
 */
step: number, 
/**
 * What it wrote.
 */
text: string, 
/**
 * Whether it was something that an earlier step left running, a thread or a process. Then `step` is the
 * last one that had ended, and this is in no result.
 */
background?: boolean, } | { "type": "display", 
/**
 * Number of the step in its session.
 */
step: number, 
/**
 * MIME types and their data.
 */
data: { [key in string]: JsonValue }, } | { "type": "signal", 
/**
 * Number of the step in its session.
 */
step: number, 
/**
 * What it says.
 */
kind: SignalKind, 
/**
 * Why.
 */
message: string, } | { "type": "tool.call", 
/**
 * Names the call.
 */
call: string, 
/**
 * Number of the step in its session.
 */
step: number, 
/**
 * The tool.
 */
name: string, 
/**
 * Arguments by position.
 */
args: Array<JsonValue>, 
/**
 * Arguments by name.
 */
kwargs: { [key in string]: JsonValue }, } | { "type": "tool.done", 
/**
 * Names the call.
 */
call: string, 
/**
 * Whether it was answered with a value.
 */
ok: boolean, } | { "type": "memory", 
/**
 * The stored name; `observations`, `failed_approaches` or `*` where it was no `store`.
 */
name: string, 
/**
 * What changed.
 */
op: MemoryOp, } | { "type": "step.finished", 
/**
 * Number of the step in its session.
 */
step: number, 
/**
 * What the code did; null where the model wrote none or the step was given up.
 */
result: ExecResult | null, } | { "type": "checkpoint", 
/**
 * Names it.
 */
checkpoint: string, 
/**
 * Number of the step in its session.
 */
step: number, } | { "type": "session.rewound", 
/**
 * The checkpoint.
 */
checkpoint: string, 
/**
 * The step after which it was made; 0 is the beginning.
 */
step: number, } | { "type": "run.finished", 
/**
 * The run's id.
 */
run: string, 
/**
 * What came of it.
 */
result: RunResult, } | { "type": "session.closed", 
/**
 * Why.
 */
reason: string, });

export type ExecParams = { 
/**
 * The session's id.
 */
session: string, 
/**
 * Python source.
 */
code: string, };

export type ExecResult = { 
/**
 * Number of the step in its session.
 */
step: number, 
/**
 * What was printed to stdout.
 */
output: string, 
/**
 * What was printed to stderr.
 */
stderr: string, 
/**
 * Whether `output`, `stderr` or `value` was cut.
 */
output_truncated: boolean, 
/**
 * `repr` of a last bare expression, or null.
 */
value: string | null, 
/**
 * Whether the code gave a final answer.
 */
is_final: boolean, 
/**
 * The final answer, as JSON where it can be, else its `repr`.
 */
final_value: JsonValue, 
/**
 * The exception that ended the code, or null.
 */
error: PyErrorInfo | null, 
/**
 * Whether the step was stopped because it took too long.
 */
timeout: boolean, 
/**
 * Whether the step was stopped because somebody asked for it.
 */
interrupted: boolean, 
/**
 * Milliseconds that the code ran.
 */
duration_ms: number, 
/**
 * The signals that the code gave.
 */
signals: Array<Signal>, 
/**
 * Rich output: maps of MIME type to data.
 */
display: Array<{ [key in string]: JsonValue }>, 
/**
 * What became of the Python state.
 */
state: StateAfter, };

export type FinalAnswer = { 
/**
 * The value, as JSON where it can be, else its `repr`.
 */
value: JsonValue, 
/**
 * How it came about.
 */
source: FinalSource, 
/**
 * When, in seconds since 1970.
 */
timestamp: number, 
/**
 * The step that gave it, as `step`.
 */
metadata: { [key in string]: JsonValue }, };

export type FinalSource = "normal" | "final_attempt";

export type Inspection = { 
/**
 * Whether the name at the cursor, or the function in whose brackets it is, is known.
 */
found: boolean, 
/**
 * Its signature, type, value, length and docstring; empty where it is not known.
 */
text: string, };

export type Interrupted = { 
/**
 * Whether something was running.
 */
interrupted: boolean, };

export type JsonValue = number | string | boolean | Array<JsonValue> | { [key in string]: JsonValue } | null;

export type KeySource = "session" | "daemon" | "withheld" | "none";

export type LevelStatus = { 
/**
 * Whether sessions of this level can be created.
 */
available: boolean, 
/**
 * What runs the code.
 */
engine: string, 
/**
 * Version of the Python that runs the code, where it is known.
 */
python_version: string | null, 
/**
 * What is enforced on the code, found by probing.
 */
enforced: Array<string>, 
/**
 * What is not enforced here although it is on other systems, and what would bring it; left out where there is
 * nothing.
 */
missing?: Array<string>, 
/**
 * What is still to be done, or being done, before its first session, if anything.
 */
preparing?: string | null, 
/**
 * Why the level is not available, or null.
 */
reason: string | null, };

export type Limits = { 
/**
 * Seconds that one step may take; above 0, at most 86,400.
 */
timeout_seconds: number, 
/**
 * Bytes of stdout, and as many of stderr, that one step may say; 1 to 16 MiB.
 */
max_output_bytes: number, 
/**
 * Steps that one run may take; 1 to 10,000.
 */
max_steps: number, 
/**
 * Bytes of memory that the Python of the session may use; at least 64 MiB.
 */
max_memory_bytes: number | null, 
/**
 * Seconds of processor time that threads and processes which a step leaves running may take until the next
 * one, beyond which they are paused until then; 0 to 1,000,000,000, and 3,600 where it is left out.
 */
background_seconds: number | null, };

export type MemoryContext = { 
/**
 * The scratchpad as the model is shown it; empty where there is nothing to show.
 */
text: string, };

export type MemoryList = { 
/**
 * Stored values by name; the `repr` of those that JSON cannot say.
 */
variables: { [key in string]: JsonValue }, 
/**
 * What was observed, oldest first.
 */
observations: Array<string>, 
/**
 * What did not work, oldest first.
 */
failed_approaches: Array<string>, };

export type MemoryOp = "store" | "observe" | "fail" | "clear";

export type MemoryPrune = { 
/**
 * The session's id.
 */
session: string, 
/**
 * How.
 */
strategy: PruneStrategy, 
/**
 * How many actions `keep_last` keeps; the session's `prune_keep_last` where it is left out.
 */
keep_last: number | null, 
/**
 * Characters that `truncate_observations` leaves of each; 500 where it is left out.
 */
max_length: number | null, };

export type MemoryPruned = { 
/**
 * Steps of the conversation before.
 */
steps_before: number, 
/**
 * And after.
 */
steps_after: number, };

export type MemoryRecall = { 
/**
 * The session's id.
 */
session: string, 
/**
 * The name that it was stored under.
 */
name: string, 
/**
 * What to answer where nothing was.
 */
default: JsonValue, };

export type MemoryRecalled = { 
/**
 * The value; its `repr` where it is kept in Python because JSON cannot say it.
 */
value: JsonValue, 
/**
 * Whether something was stored under the name.
 */
found: boolean, };

export type MemorySteps = { 
/**
 * The steps of the conversation, oldest first.
 */
steps: Array<StepEntry>, };

export type MemoryStore = { 
/**
 * The session's id.
 */
session: string, 
/**
 * The name to store it under.
 */
name: string, 
/**
 * The value.
 */
value: JsonValue, };

export type MemoryText = { 
/**
 * The session's id.
 */
session: string, 
/**
 * What was observed, or what did not work.
 */
text: string, };

export type Network = "none" | "host";

export type Pong = { 
/**
 * Always true.
 */
pong: boolean, };

export type PruneStrategy = "keep_last" | "truncate_observations" | "none";

export type PyErrorInfo = { 
/**
 * Name of the exception's class.
 */
type: string, 
/**
 * What it says.
 */
message: string, 
/**
 * The traceback, with the user's own lines.
 */
traceback: string, 
/**
 * Line of the step's code where it happened, from 1; null where there is none.
 */
line: number | null, };

export type RunAnswer = string | RunResult | RunStarted;

export type RunError = { 
/**
 * The kind of error, as in error objects.
 */
type: ErrorKind, 
/**
 * What is wrong, in the user's words.
 */
message: string, 
/**
 * What to do next, or null.
 */
hint: string | null, };

export type RunMetadata = { 
/**
 * The run's id.
 */
run: string, 
/**
 * The session that it ran in.
 */
session: string, 
/**
 * Tokens used.
 */
usage: TokenUsage, };

export type RunParams = { 
/**
 * What to do.
 */
task: string, 
/**
 * The session to do it in; a new one of the options below where it is left out.
 */
session: string | null, 
/**
 * Steps that the run may take, at most the session's `limits.max_steps`; at least 1.
 */
max_steps: number, 
/**
 * Whether the daemon logs the steps.
 */
verbose: boolean, 
/**
 * Whether to answer a `RunResult` instead of a string.
 */
return_result: boolean, 
/**
 * Whether to answer at once and go on in the background.
 */
detach: boolean, 
/**
 * How far the generated code is trusted.
 */
trust_level: TrustLevel, 
/**
 * What a step and a run may use.
 */
limits: Limits, 
/**
 * Top-level packages that code may import beyond the default list; "*" allows all.
 */
extra_imports: Array<string>, 
/**
 * The model, as its server calls it, or `replay:FILE`.
 */
model: string, 
/**
 * The key for the model's server. Where it is left out, the one of the daemon's environment, which goes
 * to the server of the daemon's own configuration and to no other.
 */
api_key: string | null, 
/**
 * The base URL of the model's server; from the daemon's environment where it is left out. Another one
 * has to come with an `api_key`, or is sent none.
 */
base_url: string | null, 
/**
 * Tools that the code may call.
 */
tools: Array<Tool>, 
/**
 * Text added to the end of the system prompt.
 */
system_suffix: string | null, 
/**
 * A file whose text takes the place of the system prompt.
 */
prompt_file: string | null, 
/**
 * Whether old steps are pruned from the conversation after each step.
 */
enable_pruning: boolean, 
/**
 * How many of the latest steps pruning keeps; at least 1.
 */
prune_keep_last: number, 
/**
 * Whether a checkpoint is made after each step, to which the session can go back.
 */
checkpoints: boolean, 
/**
 * A name for people.
 */
name: string | null, 
/**
 * The folder that the code works in.
 */
cwd: string | null, 
/**
 * How a sandboxed session has that folder; "copy" where it is left out.
 */
cwd_mode: CwdMode | null, 
/**
 * The interpreter of an isolated session; `python3` on PATH where it is left out.
 */
python: string | null, 
/**
 * What the code of an isolated session may touch; "workspace" where it is left out.
 */
sandbox: Sandbox | null, 
/**
 * The network; "host" when isolated, "none" when sandboxed or in the sandbox "strict".
 */
network: Network | null, 
/**
 * The image of a sandboxed session.
 */
image: string | null, };

export type RunResult = { 
/**
 * The answer as text; without one, what the last step printed.
 */
output: string, 
/**
 * The answer, or null.
 */
final_answer: FinalAnswer | null, 
/**
 * How the run ended.
 */
state: RunState, 
/**
 * Turns of the model that the run took.
 */
steps_taken: number, 
/**
 * Seconds that it took.
 */
duration_seconds: number, 
/**
 * Why there is no answer, or null.
 */
error: RunError | null, 
/**
 * Where it ran and what it used.
 */
metadata: RunMetadata, };

export type RunStarted = { 
/**
 * The run's id, as in its events.
 */
run: string, 
/**
 * The session that it runs in.
 */
session: string, };

export type RunState = "completed" | "step_limit_reached" | "error" | "cancelled";

export type Sandbox = "strict" | "workspace" | "off";

export type SessionInfo = { 
/**
 * The session's id.
 */
session: string, 
/**
 * Its name for people, or null.
 */
name: string | null, 
/**
 * How far its code is trusted.
 */
trust_level: TrustLevel, 
/**
 * What it is doing.
 */
state: SessionState, 
/**
 * Number of its latest step; 0 before the first.
 */
step: number, 
/**
 * When it was created, in seconds since 1970.
 */
created: number, 
/**
 * What a step and a run may use.
 */
limits: Limits, 
/**
 * Its model.
 */
model: string, 
/**
 * Whose key the model's server is sent.
 */
key: KeySource, 
/**
 * Packages that its code may import beyond the default list.
 */
extra_imports: Array<string>, 
/**
 * Its network.
 */
network: Network, 
/**
 * What its code may touch, where it is isolated.
 */
sandbox?: Sandbox | null, 
/**
 * What its sandbox promises and this system cannot enforce, in sentences; left out where there is nothing.
 */
not_enforced?: Array<string>, 
/**
 * Names of its tools.
 */
tools: Array<string>, 
/**
 * `seq` of its latest event; 0 before the first.
 */
seq: number, };

export type SessionList = { 
/**
 * The open sessions, oldest first.
 */
sessions: Array<SessionInfo>, };

export type SessionOptions = { 
/**
 * How far the generated code is trusted.
 */
trust_level: TrustLevel, 
/**
 * What a step and a run may use.
 */
limits: Limits, 
/**
 * Top-level packages that code may import beyond the default list; "*" allows all.
 */
extra_imports: Array<string>, 
/**
 * The model, as its server calls it, or `replay:FILE`.
 */
model: string, 
/**
 * The key for the model's server. Where it is left out, the one of the daemon's environment, which goes
 * to the server of the daemon's own configuration and to no other.
 */
api_key: string | null, 
/**
 * The base URL of the model's server; from the daemon's environment where it is left out. Another one
 * has to come with an `api_key`, or is sent none.
 */
base_url: string | null, 
/**
 * Tools that the code may call.
 */
tools: Array<Tool>, 
/**
 * Text added to the end of the system prompt.
 */
system_suffix: string | null, 
/**
 * A file whose text takes the place of the system prompt.
 */
prompt_file: string | null, 
/**
 * Whether old steps are pruned from the conversation after each step.
 */
enable_pruning: boolean, 
/**
 * How many of the latest steps pruning keeps; at least 1.
 */
prune_keep_last: number, 
/**
 * Whether a checkpoint is made after each step, to which the session can go back.
 */
checkpoints: boolean, 
/**
 * A name for people.
 */
name: string | null, 
/**
 * The folder that the code works in.
 */
cwd: string | null, 
/**
 * How a sandboxed session has that folder; "copy" where it is left out.
 */
cwd_mode: CwdMode | null, 
/**
 * The interpreter of an isolated session; `python3` on PATH where it is left out.
 */
python: string | null, 
/**
 * What the code of an isolated session may touch; "workspace" where it is left out.
 */
sandbox: Sandbox | null, 
/**
 * The network; "host" when isolated, "none" when sandboxed or in the sandbox "strict".
 */
network: Network | null, 
/**
 * The image of a sandboxed session.
 */
image: string | null, };

export type SessionRef = { 
/**
 * The session's id.
 */
session: string, };

export type SessionRewind = { 
/**
 * The session's id.
 */
session: string, 
/**
 * A checkpoint of `session.checkpoints`.
 */
checkpoint: string, };

export type SessionState = "idle" | "busy" | "closed";

export type Signal = { 
/**
 * What it says.
 */
kind: SignalKind, 
/**
 * Why.
 */
message: string, 
/**
 * The step that gave it.
 */
step: number, 
/**
 * `seq` of its event.
 */
seq: number, 
/**
 * When, in seconds since 1970.
 */
time: number, };

export type SignalKind = "uncertain" | "explore" | "commit";

export type Signals = { 
/**
 * The signals of the session, oldest first.
 */
signals: Array<Signal>, };

export type Since = { 
/**
 * The session's id.
 */
session: string, 
/**
 * The `seq` after which to start.
 */
since: number | null, };

export type StateAfter = "kept" | "restored" | "lost";

export type Status = { 
/**
 * The daemon's version.
 */
version: string, 
/**
 * Seconds since the daemon started.
 */
uptime_seconds: number, 
/**
 * Number of open sessions.
 */
sessions: number, 
/**
 * What each trust level is on this machine.
 */
trust_levels: TrustLevels, };

export type StepEntry = { "kind": "system_prompt", 
/**
 * The instructions.
 */
text: string, 
/**
 * When, in seconds since 1970.
 */
time: number, } | { "kind": "task", 
/**
 * The task.
 */
text: string, 
/**
 * When, in seconds since 1970.
 */
time: number, } | { "kind": "action", 
/**
 * Number of the step in its session.
 */
step: number, 
/**
 * What the model said.
 */
reply: string, 
/**
 * The code in it, or null.
 */
code: string | null, 
/**
 * What the model was told of the outcome.
 */
observation: string, 
/**
 * The type and message of the exception, or null.
 */
error: string | null, 
/**
 * Seconds that the step took, the model's time included.
 */
duration_seconds: number, 
/**
 * Tokens used.
 */
usage: TokenUsage, 
/**
 * When, in seconds since 1970.
 */
time: number, } | { "kind": "scratchpad", 
/**
 * The text.
 */
text: string, 
/**
 * When, in seconds since 1970.
 */
time: number, };

export type StepParams = { 
/**
 * The session's id.
 */
session: string, 
/**
 * The task to begin; the one that was begun goes on where it is left out.
 */
task: string | null, };

export type StepResult = { 
/**
 * Number of the step in its session.
 */
step: number, 
/**
 * What the model said.
 */
reply: string, 
/**
 * The code in it, or null.
 */
code: string | null, 
/**
 * What the code did, or null without code.
 */
result: ExecResult | null, 
/**
 * Whether the task has ended.
 */
done: boolean, 
/**
 * The answer, or null.
 */
final_answer: FinalAnswer | null, 
/**
 * How the task stands.
 */
state: StepState, };

export type StepState = "running" | "completed" | "step_limit_reached" | "cancelled";

export type TokenUsage = { 
/**
 * Tokens of the prompts.
 */
prompt_tokens: number, 
/**
 * Tokens of the replies.
 */
completion_tokens: number, 
/**
 * Both.
 */
total_tokens: number, 
/**
 * Number of requests answered.
 */
requests: number, };

export type Tool = { 
/**
 * Its name in Python.
 */
name: string, 
/**
 * What it does, for the model.
 */
description: string, 
/**
 * JSON Schema of its parameters, an object.
 */
parameters: JsonValue, 
/**
 * What it returns, for the model.
 */
returns: JsonValue | null, 
/**
 * Where it runs.
 */
kind: ToolKind, 
/**
 * The source of one function, for `kind: "python"`.
 */
source: string | null, };

export type ToolFailure = { 
/**
 * Name of its class; that of a built-in one is raised as such.
 */
type: string, 
/**
 * What it says.
 */
message: string, };

export type ToolKind = "client" | "python";

export type ToolList = { 
/**
 * The tools of the session.
 */
tools: Array<Tool>, };

export type ToolNames = { 
/**
 * Names of the tools that were registered.
 */
tools: Array<string>, };

export type ToolsRegister = { 
/**
 * The session's id.
 */
session: string, 
/**
 * The tools; all of them are taken, or none.
 */
tools: Array<Tool>, };

export type ToolsResult = { 
/**
 * Names the call, as the event `tool.call` does.
 */
call: string, 
/**
 * What the tool returned.
 */
value: JsonValue, 
/**
 * What it raised in its place.
 */
error: ToolFailure | null, };

export type TrustLevel = "local" | "isolated" | "sandboxed";

export type TrustLevels = { 
/**
 * CPython inside the daemon's own process.
 */
local: LevelStatus, 
/**
 * A Python subprocess for each session.
 */
isolated: LevelStatus, 
/**
 * A container for each session.
 */
sandboxed: LevelStatus, };

export type Variable = { 
/**
 * The name.
 */
name: string, 
/**
 * The name of its class.
 */
type: string, 
/**
 * Its `repr`, at most 300 characters of it; a longer one ends in `...`.
 */
repr: string, 
/**
 * What `len` says of it, where it has a length.
 */
size?: number, };

export type VariableList = { 
/**
 * What the code made, by name, at most 1,000: no modules, and of functions and classes only those that
 * the code itself defined.
 */
variables: Array<Variable>, };

export type VariableRef = { 
/**
 * The session's id.
 */
session: string, 
/**
 * The name.
 */
name: string, 
/**
 * Characters that `repr` may have, up to 1,000,000; 300 where it is left out.
 */
max_length: number | null, };

export type VariableValue = { 
/**
 * The name of its class.
 */
type: string, 
/**
 * Its `repr`, at most `max_length` characters of it; a longer one ends in `...`.
 */
repr: string, 
/**
 * The value itself, where it is JSON and short.
 */
value?: any, };

/** The methods: their parameters and results by name. */
export interface Methods {
  /** Answers at once, whatever else runs. */
  "ping": { params: Empty; result: Pong };
  /** Says what the daemon is and which trust levels work here. */
  "status": { params: Empty; result: Status };
  /** Answers the OpenRPC document of this table. */
  "rpc.discover": { params: Empty; result: JsonValue };
  /** Creates a session and attaches this connection to it. */
  "session.create": { params: SessionOptions; result: SessionInfo };
  /** Lists the open sessions. */
  "session.list": { params: Empty; result: SessionList };
  /** Describes one session. */
  "session.get": { params: SessionRef; result: SessionInfo };
  /** Gives the session a fresh namespace; its memory is kept. */
  "session.reset": { params: SessionRef; result: SessionInfo };
  /** Lists the states that the session can go back to: the beginning, and the latest steps. */
  "session.checkpoints": { params: SessionRef; result: CheckpointList };
  /** Goes back to a checkpoint: Python state, memory and conversation together. Later checkpoints stay, so that this can be undone. */
  "session.rewind": { params: SessionRewind; result: SessionInfo };
  /** Ends the session and all that runs in it. */
  "session.close": { params: SessionRef; result: Empty };
  /** Sends the session's events to this connection, from `since` on. */
  "session.attach": { params: Since; result: Attached };
  /** Stops sending the session's events to this connection. */
  "session.detach": { params: SessionRef; result: Empty };
  /** Runs code without a model. */
  "exec": { params: ExecParams; result: ExecResult };
  /** Works on a task until it is answered. */
  "run": { params: RunParams; result: RunAnswer };
  /** Takes one turn of a task. */
  "step": { params: StepParams; result: StepResult };
  /** Stops what runs and keeps the session. */
  "interrupt": { params: SessionRef; result: Interrupted };
  /** Lists the signals that code gave. */
  "signals": { params: Since; result: Signals };
  /** Adds functions that code may call; this connection runs those of kind `client`. */
  "tools.register": { params: ToolsRegister; result: ToolNames };
  /** Lists the tools of the session. */
  "tools.list": { params: SessionRef; result: ToolList };
  /** Answers a call of a tool. */
  "tools.result": { params: ToolsResult; result: Empty };
  /** Stores a value in the scratchpad. */
  "memory.store": { params: MemoryStore; result: Empty };
  /** Reads a value of the scratchpad. */
  "memory.recall": { params: MemoryRecall; result: MemoryRecalled };
  /** Notes an observation. */
  "memory.observe": { params: MemoryText; result: Empty };
  /** Notes what did not work. */
  "memory.fail": { params: MemoryText; result: Empty };
  /** Forgets the scratchpad. */
  "memory.clear": { params: SessionRef; result: Empty };
  /** Lists the scratchpad. */
  "memory.list": { params: SessionRef; result: MemoryList };
  /** Answers the scratchpad as the model is shown it. */
  "memory.context": { params: SessionRef; result: MemoryContext };
  /** Lists the steps of the conversation. */
  "memory.steps": { params: SessionRef; result: MemorySteps };
  /** Makes the conversation shorter. */
  "memory.prune": { params: MemoryPrune; result: MemoryPruned };
  /** Lists what the session's code made. */
  "variables.list": { params: SessionRef; result: VariableList };
  /** Shows one name of the session's Python. */
  "variables.get": { params: VariableRef; result: VariableValue };
  /** Says how code may go on at the cursor, by the names of the session's Python. */
  "complete": { params: CodeAt; result: Completions };
  /** Describes what the name at the cursor stands for. */
  "inspect": { params: CodeAt; result: Inspection };
}
