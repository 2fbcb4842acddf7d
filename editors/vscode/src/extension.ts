// Puts the parts together: the daemon, what is kept of what it tells, and what is drawn of it.

import * as vscode from "vscode";

import { registerCommands } from "./commands";
import { Daemon, SELECTOR } from "./daemon";
import { Executions } from "./executions";
import { Inline } from "./inline";
import { Key } from "./key";
import { OutputPanel } from "./outputPanel";
import { showProgress } from "./progress";
import { RunsView } from "./runsView";
import { needsRestart } from "./settings";
import { StatusBar } from "./statusBar";
import { Steps } from "./steps";
import { VariablesView } from "./variablesView";

export function activate(context: vscode.ExtensionContext): void {
  const key = new Key(context.secrets);
  const daemon = new Daemon(key);
  const steps = new Steps();
  const executions = new Executions();
  const panel = new OutputPanel(context.extensionUri, context.workspaceState, daemon, steps, executions);
  context.subscriptions.push(
    daemon,
    steps,
    executions,
    panel,
    daemon.onEvent((event) => steps.take(event)),
    daemon.onExecution((params) => executions.take(params)),
    daemon.onDidChangeState((state) => {
      if (state !== "running") {
        executions.stopped();
        steps.clear();
      }
    }),
    new Inline(context.extensionUri, executions, steps),
    new StatusBar(daemon, executions, steps),
    new RunsView(daemon, steps, panel),
    new VariablesView(daemon, steps),
    showProgress(daemon, executions, steps),
    registerCommands({ daemon, executions, steps, panel, key }),
    key.onDidChange(() => void offerRestart(daemon, "The key is used when tinycode starts.")),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (needsRestart(event)) {
        void offerRestart(daemon, "The settings are used when tinycode starts.");
      }
    }),
  );
  const isOurs = (document: vscode.TextDocument): boolean => vscode.languages.match(SELECTOR, document) > 0;
  if (vscode.workspace.textDocuments.some(isOurs)) {
    void daemon.start();
  }
  context.subscriptions.push(
    vscode.workspace.onDidOpenTextDocument((document) => {
      if (isOurs(document) && daemon.state === "stopped") {
        void daemon.start();
      }
    }),
  );
}

/** Starts the daemon anew at once where nothing is lost by it, else asks. */
async function offerRestart(daemon: Daemon, why: string): Promise<void> {
  if (daemon.state === "running" || daemon.state === "starting") {
    const restart = "Restart";
    const chosen = await vscode.window.showInformationMessage(`${why} A restart ends its sessions.`, restart);
    if (chosen !== restart) {
      return;
    }
  }
  await daemon.restart();
}
