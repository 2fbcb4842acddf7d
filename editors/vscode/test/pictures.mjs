// Takes the pictures of the README and of the walkthrough anew, from what has run.

import { join } from "node:path";

import { withWorkbench } from "./setup.mjs";

const folder = join(import.meta.dirname, "..");
const image = (name) => join(folder, "images", `${name}.png`);

const replies = [
  "I look at the numbers first.\n```python\nexplore('how are the days spread?')\nprint(len(rides), 'days, from', min(rides), 'to', max(rides))\n```",
  "```python\nbusy = [day for day, n in enumerate(rides, 1) if n > 25]\nfinal_answer(busy)\n```",
];

const settings = {
  "tinycode.path": process.env.TINYCODE_BINARY,
  "editor.fontSize": 13,
  "editor.lightbulb.enabled": "off",
  "editor.occurrencesHighlight": "off",
  "editor.renderLineHighlight": "none",
  "breadcrumbs.enabled": false,
  "workbench.colorCustomizations": { "editorCursor.foreground": "#0000" },
  "files.exclude": { "**/__pycache__": true },
};

/** Lines of the editor in each theme: a walkthrough has a picture for each. */
async function picture(workbench, name, first, last) {
  for (const theme of ["Light Modern", "Dark Modern"]) {
    await workbench.theme(theme);
    const file = `${name}-${theme.split(" ")[0].toLowerCase()}.png`;
    await workbench.pictureOfLines(join(folder, "media", "walkthrough", file), first, last);
  }
}

async function story({ workbench }) {
  await workbench.openFile("rides.py", "rides = [12");
  await workbench.command("View: Toggle Primary Side Bar Visibility");
  await workbench.lens("Run cell");
  await workbench.clickLens("Run cell", 0);
  await workbench.said(/= 141/);
  await picture(workbench, "cell", "%% Load", "sum(rides)");

  await workbench.clickLens("Run task", 0);
  await workbench.said(/= \[2, 4, 6\]/);
  await workbench.lens("Rewind to here");
  await picture(workbench, "task", "%% Ask", "more than 25");

  await workbench.clickLens("Run cell", 2);
  await workbench.webview().getByRole("cell", { name: "44", exact: true }).waitFor();
  await workbench.clickLens("Run cell", 3);
  await workbench.said(/= 5/);
  await workbench.lens("Rewind to here", 2);
  await workbench.putCursor("agent: which");
  await workbench.command("tinycode: Show Output of Current");
  await workbench.webview().getByRole("heading", { name: "Answer" }).waitFor();
  await workbench.picture(image("task"));

  await workbench.clickLens("Rewind to here", 1); // of the task
  await workbench.saidBehind("len(rides)", /undone/);
  await workbench.lens("Redo to here", 1);
  await workbench.command("View: Close Editors in Other Groups");
  await picture(workbench, "rewind", "%% Ask", "len(rides)");
  await workbench.openView("tinycode");
  await workbench.row("Variables", "rides").waitFor();
  await workbench.theme("Light Modern");
  await workbench.picture(image("runs"));
}

await withWorkbench({ files: ["rides.py", "table.py"], replies, settings, viewport: { width: 1280, height: 520 } }, story);
