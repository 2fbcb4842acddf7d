// What a user does, from a program that is missing to a daemon that is lost, and what has to be seen of it.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { missing, onSocket } from "./daemons.mjs";

export async function scenario({ workbench, key, folder, program, configure, home }) {
  await missing(workbench, program);
  await workbench.clearNotifications();
  await workbench.command("View: Toggle Primary Side Bar Visibility"); // there is more room without it

  await setKey(workbench, key);
  await runCell(workbench);
  await seeVariables(workbench);
  await runTask(workbench, folder);
  await showTable(workbench);
  await interrupt(workbench);
  await fail(workbench);
  await rewind(workbench);
  await edit(workbench);
  await seeRuns(workbench);
  await notes(workbench);
  await runMany(workbench);
  await chooseLevel(workbench);
  await crash(workbench);
  await onSocket({ workbench, binary: program, configure, home });
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

/** The variables view lists what the cell made, and copies it. */
async function seeVariables(workbench) {
  await workbench.command("tinycode: Show Variables");
  const values = workbench.row("Variables", "values");
  await values.getByText("list (6) [3, 5, 8, 13, 21, 34]").hover();
  await workbench.shot("variables");
  await values.getByLabel("Copy Value").click();
  await workbench.copied("[3, 5, 8, 13, 21, 34]");
  await workbench.command("View: Toggle Primary Side Bar Visibility");
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

/** What ran since is undone, in the editor and in the runs view; from there it is redone. */
async function rewind(workbench) {
  await workbench.lens("Rewind to here", 3);
  await workbench.clickLens("Rewind to here", 1); // of the task
  await workbench.saidBehind("ratio(1,", /undone/);
  await workbench.lens("Redo to here", 2);
  await workbench.shot("rewound");
  await workbench.openView("tinycode");
  const last = workbench.row("Runs", "Fail");
  const made = workbench.row("Variables", "second");
  await workbench.row("Variables", "values").waitFor();
  await made.waitFor({ state: "hidden" });
  await last.filter({ hasText: "undone" }).hover();
  await workbench.shot("runs-rewound");
  await last.getByLabel("Rewind or Redo to Here").click();
  await last.filter({ hasNotText: "undone" }).waitFor();
  await made.waitFor();
  await workbench.saidBehind("ratio(1,", /ms"$/);
  await workbench.command("View: Toggle Primary Side Bar Visibility");
}

/** Blocks of a Markdown document are cells; images are shown in the panel. */
async function notes(workbench) {
  await workbench.openView("Explorer");
  await workbench.openFile("notes.md", "Cells of a Markdown");
  await workbench.lens("Run task");
  await workbench.clickLens("Run cell", 0);
  await workbench.said(/→ image/);
  const figure = workbench.webview().locator("img.figure");
  await figure.waitFor();
  assert.deepEqual(await figure.evaluate((image) => [image.naturalWidth, image.naturalHeight]), [240, 200]);
  await workbench.shot("notes");
}

/** Of many steps only the latest can be gone back to, and only there it is offered. */
async function runMany(workbench) {
  await workbench.openFile("many.py", "n = 12");
  await workbench.command("tinycode: Run All Cells");
  await workbench.saidBehind("n = 12", /ms"$/);
  await workbench.lens("Rewind to here", 8);
  await workbench.webview().getByText("no output").waitFor();
  await workbench.openView("tinycode");
  const first = workbench.row("Runs", /^n = 1\b/);
  await first.hover();
  await first.getByLabel("Rewind or Redo to Here").waitFor({ state: "detached" });
  await workbench.row("Variables", "n").getByText("int 12").waitFor();
  const later = workbench.row("Runs", "n = 6");
  await later.hover();
  await later.getByLabel("Rewind or Redo to Here").click();
  await workbench.saidBehind("n = 12", /undone/);
  await workbench.row("Variables", "n").getByText("int 6").waitFor();
  await workbench.shot("many");
  await workbench.openView("Explorer");
}

/** A click in the status bar says what each trust level is here, and gives a fresh session of one. */
async function chooseLevel(workbench) {
  await workbench.clickStatus();
  const list = workbench.page.locator(".quick-input-list");
  await list.getByText("current · Python").waitFor();
  await list.getByText("not available").waitFor();
  await workbench.shot("levels");
  await list.getByText("sandboxed").click();
  await workbench.notification("sandboxed does not work here");
  await workbench.clickStatus();
  await list.getByText("local", { exact: true }).click();
  await workbench.status("local");
  await workbench.clearNotifications();
}

async function seeRuns(workbench) {
  await workbench.openView("tinycode");
  const task = workbench.row("Runs", "which values are above ten?");
  await task.waitFor();
  await workbench.row("Runs", "Step 1").locator(".monaco-tl-twistie").click();
  await workbench.row("Runs", "is 3 enough?").waitFor();
  await task.click();
  await workbench.webview().getByRole("heading", { name: "Answer" }).waitFor();
  await workbench.shot("runs");
  await workbench.theme("Light Modern");
  await workbench.shot("light");
}

/** A daemon that is lost is told, and started again. */
async function crash(workbench) {
  await workbench.openFile("crash.py", "Crash");
  await workbench.clickLens("Run cell", 0);
  await workbench.said(/= 1/);
  killDaemon(); // code cannot
  const toast = await workbench.notification("tinycode has stopped unexpectedly");
  await toast.getByText("Restart Now").click({ trial: true }); // it stands still
  await workbench.shot("crash");
  await workbench.status("no session");
  await workbench.lens("Run cell");
}

/** Kills the daemon that this test's editor has started. */
function killDaemon() {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const read = (pid, name) => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, "utf8");
    } catch {
      return ""; // it has ended meanwhile
    }
  };
  const parent = (pid) => read(pid, "stat").replace(/^.*\) /s, "").split(" ")[1] ?? "0";
  const isOurs = (pid) => pid === String(process.pid) || (Number(pid) > 1 && isOurs(parent(pid)));
  const daemons = pids.filter((pid) => read(pid, "cmdline").split("\0")[1] === "serve" && isOurs(pid));
  for (const pid of daemons) {
    process.kill(Number(pid), "SIGKILL");
  }
}
