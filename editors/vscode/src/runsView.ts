// The runs view: sessions, what ran in them, and for each step its code, output and signals.

import * as vscode from "vscode";

import { tell, type Daemon } from "./daemon";
import type { OutputPanel } from "./outputPanel";
import type { Entry, Run, Session, Step, Steps } from "./steps";
import { clip, duration, errorText, gist, plain, printed, valueText } from "./text";
import type { Attached, CheckpointList, SessionInfo, SessionList } from "./wire";

/** Milliseconds between two drawings. */
const PAUSE = 200;
const MAX_LABEL = 80;

interface Detail {
  kind: "detail";
  step: Step;
  label: string;
  icon: string;
  color?: string;
  full: string;
  language?: string;
}

type SessionNode = { kind: "session"; session: Session };
type Node = SessionNode | Entry | Detail;

const STATE_ICONS: Record<Step["state"], vscode.ThemeIcon> = {
  thinking: new vscode.ThemeIcon("loading~spin"),
  running: new vscode.ThemeIcon("loading~spin"),
  ok: new vscode.ThemeIcon("pass", new vscode.ThemeColor("tinycode.ok")),
  failed: new vscode.ThemeIcon("error", new vscode.ThemeColor("tinycode.error")),
  lost: new vscode.ThemeIcon("circle-slash"),
};
const SIGNAL_ICONS = { uncertain: "question", explore: "search", commit: "check" };

export class RunsView implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly infos = new Map<string, SessionInfo>();
  /** Sessions in which a checkpoint may have gone. */
  private readonly unsure = new Set<string>();
  private readonly subscriptions: vscode.Disposable[];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly daemon: Daemon,
    private readonly steps: Steps,
    panel: OutputPanel,
  ) {
    this.subscriptions = [
      this.changed,
      vscode.window.registerTreeDataProvider("tinycode.runs", this),
      steps.onDidChange(() => this.refresh()),
      steps.onDidChangeSessions(() => void this.list(false)),
      daemon.onDidChangeState((state) => state === "running" && void this.list(true)),
      daemon.onEvent(({ type, session }) => type === "checkpoint" && this.unsure.add(session)),
      vscode.commands.registerCommand("tinycode.showEntry", (entry: Entry) => panel.show(entry)),
      vscode.commands.registerCommand("tinycode.refreshRuns", () => this.list(true)),
      vscode.commands.registerCommand("tinycode.rewindToStep", (step: Step) => this.rewind(step).catch(tell)),
      vscode.commands.registerCommand("tinycode.closeSession", (node: SessionNode) =>
        daemon.request("session.close", { session: node.session.id }).catch(tell),
      ),
    ];
  }

  dispose(): void {
    clearTimeout(this.timer);
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  /** Looks which sessions there are, and attaches to those that others made. */
  private async list(attach: boolean): Promise<void> {
    if (this.daemon.state === "running") {
      const list = await this.daemon.request<SessionList>("session.list", {}).catch(() => undefined);
      this.infos.clear();
      for (const info of list?.sessions ?? []) {
        this.infos.set(info.session, info);
        if (attach) {
          await this.attach(info);
        }
      }
    }
    this.refresh();
  }

  private async attach({ session }: SessionInfo): Promise<void> {
    const { seq: since } = this.steps.session(session);
    // Events that are no longer kept cannot be had; those from now on can.
    await this.daemon
      .request<Attached>("session.attach", { session, since })
      .catch(() => this.daemon.request<Attached>("session.attach", { session }))
      .catch(() => undefined);
  }

  /** Asks which states of a session are still kept: the oldest go when there are new ones. */
  private async updateKept(session: string): Promise<void> {
    const list = await this.daemon.request<CheckpointList>("session.checkpoints", { session });
    if (list) {
      this.steps.setKept(session, new Set(list.checkpoints.map(({ checkpoint }) => checkpoint)));
    }
  }

  private async rewind(step: Step): Promise<void> {
    const { session } = step;
    await this.updateKept(session);
    if (step.gone) {
      this.refresh();
      const what = "What this step left is not kept any more: only the latest states of a session are.";
      void vscode.window.showWarningMessage(`${what} Run the code again instead.`);
    } else {
      await this.daemon.request("session.rewind", { session, checkpoint: step.checkpoint });
    }
  }

  private refresh(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.draw();
    }, PAUSE);
  }

  private async draw(): Promise<void> {
    const unsure = [...this.unsure];
    this.unsure.clear();
    await Promise.all(unsure.map((session) => this.updateKept(session).catch(() => undefined)));
    this.changed.fire();
  }

  getChildren(node?: Node): Node[] {
    if (!node) {
      return this.steps.all().toReversed().map((session) => ({ kind: "session", session }));
    }
    switch (node.kind) {
      case "session":
        return node.session.entries.toReversed();
      case "run":
        return node.steps;
      case "step":
        return detailsOf(node);
      case "detail":
        return [];
    }
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case "session":
        return this.sessionItem(node.session);
      case "run":
        return runItem(node);
      case "step":
        return stepItem(node, this.steps.isThereToGo(node));
      case "detail":
        return detailItem(node);
    }
  }

  private sessionItem(session: Session): vscode.TreeItem {
    const info = this.infos.get(session.id);
    const item = new vscode.TreeItem(info?.name ?? session.id, vscode.TreeItemCollapsibleState.Expanded);
    item.id = session.id;
    item.contextValue = "session";
    item.iconPath = new vscode.ThemeIcon("vm-active");
    item.description = info?.trust_level ?? "";
    item.tooltip = info && `${session.id}\n${info.trust_level} · ${info.model}`;
    return item;
  }
}

function runItem(run: Run): vscode.TreeItem {
  const item = new vscode.TreeItem(clip(run.task, MAX_LABEL), vscode.TreeItemCollapsibleState.Expanded);
  item.id = `${run.session}/${run.run}`;
  item.iconPath = run.result ? STATE_ICONS[run.result.error ? "failed" : "ok"] : STATE_ICONS.running;
  item.description = run.result ? duration(run.result.duration_seconds * 1000) : "running";
  item.tooltip = run.result ? `${run.task}\n\n${run.result.error?.message ?? run.result.output}` : run.task;
  return opens(item, run);
}

function stepItem(step: Step, isThereToGo: boolean): vscode.TreeItem {
  const name = step.run ? `Step ${step.run.steps.indexOf(step) + 1}` : gist(step.code) || `Step ${step.step}`;
  const item = new vscode.TreeItem(name, vscode.TreeItemCollapsibleState.Collapsed);
  item.id = `${step.session}/${step.seq}`;
  item.iconPath = step.undone ? new vscode.ThemeIcon("discard") : STATE_ICONS[step.state];
  const time = step.result ? duration(step.result.duration_ms) : step.state === "failed" ? "" : step.state;
  item.description = step.undone ? `${time} · undone` : time;
  item.contextValue = isThereToGo ? "past" : "step";
  item.tooltip = codeTooltip(step.code, "python");
  return opens(item, step);
}

function detailItem({ step, label, icon, color, full, language }: Detail): vscode.TreeItem {
  const item = new vscode.TreeItem(label);
  item.iconPath = new vscode.ThemeIcon(icon, color ? new vscode.ThemeColor(color) : undefined);
  item.tooltip = codeTooltip(full, language ?? "");
  return opens(item, step);
}

function opens(item: vscode.TreeItem, entry: Entry): vscode.TreeItem {
  item.command = { command: "tinycode.showEntry", title: "Show", arguments: [entry] };
  return item;
}

function codeTooltip(code: string, language: string): vscode.MarkdownString {
  return new vscode.MarkdownString().appendCodeblock(code.slice(0, 4000), language);
}

function detailsOf(step: Step): Detail[] {
  const details: Detail[] = [];
  const add = (icon: string, full: string, more: Partial<Detail> = {}): void => {
    const lines = full.split("\n").filter((line) => line.trim());
    if (lines.length > 0) {
      const label = `${clip(lines[0] ?? "", MAX_LABEL)}${lines.length > 1 ? ` … +${lines.length - 1}` : ""}`;
      details.push({ kind: "detail", step, label, icon, full, ...more });
    }
  };
  const { result, code, pieces, signals, display } = step;
  add("code", code, { label: "Code", language: "python" });
  for (const { kind, message } of signals) {
    add(SIGNAL_ICONS[kind], message);
  }
  add("output", pieces.length > 0 ? printed(pieces) : plain(`${result?.output ?? ""}${result?.stderr ?? ""}`));
  for (const rich of display) {
    add("file-media", Object.keys(rich).join(", "));
  }
  if (result?.error) {
    add("error", plain(result.error.traceback), { label: clip(errorText(result.error), MAX_LABEL), color: "tinycode.error" });
  } else if (result?.is_final) {
    add("arrow-right", valueText(result.final_value));
  } else if (result?.value) {
    add("arrow-right", result.value);
  }
  return details;
}
