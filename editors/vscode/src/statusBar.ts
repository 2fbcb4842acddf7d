// The status bar: which session the document has, how far its code is trusted, whether it is busy.

import * as vscode from "vscode";

import { SELECTOR, type Daemon } from "./daemon";
import type { Executions } from "./executions";
import { runningLine } from "./text";
import type { Steps } from "./steps";
import type { SessionInfo } from "./wire";

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("tinycode.status", vscode.StatusBarAlignment.Right, 100);
  private readonly subscriptions: vscode.Disposable[];
  private info: SessionInfo | null = null;
  private asked = 0;

  constructor(
    private readonly daemon: Daemon,
    private readonly executions: Executions,
    private readonly steps: Steps,
  ) {
    this.item.name = "tinycode";
    this.subscriptions = [
      this.item,
      daemon.onDidChangeState(() => void this.refresh()),
      executions.onDidTell(() => void this.refresh()),
      steps.onDidChangeSessions(() => void this.refresh()),
      vscode.window.onDidChangeActiveTextEditor(() => void this.refresh()),
    ];
    void this.refresh();
  }

  dispose(): void {
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  private document(): vscode.TextDocument | undefined {
    const document = vscode.window.activeTextEditor?.document;
    return document && vscode.languages.match(SELECTOR, document) > 0 ? document : undefined;
  }

  /** Asks for the session of the document, and draws; answers that come late are left out. */
  private async refresh(): Promise<void> {
    const ask = ++this.asked;
    const document = this.document();
    this.draw(document);
    if (this.daemon.state !== "running" || !document) {
      this.info = null;
      return;
    }
    const argument = { command: "tinycode.session", arguments: [{ uri: document.uri.toString() }] };
    // A document that is not open in the daemon yet has no session either.
    const info = await this.daemon.request<SessionInfo | null>("workspace/executeCommand", argument).catch(() => null);
    if (ask === this.asked) {
      this.info = info ?? null;
      this.draw(document);
    }
  }

  private draw(document: vscode.TextDocument | undefined): void {
    const running = document && this.executions.of(document.uri).find(({ state }) => state === "running");
    void vscode.commands.executeCommand("setContext", "tinycode.busy", running !== undefined);
    const { state } = this.daemon;
    const isWell = state === "running" || state === "starting";
    if (!document && isWell) {
      this.item.hide();
      return;
    }
    const level = this.info?.trust_level ?? "no session";
    this.item.backgroundColor = isWell ? undefined : new vscode.ThemeColor("statusBarItem.warningBackground");
    if (running) {
      const isTask = running.kind === "task";
      const { text } = runningLine(this.steps.step(running.session, running.seq), running.turn, isTask);
      this.item.text = `$(loading~spin) ${level} · ${isTask ? text.split(" · ")[0] : text}`;
      this.item.command = "tinycode.interruptCurrent";
    } else {
      this.item.text = { starting: "$(loading~spin) tinycode", running: `$(play-circle) ${level}` }[state as "running"]
        ?? `$(warning) tinycode ${state}`;
      this.item.command = { running: "tinycode.chooseTrustLevel", missing: "tinycode.chooseProgram" }[state as "running"]
        ?? "tinycode.restartDaemon";
    }
    this.item.tooltip = this.tooltip(running !== undefined);
    this.item.show();
  }

  private tooltip(isBusy: boolean): vscode.MarkdownString {
    const text = new vscode.MarkdownString("", true);
    const { info } = this;
    if (this.daemon.state !== "running") {
      const { state } = this.daemon;
      return text.appendText(`tinycode is ${state}${state === "starting" ? "" : `; click to ${state === "missing" ? "choose the program" : "start it"}`}`);
    }
    if (!info) {
      return text.appendText("tinycode: the first cell or task that is run opens a session for this document");
    }
    text.appendMarkdown("**tinycode** · ").appendText(info.name ?? info.session);
    const rows = [
      ["Trust level", info.trust_level],
      ...(info.sandbox ? [["Sandbox", info.sandbox]] : []),
      ...(info.not_enforced ?? []).map((what) => ["Not enforced", what]),
      ["Steps", String(info.step)],
      ["Model", info.model],
      ["Time for a cell", `${info.limits.timeout_seconds} s`],
    ];
    text.appendMarkdown(`\n\n${rows.map(([name, value]) => `${name ?? ""}: \`${value ?? ""}\``).join("  \n")}\n\n---\n\n`);
    return text.appendText(isBusy ? "Click to interrupt" : "Click to choose the trust level");
  }
}
