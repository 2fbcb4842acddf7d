// The daemon as this window's language server: started when it is needed, and again when it crashed.

import { once } from "node:events";
import { connect } from "node:net";

import * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  type ServerOptions,
  type StaticFeature,
} from "vscode-languageclient/node";

import { findBinary, offerBinary } from "./binary";
import type { Key } from "./key";
import { initializationOptions, pathSetting } from "./settings";
import type { EventEnvelope, ExecutionParams, Failure } from "./wire";

/** Seconds before it is started again, after each crash in a row. */
const BACKOFF = [1, 2, 5, 10, 30];
/** Milliseconds after which a daemon is taken to be sound. */
const SOUND = 60_000;

export const SELECTOR = ["python", "markdown", "quarto"].flatMap((language) =>
  ["file", "untitled"].map((scheme) => ({ language, scheme })),
);

export type DaemonState = "stopped" | "starting" | "running" | "missing" | "crashed" | "disconnected";

// Executions are told and drawn by ourselves, and so lenses are looked at again when one of them changes: asked to at
// each line that is printed, VS Code would put it off until nothing is printed.
const executionsFeature: StaticFeature = {
  fillClientCapabilities(capabilities) {
    capabilities.experimental = { tinycode: { executions: true } };
    capabilities.window = { ...capabilities.window, workDoneProgress: false };
    capabilities.workspace = { ...capabilities.workspace, codeLens: { refreshSupport: false } };
  },
  // We register its commands ourselves (commands.ts). The client takes its own away while the daemon starts anew, when
  // lenses that are still shown would call what nobody knows.
  preInitialize: (capabilities) => delete capabilities.executeCommandProvider,
  initialize: () => undefined,
  getState: () => ({ kind: "static" }),
  clear: () => undefined,
};

function refreshLenses(client: LanguageClient, document: vscode.TextDocument | undefined): void {
  if (document) {
    client.getFeature("textDocument/codeLens").getProvider(document)?.onDidChangeCodeLensEmitter.fire();
  }
}

/** Tells the user of an error, in the daemon's words. */
export function tell(error: unknown): void {
  const { message, data } = error as Failure;
  void vscode.window.showErrorMessage(data?.hint ? `${message}; ${data.hint}` : message);
}

export class Daemon implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel("tinycode", { log: true });
  state: DaemonState = "stopped";

  private readonly stateChanged = new vscode.EventEmitter<DaemonState>();
  private readonly happened = new vscode.EventEmitter<EventEnvelope>();
  private readonly executed = new vscode.EventEmitter<ExecutionParams>();
  readonly onDidChangeState = this.stateChanged.event;
  readonly onEvent = this.happened.event;
  readonly onExecution = this.executed.event;

  private client: LanguageClient | undefined;
  private starting: Promise<LanguageClient | undefined> | undefined;
  private launches = 0;
  private startedAt = 0;
  private crashes = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly key: Key) {}

  dispose(): void {
    void this.stop();
    vscode.Disposable.from(this.stateChanged, this.happened, this.executed, this.log).dispose();
  }

  /** Starts it, unless it runs. */
  start(): Promise<LanguageClient | undefined> {
    clearTimeout(this.timer);
    this.starting ??= this.launch();
    return this.starting;
  }

  /** Ends it, and all that runs in it. */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    const client = this.client;
    this.client = this.starting = undefined;
    this.launches += 1;
    this.become("stopped");
    await client?.dispose();
  }

  async restart(): Promise<void> {
    this.crashes = 0;
    await this.stop();
    await this.start();
  }

  /** Sends a request; nothing if there is no daemon, which the user has been told. */
  async request<R>(method: string, params: object, token?: vscode.CancellationToken): Promise<R | undefined> {
    const client = await this.start();
    return token ? client?.sendRequest<R>(method, params, token) : client?.sendRequest<R>(method, params);
  }

  /** Executes a command of the daemon's. Errors are told to the user. */
  async execute<R>(command: string, argument: object): Promise<R | undefined> {
    try {
      return await this.request<R>("workspace/executeCommand", { command, arguments: [argument] });
    } catch (error) {
      tell(error);
      return undefined;
    }
  }

  private become(state: DaemonState): void {
    this.state = state;
    this.stateChanged.fire(state);
  }

  private async launch(): Promise<LanguageClient | undefined> {
    const launch = ++this.launches;
    this.become("starting");
    const server = await (pathSetting("socket") ? this.onSocket() : this.asProcess());
    if (!server || launch !== this.launches) {
      return undefined; // the user has been told, or it was stopped meanwhile
    }
    const client = new LanguageClient("tinycode", "tinycode", server, this.options(() => this.lost(client)));
    client.registerFeature(executionsFeature);
    client.onNotification("event", (event: EventEnvelope) => {
      this.happened.fire(event);
      if (event.type === "checkpoint" || event.type === "session.rewound") {
        vscode.workspace.textDocuments.forEach((document) => refreshLenses(client, document));
      }
    });
    client.onNotification("tinycode/execution", (params: ExecutionParams) => {
      this.executed.fire(params);
      const uri = vscode.Uri.parse(params.uri).toString();
      const document = vscode.workspace.textDocuments.find((open) => open.uri.toString() === uri);
      refreshLenses(client, document);
    });
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      this.log.error(`it did not start: ${String(error)}`);
      this.lost(client);
      return undefined;
    }
    if (this.client !== client) {
      return undefined; // stopped meanwhile
    }
    this.startedAt = Date.now();
    this.become("running");
    return client;
  }

  /** A program of this window's own. */
  private async asProcess(): Promise<ServerOptions | undefined> {
    const command = await findBinary();
    const env = { ...process.env, ...(await this.key.environment()) };
    if (command) {
      return { command, args: ["serve", "--stdio"], options: { env } };
    }
    this.starting = undefined;
    this.become("missing");
    void offerBinary();
    return undefined;
  }

  /** A daemon that runs already. It is connected to here, since the client would show a stack of errors. */
  private async onSocket(): Promise<ServerOptions | undefined> {
    const socket = pathSetting("socket");
    try {
      const stream = connect(socket);
      await once(stream, "connect");
      return () => Promise.resolve({ reader: stream, writer: stream });
    } catch (error) {
      this.log.error(String(error));
      this.starting = undefined;
      this.retry("disconnected", `No daemon listens on ${socket}; \`tinycode serve --socket\` starts one`);
      return undefined;
    }
  }

  private options(closed: () => void): LanguageClientOptions {
    return {
      documentSelector: SELECTOR,
      initializationOptions: initializationOptions(),
      outputChannel: this.log,
      initializationFailedHandler: (error) => {
        this.crashes = BACKOFF.length; // it would say the same again
        tell(error);
        return false;
      },
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => {
          closed();
          return { action: CloseAction.DoNotRestart, handled: true };
        },
      },
    };
  }

  /** It has gone without being asked to: it is started again, later with each time. */
  private lost(client: LanguageClient): void {
    if (this.client !== client) {
      return;
    }
    this.client = this.starting = undefined;
    const ran = this.startedAt > 0 ? Date.now() - this.startedAt : 0;
    this.crashes = ran > SOUND ? 0 : this.crashes;
    this.startedAt = 0;
    const socket = pathSetting("socket");
    if (socket) {
      this.retry("disconnected", `The connection to the daemon on ${socket} has ended`, ran > 0);
    } else {
      this.retry("crashed", "tinycode has stopped unexpectedly, and what ran in it is lost", ran > 0);
    }
  }

  /** Starts it again, later with each time. Told are the first time, the last one, and others that are news. */
  private retry(state: DaemonState, what: string, isNews = false): void {
    const seconds = BACKOFF[this.crashes];
    this.crashes += 1;
    this.become(state);
    if (seconds === undefined) {
      void this.tellLoss(vscode.window.showErrorMessage, `${what}. It is not tried again.`);
      return;
    }
    this.timer = setTimeout(() => void this.start(), seconds * 1000);
    if (isNews || this.crashes === 1) {
      void this.tellLoss(vscode.window.showWarningMessage, `${what}. It is tried again.`);
    }
  }

  private async tellLoss(show: typeof vscode.window.showWarningMessage, message: string): Promise<void> {
    const [now, log] = ["Restart Now", "Show Log"];
    const chosen = await show(message, now, log);
    if (chosen === now && this.state !== "running") {
      await this.restart();
    } else if (chosen === log) {
      this.log.show();
    }
  }
}
