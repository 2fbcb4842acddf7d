// Runs and steps as HTML. Everything that comes from code or from a model is escaped or sanitised here; the page
// that holds it runs no scripts and loads nothing.

import hljs from "highlight.js/lib/core";
import python from "highlight.js/lib/languages/python";
import sanitize from "sanitize-html";

import type { Entry, Rich, Run, Step } from "./steps";
import { duration, errorText, gist, plain, valueText } from "./text";
import type { JsonValue } from "./wire";

hljs.registerLanguage("python", python);

const BITMAPS = ["image/png", "image/jpeg", "image/gif", "image/webp"];

const SANITIZER: sanitize.IOptions = {
  allowedTags: [...sanitize.defaults.allowedTags, "img", "caption", "colgroup", "col", "details", "summary", "del", "ins"],
  allowedAttributes: {
    "*": ["align", "class", "colspan", "rowspan", "scope", "title"],
    img: ["alt", "height", "src", "width"],
  },
  allowedSchemes: ["data"],
};

const SIGNALS = { uncertain: "?", explore: "⌕", commit: "✓" };

function escape(text: string): string {
  return sanitize(text, { allowedTags: [], disallowedTagsMode: "escape" });
}

/** Title of an entry, as text. */
export function titleOf(entry: Entry): string {
  if (entry.kind === "run") {
    return entry.task;
  }
  return entry.run ? `Step ${entry.run.steps.indexOf(entry) + 1} · ${entry.run.task}` : gist(entry.code) || `Step ${entry.step}`;
}

/** A run or a step. */
export function bodyOf(entry: Entry): string {
  return entry.kind === "run" ? runHtml(entry) : stepHtml(entry);
}

function runHtml(run: Run): string {
  const steps = run.steps.map((step, index) => {
    const isLast = index === run.steps.length - 1;
    const time = step.result ? `<span class="quiet">${duration(step.result.duration_ms)}</span>` : "";
    const head = `<span class="dot ${step.state}"></span>Step ${index + 1} ${time}`;
    return `<details${isLast || run.steps.length <= 3 ? " open" : ""}><summary>${head}</summary>${stepHtml(step)}</details>`;
  });
  return `<h1>${escape(run.task)}</h1>${steps.join("")}${ending(run)}`;
}

function ending({ result, steps }: Run): string {
  if (!result) {
    return steps.at(-1)?.state === "lost" ? "" : `<p class="running">running…</p>`;
  }
  const { total_tokens: tokens } = result.metadata.usage;
  const facts = [duration(result.duration_seconds * 1000), tokens > 0 && `${tokens} tokens`].filter(Boolean).join(" · ");
  const said = result.error
    ? `<pre class="error">${escape(result.error.message)}</pre>${result.error.hint ? `<p class="quiet">${escape(result.error.hint)}</p>` : ""}`
    : `<pre class="value">${escape(plain(result.output))}</pre>`;
  return `<section class="answer"><h2>${result.error ? result.state.replaceAll("_", " ") : "Answer"}</h2>${said}<p class="quiet">${facts}</p></section>`;
}

function stepHtml(step: Step): string {
  const parts = [
    ...step.signals.map(({ kind, message }) => `<p class="signal ${kind}">${SIGNALS[kind]} ${escape(message)}</p>`),
    ...output(step),
    ...step.display.map(richHtml),
    outcome(step),
  ].filter(Boolean);
  if (parts.length === 0 && step.result && !step.result.is_final) {
    parts.push(`<p class="quiet">no output · ${duration(step.result.duration_ms)}</p>`);
  }
  return `<div class="step">${step.code ? codeHtml(step) : thought(step)}${parts.join("")}</div>`;
}

/** The code of the agent; that of a cell is folded, since it stands in the editor. */
function codeHtml({ code, run }: Step): string {
  const pre = `<pre class="code">${hljs.highlight(code.trimEnd(), { language: "python" }).value}</pre>`;
  return run ? pre : `<details class="cell"><summary>Code</summary>${pre}</details>`;
}

/** What the model says, until it is known which code is in it. */
function thought({ reply }: Step): string {
  return reply ? `<pre class="quiet">${escape(reply)}</pre>` : "";
}

/** What was printed: as it came while that is known, else as the result has it. */
function output({ pieces, result }: Step): string[] {
  if (pieces.length === 0 && result) {
    return [printedHtml("stdout", result.output), printedHtml("stderr", result.stderr)];
  }
  return pieces.map(({ stream, text }) => printedHtml(stream, text));
}

function printedHtml(stream: "stdout" | "stderr", text: string): string {
  const lines = plain(text).trimEnd();
  return lines ? `<pre class="${stream}">${escape(lines)}</pre>` : "";
}

function outcome({ result, state, display, run }: Step): string {
  if (!result) {
    return state === "lost" ? `<p class="error">lost: the daemon has gone</p>` : state === "running" && !run ? `<p class="running">running…</p>` : "";
  }
  if (result.interrupted) {
    return `<p class="error">interrupted</p>`;
  }
  if (result.error) {
    return `<pre class="error">${escape(plain(result.error.traceback).trimEnd() || errorText(result.error))}</pre>`;
  }
  if (result.is_final && run) {
    return ""; // it stands below, as the answer
  }
  const value = result.is_final ? valueText(result.final_value) : result.value;
  return value !== null && display.length === 0 ? `<pre class="value">${escape(plain(value))}</pre>` : "";
}

/** The best of what a value can be shown as. */
function richHtml(rich: Rich): string {
  const bitmap = BITMAPS.find((mime) => text(rich[mime]) !== undefined);
  if (bitmap) {
    return image(bitmap, (text(rich[bitmap]) ?? "").replace(/[^A-Za-z0-9+/=]/g, ""));
  }
  const svg = text(rich["image/svg+xml"]);
  if (svg !== undefined) {
    return image("image/svg+xml", Buffer.from(svg).toString("base64")); // as an image it can run nothing
  }
  const html = text(rich["text/html"]);
  if (html !== undefined) {
    return `<div class="html">${sanitize(html, SANITIZER)}</div>`;
  }
  const other = text(rich["text/markdown"]) ?? text(rich["text/latex"]) ?? text(rich["text/plain"]);
  return other === undefined ? "" : `<pre>${escape(other)}</pre>`;
}

function text(data: JsonValue | undefined): string | undefined {
  return typeof data === "string" ? data : undefined;
}

function image(mime: string, base64: string): string {
  return `<img class="figure" src="data:${mime};base64,${base64}" alt="">`;
}
