// The key for the model's server: kept in the editor's secret storage, given to the daemon's environment alone.

import * as vscode from "vscode";

const NAME = "tinycode.apiKey";

export class Key {
  readonly onDidChange: vscode.Event<unknown>;

  constructor(private readonly secrets: vscode.SecretStorage) {
    this.onDidChange = (listener, self, disposables) =>
      secrets.onDidChange(({ key }) => key === NAME && listener.call(self, key), undefined, disposables);
  }

  /** Variables of the daemon's environment. */
  async environment(): Promise<NodeJS.ProcessEnv> {
    const key = await this.secrets.get(NAME);
    return key ? { OPENAI_API_KEY: key } : {};
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
