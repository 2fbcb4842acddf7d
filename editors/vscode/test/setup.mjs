// A VS Code with the packaged extension, a project and a scripted model: made for a story, and gone after it.
//
// TINYCODE_BINARY is the daemon, CODE_SERVER and CHROMIUM are the editor; SCREENSHOTS is where its pictures are kept.

import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

import { startCodeServer } from "./codeServer.mjs";
import { startModel } from "./model.mjs";
import { Workbench } from "./workbench.mjs";

const here = import.meta.dirname;
const { env } = process;
const cache = env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
const program = env.CODE_SERVER ?? join(cache, "tinycode/code-server-4.100.3/bin/code-server");
const browser = env.CHROMIUM ?? "/usr/bin/chromium";
const screenshots = env.SCREENSHOTS ?? join(tmpdir(), "tinycode-screenshots");
assert(env.TINYCODE_BINARY, "TINYCODE_BINARY says which daemon is used");

const SETTINGS = {
  "tinycode.model": "test-model",
  "workbench.colorTheme": "Default Dark Modern",
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "editor.fontSize": 14,
  "editor.minimap.enabled": false,
  "editor.stickyScroll.enabled": false,
  "window.commandCenter": false,
  "git.enabled": false,
};

/**
 * Tells a story. Its project has `files` of this folder; its model gives the `replies`, and where there is a `key`, only
 * to who has it.
 */
export async function withWorkbench({ files, key, replies, settings, viewport }, story) {
  const home = await mkdtemp(join(tmpdir(), "tinycode-vscode-"));
  const stops = [() => rm(home, { recursive: true, force: true, maxRetries: 5 })];
  let workbench;
  try {
    await mkdir(screenshots, { recursive: true });
    const folder = join(home, "project");
    await mkdir(folder);
    await Promise.all(files.map((file) => copyFile(join(here, file), join(folder, file))));
    const model = await startModel(key, replies);
    stops.push(model.stop);
    const all = { ...SETTINGS, "tinycode.baseUrl": model.url, ...settings };
    const vsix = join(here, "..", "tinycode.vsix");
    const codeServer = await startCodeServer({ program, home, cache, vsix, settings: all });
    stops.push(codeServer.stop);
    workbench = await Workbench.open({ url: codeServer.url, folder, browser, screenshots, viewport });
    stops.push(() => workbench.close());
    await story({ workbench, folder, home, program: env.TINYCODE_BINARY, configure: codeServer.configure });
    assert.deepEqual(model.problems(), []);
    console.log(`ok: the story went as told; ${workbench.shots} screenshots are in ${screenshots}`);
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
}
