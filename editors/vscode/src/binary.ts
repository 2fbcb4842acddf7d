// Where the program `tinycode` is, and what to do when it is not.

import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

import * as vscode from "vscode";

import { pathSetting, setting } from "./settings";

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** The path of the program, if it is there. */
export async function findBinary(): Promise<string | undefined> {
  const named = pathSetting("path");
  // Editors that are not started from a shell often lack cargo's folder on their PATH.
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), join(homedir(), ".cargo", "bin")];
  const candidates = isAbsolute(named) ? [named] : folders.filter(Boolean).map((folder) => join(folder, named));
  for (const candidate of candidates) {
    if (await isProgram(candidate)) {
      return candidate;
    }
  }
  return undefined;
}

/** Tells the user that it is missing, with a way out. */
export async function offerBinary(): Promise<void> {
  const choose = "Choose Program…";
  const how = "How to Install";
  const chosen = await vscode.window.showErrorMessage(
    `The program '${setting("path")}' was not found. tinycode runs your code with it.`,
    choose,
    how,
  );
  if (chosen === choose) {
    await chooseBinary();
  } else if (chosen === how) {
    await vscode.commands.executeCommand("workbench.action.openWalkthrough", "tinycode.tinycode#tinycode.start", false);
  }
}

/** Lets the user choose it; the setting's change starts it. */
export async function chooseBinary(): Promise<void> {
  const defaultUri = vscode.Uri.file(homedir());
  const chosen = await vscode.window.showOpenDialog({ title: "The program tinycode", openLabel: "Use This Program", defaultUri });
  const path = chosen?.[0]?.fsPath;
  if (path) {
    await vscode.workspace.getConfiguration("tinycode").update("path", path, vscode.ConfigurationTarget.Global);
  }
}
