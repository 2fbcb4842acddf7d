// The variables view: what the code of the document made, as it is now.

import * as vscode from "vscode";

import { SELECTOR, tell, type Daemon } from "./daemon";
import type { Steps } from "./steps";
import { clip } from "./text";
import type { SessionInfo, Variable, VariableList, VariableValue } from "./wire";

/** Milliseconds in which all that asks for another look gets the same one. */
const PAUSE = 150;
/** Most characters of a value: beside its name, in a tooltip, and on the clipboard. */
const [MAX_INLINE, MAX_TOOLTIP, MAX_COPY] = [100, 4_000, 1_000_000];

const ICONS: Record<string, string> = {
  bool: "symbol-boolean",
  int: "symbol-number",
  float: "symbol-number",
  complex: "symbol-number",
  str: "symbol-string",
  bytes: "symbol-string",
  list: "symbol-array",
  tuple: "symbol-array",
  set: "symbol-array",
  frozenset: "symbol-array",
  ndarray: "symbol-array",
  dict: "symbol-namespace",
  DataFrame: "table",
  Series: "table",
  function: "symbol-function",
  type: "symbol-class",
};

export class VariablesView implements vscode.TreeDataProvider<Variable>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view: vscode.TreeView<Variable>;
  private readonly subscriptions: vscode.Disposable[];
  private document: vscode.TextDocument | undefined;
  /** Whose variables are shown. */
  private session: string | undefined;
  private variables: Variable[] = [];
  private asked: vscode.CancellationTokenSource | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly daemon: Daemon,
    steps: Steps,
  ) {
    this.view = vscode.window.createTreeView("tinycode.variables", { treeDataProvider: this });
    this.subscriptions = [
      this.changed,
      this.view,
      this.view.onDidChangeVisibility(() => this.lookSoon()),
      vscode.window.onDidChangeActiveTextEditor((editor) => this.follow(editor)),
      daemon.onDidChangeState(() => this.lookSoon()),
      steps.onDidChangeSessions(() => this.lookSoon()),
      daemon.onEvent(({ type }) => (type === "step.finished" || type === "session.rewound") && this.lookSoon()),
      vscode.commands.registerCommand("tinycode.showVariables", () =>
        vscode.commands.executeCommand("tinycode.variables.focus"),
      ),
      vscode.commands.registerCommand("tinycode.copyVariable", (variable: Variable) => this.copy(variable)),
    ];
    this.follow(vscode.window.activeTextEditor);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.asked?.cancel();
    vscode.Disposable.from(...this.subscriptions).dispose();
  }

  /** Turns to the document that the user is in; one that has no cells changes nothing. */
  private follow(editor: vscode.TextEditor | undefined): void {
    if (editor && vscode.languages.match(SELECTOR, editor.document) > 0) {
      this.document = editor.document;
      this.lookSoon();
    }
  }

  private lookSoon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.look();
    }, PAUSE);
  }

  /** Asks for the variables where the view is seen. The answer waits for code that runs, so a later look gives it up. */
  private async look(): Promise<void> {
    this.asked?.cancel();
    if (!this.view.visible) {
      return;
    }
    const { token } = (this.asked = new vscode.CancellationTokenSource());
    const session = await this.sessionOf(this.document, token);
    if (session !== this.session && !token.isCancellationRequested) {
      this.show(session, []);
    }
    if (session !== undefined && !token.isCancellationRequested) {
      // Where they cannot be had, the session has ended or the question is not wanted any more.
      const list = await this.daemon.request<VariableList>("variables.list", { session }, token).catch(() => undefined);
      if (list && !token.isCancellationRequested) {
        this.show(session, list.variables);
      }
    }
  }

  private async sessionOf(
    document: vscode.TextDocument | undefined,
    token: vscode.CancellationToken,
  ): Promise<string | undefined> {
    if (!document || this.daemon.state !== "running") {
      return undefined;
    }
    const question = { command: "tinycode.session", arguments: [{ uri: document.uri.toString() }] };
    const info = this.daemon.request<SessionInfo | null>("workspace/executeCommand", question, token);
    return (await info.catch(() => null))?.session;
  }

  private show(session: string | undefined, variables: Variable[]): void {
    this.session = session;
    this.variables = variables;
    this.view.description = session && this.document ? vscode.workspace.asRelativePath(this.document.uri) : "";
    this.changed.fire();
  }

  getChildren(variable?: Variable): Variable[] {
    return variable ? [] : this.variables;
  }

  getTreeItem({ name, type, repr, size }: Variable): vscode.TreeItem {
    const item = new vscode.TreeItem(name);
    item.id = name;
    item.iconPath = new vscode.ThemeIcon(ICONS[type] ?? "symbol-variable");
    const length = typeof size === "number" && type !== "str" ? ` (${size})` : "";
    // What functions say of themselves is where in memory they are.
    item.description = type === "function" ? type : `${type}${length}  ${clip(repr, MAX_INLINE)}`;
    item.contextValue = "variable";
    item.accessibilityInformation = { label: `${name}, ${type}${length}, ${repr}` };
    return item;
  }

  /** Hovering shows more of a value than there is room for beside its name. */
  async resolveTreeItem(
    item: vscode.TreeItem,
    { name, type }: Variable,
    token: vscode.CancellationToken,
  ): Promise<vscode.TreeItem> {
    const value = await this.value(name, MAX_TOOLTIP, token).catch(() => undefined);
    const tooltip = new vscode.MarkdownString().appendText(`${name}: ${type}`);
    item.tooltip = tooltip.appendCodeblock(value?.repr ?? "", "python");
    return item;
  }

  private async copy({ name }: Variable): Promise<void> {
    try {
      const value = await this.value(name, MAX_COPY);
      if (value) {
        await vscode.env.clipboard.writeText(value.repr);
        vscode.window.setStatusBarMessage(`tinycode: the value of ${name} is copied`, 3000);
      }
    } catch (error) {
      tell(error);
    }
  }

  private value(name: string, max_length: number, token?: vscode.CancellationToken): Promise<VariableValue | undefined> {
    return this.daemon.request("variables.get", { session: this.session, name, max_length }, token);
  }
}
