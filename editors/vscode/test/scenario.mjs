// What a user does, from a program that is missing to a daemon that is lost, and what has to be seen of it.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

export async function scenario({ workbench, key, folder, install }) {
  await missing(workbench, install);
  await setKey(workbench, key);
  await runCell(workbench);
  await seeVariables(workbench);
  await runTask(workbench, folder);
  await showTable(workbench);
  await interrupt(workbench);
  await fail(workbench);
  await edit(workbench);
  await seeRuns(workbench);
  await crash(workbench);
}

/** A program that is not there is told with a way out; once it is there, it is started. */
async function missing(workbench, install) {
  await workbench.openFile("analysis.py", "values = [3, 5");
  const toast = await workbench.notification("was not found");
  await workbench.status("missing");
  await toast.getByText("Choose Program…").waitFor();
  await workbench.shot("missing");
  await install();
  await workbench.command("tinycode: Restart Daemon");
  await workbench.lens("Run cell");
  await workbench.status("no session");
  await workbench.clearNotifications();
  await workbench.command("View: Toggle Primary Side Bar Visibility"); // there is more room without it
}

/** The key goes to the secret storage; a daemon is started with it. */
async function setKey(workbench, key) {
  await workbench.command("tinycode: Set API Key");
  await workbench.answer(key);
  const toast = await workbench.notification("The key is used when tinycode starts");
  await toast.getByText("Restart", { exact: true }).click();
  await workbench.lens("Run cell");
  await workbench.status("no session");
}

async function runCell(workbench) {
  await workbench.clickLens("Run cell", 0);
  await workbench.said(/= 84/);
  await workbench.status("isolated");
  await workbench.shot("cell");
}

async function seeVariables(workbench) {
  await workbench.command("tinycode: Show Variables");
  const list = workbench.page.locator(".quick-input-list");
  await list.getByText("values", { exact: true }).waitFor();
  await workbench.shot("variables");
  await workbench.page.keyboard.press("Escape");
}

async function runTask(workbench, folder) {
  await workbench.clickLens("Run task", 0);
  await workbench.said(/step 1 · running/);
  const toast = await workbench.notification("which values are above ten");
  await toast.getByText("looking at 6 values").waitFor();
  await toast.getByText("Cancel").click({ trial: true }); // it stands still
  await workbench.lens("Interrupt");
  await workbench.status("step 1");
  await workbench.shot("task-running");
  await writeFile(join(folder, "seen"), "");
  await workbench.said(/= \[13, 21, 34\]/);
  await toast.waitFor({ state: "hidden" });
  await workbench.lens("Run task");
  await workbench.putCursor("agent: which");
  await workbench.command("tinycode: Show Output of Current");
  await workbench.webview().getByText("is 3 enough?").last().waitFor();
  await workbench.shot("task");
}

/** HTML is shown beside the code, without what it would run. */
async function showTable(workbench) {
  await workbench.clickLens("Run cell", 2);
  const panel = workbench.webview();
  await panel.getByRole("cell", { name: "34", exact: true }).waitFor();
  await workbench.said(/HTML/);
  assert.equal(await panel.locator("script").count(), 0);
  await workbench.shot("table");
}

async function interrupt(workbench) {
  await workbench.clickLens("Run cell", 3);
  await workbench.said(/tick [1-9]/);
  await workbench.lens("Interrupt");
  await workbench.shot("watch");
  await workbench.clickLens("Interrupt", 0);
  await workbench.said(/interrupted/);
}

async function fail(workbench) {
  await workbench.clickLens("Run cell", 4);
  await workbench.said(/ZeroDivisionError: division by zero/);
  await workbench.page.locator(".squiggly-error").first().waitFor();
  await workbench.webview().getByText("Traceback").waitFor();
  await workbench.shot("error");
}

/** What came of a cell follows it, and says that it was edited. */
async function edit(workbench) {
  await workbench.putCursor("sum(values)");
  await workbench.page.keyboard.press("Home");
  await workbench.page.keyboard.type("1 + ");
  await workbench.said(/edited since/);
  await workbench.shot("edited");
  await workbench.command("tinycode: Run Current Cell");
  await workbench.saidBehind("sum(values)", /= 85/);
  await workbench.putCursor("%% Load");
  await workbench.page.keyboard.press("Home");
  await workbench.page.keyboard.type("import math\n\n");
  await workbench.saidBehind("sum(values)", /= 85/);
  await workbench.saidBehind("ratio(1,", /ZeroDivisionError/);
}

async function seeRuns(workbench) {
  await workbench.openView("tinycode");
  const tree = workbench.page.locator(".pane-body .monaco-list-rows");
  await tree.getByText("which values are above ten?").waitFor();
  await workbench.expand("Step 1");
  await tree.getByText("is 3 enough?").waitFor();
  await tree.getByText("which values are above ten?").click();
  await workbench.webview().getByRole("heading", { name: "Answer" }).waitFor();
  await workbench.shot("runs");
  await workbench.command("Preferences: Color Theme");
  await workbench.answer("Light Modern");
  await workbench.page.locator(".monaco-workbench.vs").waitFor();
  await workbench.shot("light");
}

/** A daemon that is lost is told, and started again. */
async function crash(workbench) {
  await workbench.openView("Explorer");
  await workbench.openFile("crash.py", "SIGKILL");
  await workbench.clickLens("Run cell", 0);
  const toast = await workbench.notification("tinycode has stopped unexpectedly");
  await toast.getByText("Restart Now").click({ trial: true }); // it stands still
  await workbench.shot("crash");
  await workbench.status("no session");
  await workbench.lens("Run cell");
}
