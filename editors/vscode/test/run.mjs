// Drives the packaged extension in a real VS Code, with a real daemon and a scripted model.
//
// TINYCODE_BINARY is the daemon, CODE_SERVER and CHROMIUM are the editor; SCREENSHOTS is where its pictures are kept.

import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

import { startCodeServer } from "./codeServer.mjs";
import { startModel } from "./model.mjs";
import { scenario } from "./scenario.mjs";
import { Workbench } from "./workbench.mjs";

const here = import.meta.dirname;
const { env } = process;
const cache = env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
const program = env.CODE_SERVER ?? join(cache, "tinycode/code-server-4.100.3/bin/code-server");
const screenshots = env.SCREENSHOTS ?? join(tmpdir(), "tinycode-screenshots");
const key = "sk-test-0123456789abcdef0123456789abcdef";
assert(env.TINYCODE_BINARY, "TINYCODE_BINARY says which daemon is tested");

const settings = (model) => ({
  "tinycode.path": "no-such-tinycode",
  "tinycode.baseUrl": model.url,
  "tinycode.model": "test-model",
  "workbench.colorTheme": "Default Dark Modern",
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "editor.fontSize": 14,
  "editor.minimap.enabled": false,
  "editor.stickyScroll.enabled": false,
  "window.commandCenter": false,
  "git.enabled": false,
  "files.exclude": { "**/__pycache__": true, seen: true }, // rows do not move under a click
});

// The first step of the task waits until the test has seen its progress.
const replies = [
  "I look first.\n```python\nimport os, time\nuncertain('is 3 enough?')\nprint('looking at', len(values), 'values', flush=True)\n" +
    "while not os.path.exists('seen'):\n    time.sleep(0.02)\n```",
  "```python\nfinal_answer([value for value in values if value > 10])\n```",
];

const home = await mkdtemp(join(tmpdir(), "tinycode-vscode-"));
const stops = [() => rm(home, { recursive: true, force: true, maxRetries: 5 })];
let workbench;
try {
  await mkdir(screenshots, { recursive: true });
  const folder = join(home, "project");
  await mkdir(folder);
  for (const file of ["analysis.py", "crash.py", "notes.md", "plot.py", "table.py"]) {
    await copyFile(join(here, file), join(folder, file));
  }
  const model = await startModel(key, replies);
  stops.push(model.stop);
  const vsix = join(here, "..", "tinycode.vsix");
  const codeServer = await startCodeServer({ program, home, cache, vsix, settings: settings(model) });
  stops.push(codeServer.stop);
  const browser = env.CHROMIUM ?? "/usr/bin/chromium";
  workbench = await Workbench.open({ url: codeServer.url, folder, browser, screenshots });
  stops.push(() => workbench.close());
  await scenario({ workbench, key, folder, program: env.TINYCODE_BINARY, configure: codeServer.configure, home });
  assert.deepEqual(model.problems(), []);
  console.log(`ok: the extension works in VS Code; ${workbench.shots} screenshots are in ${screenshots}`);
} catch (error) {
  await workbench?.shot("failed").catch(() => undefined);
  console.error(error);
  console.error(`screenshots are in ${screenshots}`);
  process.exitCode = 1;
} finally {
  for (const stop of stops.reverse()) {
    await stop();
  }
}
