// Choosing how far the code of a document is trusted: what each level is here, and a fresh session of it.

import * as vscode from "vscode";

import { tell, type Daemon } from "./daemon";
import type { SessionInfo, Status, TrustLevel } from "./wire";

const LEVELS: Record<TrustLevel, { icon: string; what: string }> = {
  local: { icon: "symbol-namespace", what: "Python inside the daemon, without files, processes or network" },
  isolated: { icon: "server-process", what: "a Python process of its own, with the rights of your user" },
  sandboxed: { icon: "package", what: "a container of its own" },
};

interface LevelItem extends vscode.QuickPickItem {
  level: TrustLevel;
  available: boolean;
}

/** Has the user choose, and gives the document a fresh session. */
export async function chooseTrustLevel(daemon: Daemon, uri: string): Promise<void> {
  try {
    const status = await daemon.request<Status>("status", {});
    const current = await daemon.execute<SessionInfo | null>("tinycode.session", { uri });
    const chosen = status && (await pick(status, current?.trust_level));
    if (!chosen) {
      return;
    }
    if (!chosen.available) {
      void vscode.window.showWarningMessage(`${chosen.level} does not work here: ${chosen.detail ?? "no reason is known"}`);
      return;
    }
    await daemon.execute("tinycode.restart", { uri, session: { trust_level: chosen.level } });
  } catch (error) {
    tell(error);
  }
}

async function pick(status: Status, current: TrustLevel | undefined): Promise<LevelItem | undefined> {
  const items = (Object.keys(LEVELS) as TrustLevel[]).map((level): LevelItem => {
    const { available, python_version, reason } = status.trust_levels[level];
    const { icon, what } = LEVELS[level];
    const marks = [level === current && "current", available ? python_version && `Python ${python_version}` : "not available"];
    return {
      level,
      available,
      label: `$(${icon}) ${level}`,
      description: marks.filter(Boolean).join(" · "),
      detail: available ? what : (reason ?? what),
    };
  });
  const title = "tinycode: how far is the code trusted?";
  const placeHolder = "The document gets a fresh session; its variables are lost";
  return vscode.window.showQuickPick(items, { title, placeHolder });
}
