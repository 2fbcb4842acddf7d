// What users call: from the palette, from keys, from menus; and the daemon's own commands, which lenses call.

import * as vscode from "vscode";

import { chooseBinary } from "./binary";
import { SELECTOR, type Daemon } from "./daemon";
import type { Executions } from "./executions";
import type { Key } from "./key";
import type { OutputPanel } from "./outputPanel";
import type { Steps } from "./steps";
import { chooseTrustLevel } from "./trustLevel";
import type { Interrupted, SessionInfo } from "./wire";

export interface Parts {
  daemon: Daemon;
  executions: Executions;
  steps: Steps;
  panel: OutputPanel;
  key: Key;
}

interface Here {
  uri: string;
  line: number;
  editor: vscode.TextEditor;
}

/** The document and the line that the user is at; one that has no cells is told. */
function here(): Here | undefined {
  const editor = vscode.window.activeTextEditor;
  if (!editor || vscode.languages.match(SELECTOR, editor.document) === 0) {
    void vscode.window.showInformationMessage("tinycode runs what is in Python and Markdown files; open one first.");
    return undefined;
  }
  return { uri: editor.document.uri.toString(), line: editor.selection.active.line, editor };
}

/** A command of the daemon's, for where the user is. */
function send(daemon: Daemon, command: string, withLine: boolean): () => Promise<void> {
  return async () => {
    const at = here();
    if (at) {
      await daemon.execute(command, withLine ? { uri: at.uri, line: at.line } : { uri: at.uri });
    }
  };
}

async function interrupt(daemon: Daemon): Promise<void> {
  const document = vscode.window.activeTextEditor?.document;
  const isOurs = document && vscode.languages.match(SELECTOR, document) > 0;
  const answer = await daemon.execute<Interrupted>("tinycode.interrupt", isOurs ? { uri: document.uri.toString() } : {});
  if (answer && !answer.interrupted) {
    vscode.window.setStatusBarMessage("tinycode: nothing runs", 3000);
  }
}

/** Asks for a task, writes it below the cursor, and runs it. */
async function newTask(daemon: Daemon): Promise<void> {
  const at = here();
  const task = at && (await vscode.window.showInputBox({ title: "tinycode: a task for the agent", prompt: "What is to be done?" }));
  if (!at || !task?.trim()) {
    return;
  }
  const { text, firstNonWhitespaceCharacterIndex: indent } = at.editor.document.lineAt(at.line);
  const line = `${text.slice(0, indent)}# agent: ${task.trim()}`;
  const written = await at.editor.edit((edit) => edit.insert(new vscode.Position(at.line, text.length), `\n${line}`));
  if (written) {
    await daemon.execute("tinycode.runTask", { uri: at.uri, line: at.line + 1 });
  }
}

async function restart(daemon: Daemon): Promise<void> {
  const at = here();
  const info = at && (await daemon.execute<SessionInfo>("tinycode.restart", { uri: at.uri }));
  if (info) {
    vscode.window.setStatusBarMessage(`tinycode: a fresh session, ${info.trust_level}`, 3000);
  }
}

/** Has the session go back to what it was after the cell or the task that the user is at, or forth again. */
async function rewind(daemon: Daemon): Promise<void> {
  const at = here();
  const info = at && (await daemon.execute<SessionInfo>("tinycode.rewind", { uri: at.uri, line: at.line }));
  if (info) {
    vscode.window.setStatusBarMessage(`tinycode: the session is again what it was after step ${info.step}`, 3000);
  }
}

function showOutput({ executions, steps, panel }: Parts): void {
  const at = here();
  const execution = at && executions.at(at.editor.document.uri, at.line);
  const entry = execution && (steps.run(execution.session, execution.run) ?? steps.step(execution.session, execution.seq));
  if (entry) {
    panel.show(entry);
  } else if (at) {
    vscode.window.setStatusBarMessage("tinycode: nothing has run here yet", 3000);
  }
}

async function clear({ daemon, executions }: Parts): Promise<void> {
  const at = here();
  if (at) {
    executions.clear(at.editor.document.uri);
    await daemon.execute("tinycode.clear", { uri: at.uri });
  }
}

/** The commands of the daemon that its lenses and code actions call. */
const DAEMON_COMMANDS = ["runCell", "runAbove", "runAll", "runTask", "interrupt", "rewind", "clear"];

/** Registers all of them. */
export function registerCommands(parts: Parts): vscode.Disposable {
  const { daemon, key } = parts;
  const commands: Record<string, (...args: never[]) => unknown> = {
    runCurrentCell: send(daemon, "tinycode.runCell", true),
    runCellsAbove: send(daemon, "tinycode.runAbove", true),
    runAllCells: send(daemon, "tinycode.runAll", false),
    runCurrentTask: send(daemon, "tinycode.runTask", true),
    newTask: () => newTask(daemon),
    interruptCurrent: () => interrupt(daemon),
    restartSession: () => restart(daemon),
    rewindToCurrent: () => rewind(daemon),
    chooseTrustLevel: async () => {
      const at = here();
      await (at && chooseTrustLevel(daemon, at.uri));
    },
    clearResults: () => clear(parts),
    showOutput: () => showOutput(parts),
    setApiKey: () => key.ask(),
    chooseProgram: () => chooseBinary(),
    restartDaemon: () => daemon.restart(),
    showLog: () => daemon.log.show(),
  };
  const registered = Object.entries(commands).map(([name, command]) =>
    vscode.commands.registerCommand(`tinycode.${name}`, command),
  );
  const ofDaemon = DAEMON_COMMANDS.map((name) =>
    vscode.commands.registerCommand(`tinycode.${name}`, (argument: object) => daemon.execute(`tinycode.${name}`, argument)),
  );
  return vscode.Disposable.from(...registered, ...ofDaemon);
}
