// A panel beside the code: all that came of a run or a step, with images and HTML.

import * as vscode from "vscode";

import type { Daemon } from "./daemon";
import type { Execution, Executions } from "./executions";
import { bodyOf, titleOf } from "./html";
import { setting } from "./settings";
import type { Entry, Steps } from "./steps";
import { clip } from "./text";
import type { SessionList } from "./wire";

/** Milliseconds between two drawings of what runs. */
const PAUSE = 150;
/** What the panel is called among those that are opened again with the window. */
const VIEW_TYPE = "tinycode.output";

/** A run or a step as it is found again. */
interface Shown {
  session: string;
  run?: string;
  seq?: number;
}

export class OutputPanel implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private entry: Entry | undefined;
  /** What was shown before the window was opened anew, until it is known again. */
  private awaited: Shown | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly extension: vscode.Uri,
    private readonly memory: vscode.Memento,
    private readonly daemon: Daemon,
    private readonly steps: Steps,
    executions: Executions,
  ) {
    this.subscriptions = [
      vscode.window.registerWebviewPanelSerializer(VIEW_TYPE, {
        deserializeWebviewPanel: (panel) => this.restore(panel),
      }),
      steps.onDidChange((entry) => this.changed(entry)),
      executions.onDidTell((execution) => this.follow(execution)),
    ];
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.panel?.dispose();
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  /** Shows an entry; the cursor stays where it is. */
  show(entry: Entry): void {
    this.entry = entry;
    this.awaited = undefined;
    const shown: Shown = { session: entry.session, ...(entry.kind === "run" ? { run: entry.run } : { seq: entry.seq }) };
    void this.memory.update(VIEW_TYPE, shown);
    if (this.panel) {
      this.panel.reveal(undefined, true);
    } else {
      const column = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
      this.adopt(vscode.window.createWebviewPanel(VIEW_TYPE, "Output", column));
    }
    this.draw();
  }

  private adopt(panel: vscode.WebviewPanel): void {
    const media = vscode.Uri.joinPath(this.extension, "media");
    panel.webview.options = { enableScripts: false, localResourceRoots: [media] };
    panel.iconPath = vscode.Uri.joinPath(media, "icon.svg");
    panel.onDidDispose(() => (this.panel = undefined));
    this.panel = panel;
  }

  /** The window was opened anew: what was shown is shown again if its session is still there, else the panel closes. */
  private async restore(panel: vscode.WebviewPanel): Promise<void> {
    this.adopt(panel);
    const shown = this.memory.get<Shown>(VIEW_TYPE);
    const list = await this.daemon.request<SessionList>("session.list", {}).catch(() => undefined);
    if (this.panel !== panel || this.entry) {
      return; // it was closed or used meanwhile
    }
    if (shown && list?.sessions.some(({ session }) => session === shown.session)) {
      this.awaited = shown; // its events come when the view of runs has attached to its session
      this.showAwaited();
    } else {
      panel.dispose();
    }
  }

  private showAwaited(): void {
    const { session, run, seq } = this.awaited ?? {};
    const entry = this.steps.run(session, run) ?? this.steps.step(session, seq);
    if (entry) {
      this.show(entry);
    }
  }

  /** Opens for what is no text, and turns to what is run while it is open. */
  private follow({ session, seq, run, state }: Execution): void {
    const step = this.steps.step(session, seq);
    const entry = this.steps.run(session, run) ?? step;
    const isRich = state === "done" && (step?.display.length ?? 0) > 0 && setting("revealOutput");
    if (entry && (isRich || (this.panel?.visible && entry !== this.entry))) {
      this.show(entry);
    }
  }

  private changed(entry: Entry): void {
    this.showAwaited();
    const isShown = entry === this.entry || (entry.kind === "step" && entry.run !== undefined && entry.run === this.entry);
    if (this.panel && isShown) {
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        this.draw();
      }, PAUSE);
    }
  }

  private draw(): void {
    if (!this.panel || !this.entry) {
      return;
    }
    const { webview } = this.panel;
    const style = webview.asWebviewUri(vscode.Uri.joinPath(this.extension, "media", "output.css"));
    const policy = `default-src 'none'; img-src data:; style-src ${webview.cspSource}; form-action 'none'; base-uri 'none'`;
    this.panel.title = clip(titleOf(this.entry), 40);
    webview.html = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="stylesheet" href="${style.toString()}">
</head>
<body>${bodyOf(this.entry)}</body>
</html>`;
  }
}
