// Draws executions in the editor: an icon where a cell or task begins, what came of it where it ends.

import * as vscode from "vscode";

import type { Execution, Executions } from "./executions";
import type { Steps } from "./steps";
import { doneLine, runningLine, type Line, type Tone } from "./text";

/** Milliseconds between two drawings of what runs. */
const PAUSE = 60;

const COLORS: Record<Tone, string> = {
  value: "tinycode.value",
  output: "tinycode.output",
  error: "tinycode.error",
  running: "tinycode.running",
  quiet: "tinycode.quiet",
};

type Icon = "queued" | "running" | "ok" | "failed" | "stale";
const ICONS: readonly Icon[] = ["queued", "running", "ok", "failed", "stale"];

/** What is drawn in the editors that can be seen. */
export class Inline implements vscode.Disposable {
  // The order in which they are made is the order in which they are drawn.
  private readonly said = vscode.window.createTextEditorDecorationType({
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  private readonly aside = vscode.window.createTextEditorDecorationType({
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  private readonly icons: ReadonlyMap<Icon, vscode.TextEditorDecorationType>;
  private readonly subscriptions: vscode.Disposable[];
  private readonly waiting = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    extension: vscode.Uri,
    private readonly executions: Executions,
    private readonly steps: Steps,
  ) {
    this.icons = new Map(ICONS.map((icon) => [icon, iconType(extension, icon)]));
    this.subscriptions = [
      this.said,
      this.aside,
      ...this.icons.values(),
      executions.onDidChange((uri) => this.draw(uri)),
      steps.onDidChange((entry) => this.drawSoon(entry.session)),
      vscode.window.onDidChangeVisibleTextEditors((editors) => editors.forEach((editor) => this.drawIn(editor))),
    ];
  }

  dispose(): void {
    clearTimeout(this.timer);
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  /** Draws what runs in a session within a moment: what comes in many small pieces is not drawn for each. */
  private drawSoon(session: string): void {
    for (const { uri, state, session: its } of this.executions.all()) {
      if (its === session && state === "running") {
        this.waiting.add(uri);
      }
    }
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.waiting.forEach((uri) => this.draw(uri));
      this.waiting.clear();
    }, PAUSE);
  }

  private draw(uri: string): void {
    const editors = vscode.window.visibleTextEditors.filter(({ document }) => document.uri.toString() === uri);
    editors.forEach((editor) => this.drawIn(editor));
  }

  private drawIn(editor: vscode.TextEditor): void {
    const executions = this.executions.of(editor.document.uri);
    for (const [icon, type] of this.icons) {
      const first = executions.filter((execution) => iconOf(execution) === icon).map(({ lines }) => lines.first);
      editor.setDecorations(type, first.map((line) => new vscode.Range(line, 0, line, 0)));
    }
    const lines = executions.map((execution) => ({ at: end(editor.document, execution), line: this.line(execution) }));
    editor.setDecorations(this.said, lines.map(({ at, line }) => after(at, line.text, COLORS[line.tone], "0 0 0 2em")));
    const asides = lines.filter(({ line }) => line.aside);
    editor.setDecorations(this.aside, asides.map(({ at, line }) => after(at, line.aside ?? "", COLORS.quiet, "0 0 0 1.25em")));
  }

  private line(execution: Execution): Line {
    const { state, kind, answer, session, seq, turn, stale, undone } = execution;
    if (state === "queued") {
      return { text: "queued", tone: "quiet" };
    }
    const line = answer ? doneLine(kind, answer) : runningLine(this.steps.step(session, seq), turn, kind === "task");
    const history = undone ? "undone" : stale && "edited since";
    return history ? { ...line, tone: "quiet", aside: `${line.aside ?? ""} · ${history}`.replace(/^ · /, "") } : line;
  }
}

function iconOf({ state, stale, undone, ok }: Execution): Icon {
  if (state !== "done") {
    return state;
  }
  return stale || undone ? "stale" : ok ? "ok" : "failed";
}

function iconType(extension: vscode.Uri, icon: Icon): vscode.TextEditorDecorationType {
  const ruler = { ok: undefined, queued: undefined, stale: undefined, running: COLORS.running, failed: COLORS.error }[icon];
  return vscode.window.createTextEditorDecorationType({
    gutterIconPath: vscode.Uri.joinPath(extension, "media", "gutter", `${icon}.svg`),
    gutterIconSize: "contain",
    ...(ruler && { overviewRulerColor: new vscode.ThemeColor(ruler), overviewRulerLane: vscode.OverviewRulerLane.Left }),
  });
}

/** The end of its last line that says something. */
function end(document: vscode.TextDocument, { lines }: Execution): vscode.Range {
  const last = Math.min(lines.last, document.lineCount - 1);
  return document.validateRange(new vscode.Range(last, Number.MAX_SAFE_INTEGER, last, Number.MAX_SAFE_INTEGER));
}

function after(range: vscode.Range, text: string, color: string, margin: string): vscode.DecorationOptions {
  return { range, renderOptions: { after: { contentText: text, color: new vscode.ThemeColor(color), margin } } };
}
