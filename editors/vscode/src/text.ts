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

/** A value as text; strings as they are. */
export function valueText(value: JsonValue): string {
  return typeof value === "string" ? value : value === null ? "None" : JSON.stringify(value);
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

function linesOf(text: string): string[] {
  return plain(text).split("\n").filter((line) => line.trim() !== "");
}

function more(count: number): string {
  return count > 0 ? ` … +${count}` : "";
}

/** What is said while it runs. */
export function runningLine(step: Step | undefined, turn: number, isTask: boolean): Line {
  const last = step && linesOf(step.pieces.map((piece) => piece.text).join("")).at(-1);
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

function cellLine(result: ExecResult): Line {
  const aside = duration(result.duration_ms);
  if (result.interrupted) {
    return { text: "interrupted", tone: "error", aside };
  }
  if (result.error) {
    return { text: `✗ ${clip(errorText(result.error))}`, tone: "error", aside };
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
