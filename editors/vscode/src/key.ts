// The key for the model's server: kept in the editor's secret storage, given to the daemon's environment alone.

import * as vscode from "vscode";

import { setting } from "./settings";

const NAME = "tinycode.apiKey";

export class Key {
  readonly onDidChange: vscode.Event<unknown>;

  constructor(private readonly secrets: vscode.SecretStorage) {
    this.onDidChange = (listener, self, disposables) =>
      secrets.onDidChange(({ key }) => key === NAME && listener.call(self, key), undefined, disposables);
  }

  /** Variables of the daemon's environment. The key goes to the server of its configuration alone, so that is set too. */
  async environment(): Promise<NodeJS.ProcessEnv> {
    const key = await this.secrets.get(NAME);
    const server = setting("baseUrl");
    return { ...(key ? { OPENAI_API_KEY: key } : {}), ...(server ? { OPENAI_BASE_URL: server } : {}) };
  }

  /** Asks the user for it; an empty one is forgotten. */
  async ask(): Promise<void> {
    const key = await vscode.window.showInputBox({
      title: "tinycode: API key of the model's server",
      prompt: "Kept in this editor's secret storage. Leave it empty to forget it.",
      password: true,
      ignoreFocusOut: true,
    });
    if (key === undefined) {
      return;
    }
    await (key.trim() ? this.secrets.store(NAME, key.trim()) : this.secrets.delete(NAME));
  }
}
