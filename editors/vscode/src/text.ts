// Words for what came of a cell or a task. Pure: it knows no editor.

import { stripVTControlCharacters } from "node:util";

import type { Piece, Step } from "./steps";
import type { Answer, ExecResult, JsonValue, RunResult } from "./wire";

/** Most characters of what is said behind a cell. */
const MAX_INLINE = 160;

export type Tone = "value" | "output" | "error" | "running" | "quiet";

/** What is said behind a cell or a task, and beside it in a quieter tone. */
export interface Line {
  text: string;
  tone: Tone;
  aside?: string;
}

/** As a terminal would show it: without colours, and without what a carriage return overwrote. */
export function plain(text: string): string {
  const lines = stripVTControlCharacters(text).replaceAll("\r\n", "\n").split("\n");
  return lines.map((line) => line.replace(/\r+$/, "").replace(/^.*\r/, "")).join("\n");
}

export function duration(milliseconds: number): string {
  if (milliseconds < 1000) {
    return `${Math.round(milliseconds)} ms`;
  }
  const seconds = milliseconds / 1000;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** A value as text: strings as they are, all else as Python writes it. */
export function valueText(value: JsonValue): string {
  return typeof value === "string" ? value : repr(value);
}

function repr(value: JsonValue): string {
  if (Array.isArray(value)) {
    return `[${value.map(repr).join(", ")}]`;
  }
  if (value === null) {
    return "None";
  }
  switch (typeof value) {
    case "object":
      return `{${Object.entries(value).map(([key, of]) => `${repr(key)}: ${repr(of)}`).join(", ")}}`;
    case "boolean":
      return value ? "True" : "False";
    default:
      return JSON.stringify(value);
  }
}

/** At most so many characters; white space between words becomes one space. */
export function clip(text: string, most = MAX_INLINE): string {
  const flat = text.replace(/\s+/g, " ").trim();
  const characters = Array.from(flat);
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : flat;
}

export function errorText(error: { type: string; message: string }): string {
  return error.message ? `${error.type}: ${error.message}` : error.type;
}

export function printed(pieces: Piece[]): string {
  return plain(pieces.map((piece) => piece.text).join(""));
}

/** What a cell is called: its title, else the line that says best what it does, its first that is no comment. */
export function gist(code: string): string {
  const title = /^# %%+[ \t]*(\S.*)/.exec(code)?.[1];
  const lines = code.split("\n").map((line) => line.trim()).filter(Boolean);
  return clip(title ?? lines.find((line) => !line.startsWith("#")) ?? lines[0] ?? "", 80);
}

function linesOf(text: string): string[] {
  return plain(text).split("\n").filter((line) => line.trim() !== "");
}

function more(count: number): string {
  return count > 0 ? ` … +${count}` : "";
}

/** What is said while it runs. */
export function runningLine(step: Step | undefined, turn: number, isTask: boolean): Line {
  const last = step?.state === "running" && linesOf(printed(step.pieces)).at(-1);
  const aside = last ? { aside: clip(last, 100) } : {};
  if (!isTask) {
    return { text: "running", tone: "running", ...aside };
  }
  return { text: `step ${turn} · ${step?.state === "running" ? "running" : "thinking"}`, tone: "running", ...aside };
}

/** What is said of what came of it. */
export function doneLine(kind: "cell" | "task", answer: Answer): Line {
  if ("error" in answer) {
    return { text: `✗ ${clip(answer.error.message)}`, tone: "error" };
  }
  return kind === "task" ? taskLine(answer.result as RunResult) : cellLine(answer.result as ExecResult);
}

function taskLine(result: RunResult): Line {
  const aside = `${result.steps_taken} ${result.steps_taken === 1 ? "step" : "steps"}, ${duration(result.duration_seconds * 1000)}`;
  if (result.state === "cancelled") {
    return { text: "interrupted", tone: "error", aside };
  }
  if (result.error) {
    return { text: `✗ ${clip(result.error.message)}`, tone: "error", aside };
  }
  const lines = linesOf(result.output);
  return { text: `= ${clip(lines[0] ?? "")}${more(lines.length - 1)}`, tone: "value", aside };
}

/** What a rich value is called, where its `repr` says no more than that it is one. */
function richName({ display, value }: ExecResult): string | undefined {
  const mimes = display.flatMap((rich) => Object.keys(rich));
  if (!value || !/^<[^]*>$/.test(value)) {
    return undefined;
  }
  return mimes.some((mime) => mime.startsWith("image/")) ? "image" : mimes.includes("text/html") ? "HTML" : undefined;
}

function cellLine(result: ExecResult): Line {
  const aside = duration(result.duration_ms);
  if (result.interrupted) {
    return { text: "interrupted", tone: "error", aside };
  }
  if (result.error) {
    return { text: `✗ ${clip(errorText(result.error))}`, tone: "error", aside };
  }
  const rich = richName(result);
  if (rich) {
    return { text: `→ ${rich}`, tone: "value", aside };
  }
  const value = result.is_final ? valueText(result.final_value) : result.value;
  if (value !== null) {
    const lines = linesOf(value);
    return { text: `= ${clip(lines[0] ?? "")}${more(lines.length - 1)}`, tone: "value", aside };
  }
  const lines = linesOf(result.output);
  const last = lines.at(-1);
  if (last !== undefined) {
    return { text: `${clip(last)}${more(lines.length - 1)}`, tone: "output", aside };
  }
  return { text: "✓", tone: "quiet", aside };
}
