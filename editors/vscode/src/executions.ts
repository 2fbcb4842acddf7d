// Cells and tasks that run or ran: where they are in their documents, and what came of them.

import * as vscode from "vscode";

import { moved, type Lines } from "./place";
import type { Answer, ExecutionParams, Place } from "./wire";

/** A cell or a task that was run. */
export interface Execution {
  id: number;
  uri: string;
  kind: "cell" | "task";
  state: "queued" | "running" | "done";
  lines: Lines;
  /** What its lines said when it was queued. */
  source: string;
  /** Whether they say something else now. */
  stale: boolean;
  /** Whether the session went back to what it was before. */
  undone: boolean;
  ok: boolean;
  session?: string;
  /** The event that began the latest step, and which one of them that is. */
  seq?: number;
  turn: number;
  run?: string;
  answer?: Answer;
}

/** The executions of all documents. */
export class Executions implements vscode.Disposable {
  private readonly documents = new Map<string, Map<number, Execution>>();
  private readonly changed = new vscode.EventEmitter<string>();
  private readonly told = new vscode.EventEmitter<Execution>();
  private readonly watcher: vscode.Disposable;

  /** What is to be shown in the document of this URI has changed. */
  readonly onDidChange = this.changed.event;
  /** The daemon said something of an execution. */
  readonly onDidTell = this.told.event;

  constructor() {
    this.watcher = vscode.workspace.onDidChangeTextDocument((event) => this.edited(event));
  }

  dispose(): void {
    this.watcher.dispose();
    this.changed.dispose();
    this.told.dispose();
  }

  of(uri: vscode.Uri): Execution[] {
    return [...(this.documents.get(uri.toString())?.values() ?? [])];
  }

  all(): Execution[] {
    return [...this.documents.values()].flatMap((document) => [...document.values()]);
  }

  /** The one whose lines hold this line; a task is within a cell, and comes first. */
  at(uri: vscode.Uri, line: number): Execution | undefined {
    const here = this.of(uri).filter(({ lines }) => lines.first <= line && line <= lines.last);
    return here.find(({ kind }) => kind === "task") ?? here[0];
  }

  /** Takes `tinycode/execution`. */
  take(params: ExecutionParams): void {
    const uri = vscode.Uri.parse(params.uri);
    const document = vscode.workspace.textDocuments.find((open) => open.uri.toString() === uri.toString());
    const execution = document && this.find(document, params);
    if (!execution) {
      return;
    }
    if (params.place) {
      place(execution, document, params.place);
    }
    if (params.state === "undone" || params.state === "redone") {
      execution.undone = params.state === "undone";
    } else {
      execution.state = params.state;
    }
    if (params.session) {
      execution.session = params.session;
    }
    if (params.state === "running") {
      Object.assign(execution, { seq: params.seq, turn: execution.turn + 1 }, params.run && { run: params.run });
    }
    if (params.state === "done") {
      execution.ok = params.ok ?? false;
      if (params.answer) {
        execution.answer = params.answer;
      } else {
        this.forget(execution); // it was not run
      }
    }
    this.told.fire(execution);
    this.changed.fire(execution.uri);
  }

  /** Forgets what came of a document. */
  clear(uri: vscode.Uri): void {
    this.keep((execution) => execution.uri !== uri.toString() || execution.state !== "done");
  }

  /** The daemon has gone, and with it what ran. */
  stopped(): void {
    this.keep((execution) => execution.state === "done");
  }

  private keep(wanted: (execution: Execution) => boolean): void {
    for (const execution of this.all().filter((execution) => !wanted(execution))) {
      this.forget(execution);
      this.changed.fire(execution.uri);
    }
  }

  private forget(execution: Execution): void {
    this.documents.get(execution.uri)?.delete(execution.id);
  }

  private find(document: vscode.TextDocument, params: ExecutionParams): Execution | undefined {
    const uri = document.uri.toString();
    const known = this.documents.get(uri)?.get(params.execution);
    if (known || !params.place) {
      return known;
    }
    const lines = { first: params.place.first_line, last: params.place.last_line };
    for (const other of this.of(document.uri)) {
      if (other.kind === params.kind && other.lines.first === lines.first) {
        this.forget(other); // a part that is run again loses what came of it before
      }
    }
    const { execution: id, kind } = params;
    const state = params.state === "running" || params.state === "queued" ? params.state : "done";
    const execution: Execution = { id, uri, kind, state, lines, source: "", stale: false, undone: false, ok: false, turn: 0 };
    execution.source = source(document, lines);
    this.documents.set(uri, (this.documents.get(uri) ?? new Map<number, Execution>()).set(id, execution));
    return execution;
  }

  private edited({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    const executions = this.of(document.uri);
    if (contentChanges.length === 0 || executions.length === 0) {
      return;
    }
    for (const execution of executions) {
      const lines = follow(execution.lines, contentChanges);
      if (lines) {
        execution.lines = settled(document, execution.source, lines);
        execution.stale = source(document, execution.lines) !== execution.source;
      } else {
        this.forget(execution);
      }
    }
    this.changed.fire(document.uri.toString());
  }
}

/** Where lines are after changes, which VS Code gives from the last one in the document to the first. */
function follow(lines: Lines, changes: readonly vscode.TextDocumentContentChangeEvent[]): Lines | undefined {
  let now: Lines | undefined = lines;
  for (const { range, text } of changes) {
    const added = text.split("\n").length - 1;
    const { start, end } = range;
    const change = { start: start.line, inside: start.character > 0, end: end.line, before: end.character === 0, added };
    now = now && moved(now, change);
  }
  return now;
}

/** What was written in front of the first line, and so moved into the lines, is left out of them again. */
function settled(document: vscode.TextDocument, wanted: string, lines: Lines): Lines {
  const first = lines.last - wanted.split("\n").length + 1;
  const inner = { first, last: lines.last };
  return first > lines.first && source(document, inner) === wanted ? inner : lines;
}

/** Puts it where the daemon says that it is, if the daemon has seen the document as it is now. */
function place(execution: Execution, document: vscode.TextDocument, { version, first_line, last_line }: Place): void {
  if (version === document.version) {
    execution.lines = { first: first_line, last: last_line };
    execution.stale = source(document, execution.lines) !== execution.source;
  }
}

function source(document: vscode.TextDocument, { first, last }: Lines): string {
  return document.getText(new vscode.Range(first, 0, last + 1, 0)).trimEnd();
}
