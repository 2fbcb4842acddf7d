// A notification for each task that runs, with what it is doing and a way to stop it.

import * as vscode from "vscode";

import type { Daemon } from "./daemon";
import type { Execution, Executions } from "./executions";
import type { Steps } from "./steps";
import { clip, runningLine } from "./text";

/** Shows the progress of tasks; cells are quick, and what they do is seen beside them. */
export function showProgress(daemon: Daemon, executions: Executions, steps: Steps): vscode.Disposable {
  const shown = new Set<Execution>();
  return executions.onDidTell((execution) => {
    if (execution.kind === "task" && execution.state === "running" && !shown.has(execution)) {
      shown.add(execution);
      void show(daemon, executions, steps, execution).then(() => shown.delete(execution));
    }
  });
}

function title({ source }: Execution): string {
  return clip(/agent:\s*([^\n]*)/i.exec(source)?.[1] ?? "task", 60).replace(/[.:?!]+$/, "");
}

function show(daemon: Daemon, executions: Executions, steps: Steps, execution: Execution): Thenable<void> {
  const options = { location: vscode.ProgressLocation.Notification, title: title(execution), cancellable: true };
  return vscode.window.withProgress(options, async (progress, cancel) => {
    let said = "";
    const say = (): void => {
      const { text, aside } = runningLine(steps.step(execution.session, execution.seq), execution.turn, true);
      const message = aside ? `${text} · ${aside}` : text;
      if (message !== said) {
        progress.report({ message });
        said = message;
      }
    };
    const subscriptions: vscode.Disposable[] = [];
    await new Promise<void>((done) => {
      const look = (): void => (executions.all().includes(execution) && execution.state !== "done" ? say() : done());
      subscriptions.push(
        steps.onDidChange(({ session }) => session === execution.session && look()),
        executions.onDidChange(look),
        cancel.onCancellationRequested(() => void daemon.execute("tinycode.interrupt", { uri: execution.uri })),
      );
      look();
    });
    vscode.Disposable.from(...subscriptions).dispose();
  });
}
