// What happened in the sessions: runs and steps, kept from the daemon's events.

import * as vscode from "vscode";

import type { EventEnvelope, ExecResult, JsonValue, RunResult, Signal } from "./wire";

/** Steps of a session that are kept. */
const MAX_ENTRIES = 200;
/** Characters of one step's output that are kept while it runs; its result has what the limits allow. */
const MAX_TEXT = 256 * 1024;

export interface Piece {
  stream: "stdout" | "stderr";
  text: string;
}

export type Rich = Record<string, JsonValue>;

/** One turn: code, and what it did. */
export interface Step {
  kind: "step";
  session: string;
  step: number;
  /** The event that began it. Steps are counted anew when the session goes back, events never. */
  seq: number;
  /** The event that began the one that it went on from. */
  after?: number;
  /** What it left can be gone back to by this name. */
  checkpoint?: string;
  /** What it left is not kept any more. */
  gone?: boolean;
  undone: boolean;
  run?: Run;
  time: number;
  state: "thinking" | "running" | "ok" | "failed" | "lost";
  /** What the model has said. */
  reply: string;
  code: string;
  pieces: Piece[];
  display: Rich[];
  signals: Pick<Signal, "kind" | "message">[];
  result?: ExecResult;
}

/** A task, and the steps that were taken for it. */
export interface Run {
  kind: "run";
  session: string;
  run: string;
  task: string;
  time: number;
  steps: Step[];
  result?: RunResult;
}

export type Entry = Run | Step;

export interface Session {
  id: string;
  seq: number;
  entries: Entry[];
  /** Those that led to what the session is now, and nothing that was undone, by their numbers. */
  steps: Map<number, Step>;
  latest?: Step;
  runs: Map<string, Run>;
}

/** The sessions that this window knows of. */
export class Steps implements vscode.Disposable {
  private readonly sessions = new Map<string, Session>();
  private readonly changed = new vscode.EventEmitter<Entry>();
  private readonly listed = new vscode.EventEmitter<void>();

  /** A run or a step is not what it was. */
  readonly onDidChange = this.changed.event;
  /** There is a new session, or one less. */
  readonly onDidChangeSessions = this.listed.event;

  dispose(): void {
    this.changed.dispose();
    this.listed.dispose();
  }

  all(): Session[] {
    return [...this.sessions.values()];
  }

  /** The step that this event began. */
  step(session: string | undefined, seq: number | undefined): Step | undefined {
    const known = session === undefined ? undefined : this.sessions.get(session);
    return known && stepsOf(known).findLast((step) => step.seq === seq);
  }

  /** Whether a session can be brought to what a step left: it is kept, and not what the session is. */
  isThereToGo(step: Step): boolean {
    return step.checkpoint !== undefined && !step.gone && this.sessions.get(step.session)?.latest !== step;
  }

  /** Notes that of the checkpoints of a session only these are kept. */
  setKept(id: string, checkpoints: ReadonlySet<string>): void {
    const session = this.sessions.get(id);
    for (const step of session ? stepsOf(session) : []) {
      step.gone = step.checkpoint !== undefined && !checkpoints.has(step.checkpoint);
    }
  }

  run(session: string | undefined, run: string | null | undefined): Run | undefined {
    return session && run ? this.sessions.get(session)?.runs.get(run) : undefined;
  }

  /** The session of this id, which is known from now on. */
  session(id: string): Session {
    let session = this.sessions.get(id);
    if (!session) {
      session = { id, seq: 0, entries: [], steps: new Map(), runs: new Map() };
      this.sessions.set(id, session);
      this.listed.fire();
    }
    return session;
  }

  /** The daemon has gone, and its sessions with it. */
  clear(): void {
    const steps = this.all().flatMap((session) => [...session.steps.values()]);
    for (const step of steps.filter(({ state }) => state === "thinking" || state === "running")) {
      step.state = "lost";
      this.changed.fire(step);
    }
    this.sessions.clear();
    this.listed.fire();
  }

  /** Takes an event. One that was seen before, since somebody attached anew, is left out. */
  take(event: EventEnvelope): void {
    if (event.type === "session.closed") {
      this.sessions.delete(event.session);
      this.listed.fire();
      return;
    }
    const session = this.session(event.session);
    if (event.seq <= session.seq) {
      return;
    }
    session.seq = event.seq;
    const entry = apply(session, event);
    if (entry) {
      this.changed.fire(entry);
    }
  }
}

function apply(session: Session, event: EventEnvelope): Entry | undefined {
  switch (event.type) {
    case "run.started":
      return begin(session, { ...only(event), kind: "run", run: event.run, task: event.task, steps: [] });
    case "run.finished": {
      const run = session.runs.get(event.run);
      return run && Object.assign(run, { result: event.result });
    }
    case "step.started":
      return startStep(session, event);
    case "checkpoint":
      return session.latest && Object.assign(session.latest, { checkpoint: event.checkpoint });
    case "session.rewound":
      return goBack(session, event.checkpoint);
    case "model.delta":
    case "code":
    case "stdout":
    case "stderr":
    case "display":
    case "signal":
    case "step.finished": {
      const step = session.steps.get(event.step);
      return step && change(step, event);
    }
    default:
      return undefined;
  }
}

function only(event: EventEnvelope): { session: string; time: number } {
  return { session: event.session, time: event.time };
}

function stepsOf({ entries }: Session): Step[] {
  return entries.flatMap((entry) => (entry.kind === "run" ? entry.steps : [entry]));
}

/** A checkpoint that is not known was made before all steps that are. */
function goBack(session: Session, checkpoint: string): Step | undefined {
  const steps = stepsOf(session);
  const latest = steps.find((step) => step.checkpoint === checkpoint);
  const bySeq = new Map(steps.map((step) => [step.seq, step]));
  const line = new Set<Step>();
  for (let step = latest; step; step = step.after === undefined ? undefined : bySeq.get(step.after)) {
    line.add(step);
  }
  steps.forEach((step) => (step.undone = !line.has(step)));
  session.steps = new Map([...line].map((step) => [step.step, step]));
  if (latest) {
    session.latest = latest;
  } else {
    delete session.latest;
  }
  return steps.at(-1);
}

type StepStarted = Extract<EventEnvelope, { type: "step.started" }>;

function startStep(session: Session, { step: number, seq, time, run: runId }: StepStarted): Step {
  const run = runId ? session.runs.get(runId) : undefined;
  const step: Step = {
    kind: "step",
    session: session.id,
    step: number,
    seq,
    ...(session.latest && { after: session.latest.seq }),
    undone: false,
    time,
    state: run ? "thinking" : "running",
    reply: "",
    code: "",
    pieces: [],
    display: [],
    signals: [],
    ...(run && { run }),
  };
  session.steps.set(number, step);
  session.latest = step;
  if (run) {
    run.steps.push(step);
  } else {
    begin(session, step);
  }
  return step;
}

/** Adds an entry; the oldest ones are forgotten. */
function begin<T extends Entry>(session: Session, entry: T): T {
  session.entries.push(entry);
  if (entry.kind === "run") {
    session.runs.set(entry.run, entry);
  }
  while (session.entries.length > MAX_ENTRIES) {
    const oldest = session.entries.shift();
    if (oldest?.kind === "run") {
      session.runs.delete(oldest.run);
    }
    for (const step of oldest?.kind === "run" ? oldest.steps : oldest ? [oldest] : []) {
      if (session.steps.get(step.step) === step) {
        session.steps.delete(step.step);
      }
    }
  }
  return entry;
}

type OfStep = Extract<
  EventEnvelope,
  { type: "model.delta" | "code" | "stdout" | "stderr" | "display" | "signal" | "step.finished" }
>;

function change(step: Step, event: OfStep): Step {
  switch (event.type) {
    case "model.delta":
      step.reply = (step.reply + event.text).slice(-MAX_TEXT);
      break;
    case "code":
      step.code = event.code;
      step.state = "running";
      break;
    case "stdout":
    case "stderr":
      print(step, event.type, event.text);
      break;
    case "display":
      step.display.push(event.data);
      break;
    case "signal":
      step.signals.push({ kind: event.kind, message: event.message });
      break;
    case "step.finished":
      step.state = event.result && !event.result.error ? "ok" : "failed";
      if (event.result) {
        step.result = event.result;
        step.display = event.result.display;
      } else if (!step.code && step.reply) {
        step.state = "ok"; // the model had something to say, and no code
      }
      break;
  }
  return step;
}

function print(step: Step, stream: Piece["stream"], text: string): void {
  const last = step.pieces.at(-1);
  if (last?.stream === stream) {
    last.text = (last.text + text).slice(-MAX_TEXT);
  } else {
    step.pieces.push({ stream, text });
  }
}
