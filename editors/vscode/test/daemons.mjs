// Where the daemon comes from: a program that is missing, one that crashes, one that runs by itself on a socket.

import { join } from "node:path";

import { startDaemon } from "./daemon.mjs";

/** A program that is not there is told with two ways out; the one that is chosen is started. */
export async function missing(workbench, program) {
  await workbench.openFile("analysis.py", "values = [3, 5");
  const toast = await workbench.notification("was not found");
  await workbench.status("missing");
  await workbench.shot("missing");
  await toast.getByText("How to Install").click();
  const walkthrough = workbench.page.locator(".gettingStartedContainer");
  await walkthrough.getByText("Install the program").first().waitFor();
  await workbench.shot("walkthrough-program");
  await walkthrough.getByText("Run a cell").first().click();
  await walkthrough.getByAltText("A cell with its value").waitFor();
  await workbench.shot("walkthrough");
  await workbench.closeEditor();
  await workbench.putCursor("%% Load");
  await workbench.command("tinycode: Choose Program");
  await workbench.chooseFile(program, "Use This Program");
  await workbench.lens("Run cell");
  await workbench.status("no session");
}

/** A daemon on a socket is waited for, keeps its sessions when the window is closed, and is found again. */
export async function onSocket({ workbench, binary, configure, home }) {
  const socket = join(home, "daemon.sock");
  await workbench.clearNotifications();
  await configure({ "tinycode.path": binary, "tinycode.socket": socket });
  const toast = await workbench.notification("The settings are used when tinycode starts");
  await toast.getByText("Restart", { exact: true }).click();
  await workbench.notification("No daemon listens on");
  await workbench.status("disconnected");
  await workbench.shot("socket-missing");
  let daemon = await startDaemon({ binary, socket });
  try {
    await workbench.status("no session"); // it was tried again
    await workbench.openFile("analysis.py", "values = [3");
    await workbench.putCursor("sum(values)");
    await workbench.command("tinycode: Run Current Cell");
    await workbench.status("isolated");
    await workbench.command("tinycode: Show Output of Current");
    await workbench.webview().getByText("85").waitFor();
    await workbench.reload();
    await workbench.openFile("analysis.py", "values = [3");
    await workbench.status("isolated");
    await workbench.openView("tinycode");
    await workbench.row("Runs", "Load").waitFor();
    await workbench.webview().getByText("85").waitFor(); // what the panel showed
    await workbench.shot("socket-again");
    await daemon.kill();
    await workbench.notification("has ended");
    daemon = await startDaemon({ binary, socket });
    await workbench.status("no session");
    await workbench.reload();
    await workbench.group(1).waitFor({ state: "detached" }); // there is nothing more to show
    await workbench.status("no session");
  } finally {
    await daemon.kill();
  }
}
