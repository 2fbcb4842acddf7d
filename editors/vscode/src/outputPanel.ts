// A panel beside the code: all that came of a run or a step, with images and HTML.

import * as vscode from "vscode";

import type { Execution, Executions } from "./executions";
import { bodyOf, titleOf } from "./html";
import { setting } from "./settings";
import type { Entry, Steps } from "./steps";
import { clip } from "./text";

/** Milliseconds between two drawings of what runs. */
const PAUSE = 150;

export class OutputPanel implements vscode.Disposable {
  private panel: vscode.WebviewPanel | undefined;
  private entry: Entry | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly subscriptions: vscode.Disposable[];

  constructor(
    private readonly extension: vscode.Uri,
    private readonly steps: Steps,
    executions: Executions,
  ) {
    this.subscriptions = [
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
    if (this.panel) {
      this.panel.reveal(undefined, true);
    } else {
      this.panel = this.create();
    }
    this.draw();
  }

  private create(): vscode.WebviewPanel {
    const column = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
    const media = vscode.Uri.joinPath(this.extension, "media");
    const panel = vscode.window.createWebviewPanel("tinycode.output", "Output", column, {
      enableScripts: false,
      localResourceRoots: [media],
    });
    panel.iconPath = vscode.Uri.joinPath(media, "icon.svg");
    panel.onDidDispose(() => (this.panel = undefined));
    return panel;
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
