// What the daemon says: the types generated from its source, and those of `tinycode/execution`.

import type { ExecResult, RunResult } from "../../protocol/protocol";

export type {
  Attached,
  CheckpointList,
  EventEnvelope,
  ExecResult,
  Interrupted,
  JsonValue,
  RunResult,
  SessionInfo,
  SessionList,
  Signal,
  Status,
  TrustLevel,
  Variable,
  VariableList,
  VariableValue,
} from "../../protocol/protocol";

/** A request that could not be done. */
export interface Failure {
  code: number;
  message: string;
  data?: { kind?: string; hint?: string };
}

/** Where a cell or task is in a version of its document; lines are counted from 0. */
export interface Place {
  version: number;
  first_line: number;
  last_line: number;
  cell: number | null;
}

/** What a cell or a task is answered. */
export type Answer = { result: ExecResult | RunResult; code?: string | null } | { error: Failure };

/** How a cell or a task stands. */
export interface ExecutionParams {
  uri: string;
  execution: number;
  kind: "cell" | "task";
  state: "queued" | "running" | "done" | "undone" | "redone";
  place: Place | null;
  session?: string;
  /** Number of the event that began the step: those of steps are counted anew when the session goes back. */
  seq?: number;
  run?: string | null;
  ok?: boolean;
  answer?: Answer;
}
