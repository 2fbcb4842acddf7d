// A VS Code of its own: folders that are gone afterwards, the packaged extension, and nothing else.

import { execFile, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const FLAGS = [
  ["--auth", "none"],
  ["--bind-addr", "127.0.0.1:0"],
  "--disable-telemetry",
  "--disable-update-check",
  "--disable-workspace-trust",
  "--disable-getting-started-override",
].flat();

/** Settings are those of the user, and those of the machine that code runs on. */
const SETTINGS = ["User", "Machine"];

/** Starts it in a folder, with an extension and settings; answers its address. */
export async function startCodeServer({ program, home, cache, vsix, settings }) {
  const folders = ["--user-data-dir", join(home, "data"), "--extensions-dir", join(home, "extensions")];
  const env = { ...process.env, HOME: home, XDG_CACHE_HOME: cache, XDG_CONFIG_HOME: join(home, "config"), XDG_STATE_HOME: join(home, "state") };
  delete env.OPENAI_API_KEY;
  env.DOCKER_HOST = "unix:///nowhere"; // so that a trust level is not available
  await Promise.all(SETTINGS.map((part) => mkdir(join(home, "data", part), { recursive: true })));
  await configure(home, settings);
  await promisify(execFile)(process.execPath, [program, ...folders, "--install-extension", vsix], { env });

  const server = spawn(process.execPath, [program, ...folders, ...FLAGS], { env, stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`code-server ended with ${code} before it listened`)));
    createInterface(server.stdout).on("line", (line) => {
      const address = /listening on (http:\/\/\S+?)\/?$/.exec(line);
      if (address) {
        resolve(address[1]);
      }
    });
  });
  return { url, stop: () => server.kill(), configure: (more) => configure(home, { ...settings, ...more }) };
}

async function configure(home, settings) {
  const files = SETTINGS.map((part) => join(home, "data", part, "settings.json"));
  await Promise.all(files.map((file) => writeFile(file, JSON.stringify(settings))));
}
