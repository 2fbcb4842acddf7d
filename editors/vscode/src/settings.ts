// What users set, and what the daemon is told of it.

import { homedir } from "node:os";

import * as vscode from "vscode";

interface Settings {
  path: string;
  socket: string;
  trustLevel: "local" | "isolated" | "sandboxed";
  model: string;
  baseUrl: string;
  python: string;
  timeoutSeconds: number;
  maxOutputBytes: number;
  maxMemoryBytes: number;
  revealOutput: boolean;
}

/** Settings that only take effect when the daemon starts. */
const AT_START: readonly (keyof Settings)[] = [
  "path",
  "socket",
  "trustLevel",
  "model",
  "baseUrl",
  "python",
  "timeoutSeconds",
  "maxOutputBytes",
  "maxMemoryBytes",
];

/** One setting, as package.json declares it. */
export function setting<K extends keyof Settings>(name: K): Settings[K] {
  return vscode.workspace.getConfiguration("tinycode").get(name) as Settings[K];
}

/** A setting that is a path, which may begin in the user's home. */
export function pathSetting(name: "path" | "socket"): string {
  return setting(name).replace(/^~(?=\/)/, homedir());
}

/** Whether a change of the settings needs a new daemon. */
export function needsRestart(event: vscode.ConfigurationChangeEvent): boolean {
  return AT_START.some((name) => event.affectsConfiguration(`tinycode.${name}`));
}

/** What the daemon is told at its start; what is empty is left to it. */
export function initializationOptions(): object {
  const limits = given({
    timeout_seconds: setting("timeoutSeconds"),
    max_output_bytes: setting("maxOutputBytes"),
    max_memory_bytes: setting("maxMemoryBytes"),
  });
  const session = given({
    trust_level: setting("trustLevel"),
    model: setting("model"),
    base_url: setting("baseUrl"),
    python: setting("python"),
    limits,
  });
  return { session, hints: false };
}

function given(options: Record<string, string | number | object>): object {
  const isGiven = (value: string | number | object): boolean =>
    typeof value === "object" ? Object.keys(value).length > 0 : Boolean(value);
  return Object.fromEntries(Object.entries(options).filter(([, value]) => isGiven(value)));
}
