// A daemon that runs by itself, on a socket.

import { spawn } from "node:child_process";
import { once } from "node:events";

/** Starts it, and waits until it listens. */
export async function startDaemon({ binary, socket }) {
  const daemon = spawn(binary, ["serve", "--stdio", "--socket", socket], { stdio: ["pipe", "pipe", "inherit"] });
  const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping", params: {} });
  daemon.stdin.write(`Content-Length: ${ping.length}\r\n\r\n${ping}`);
  await once(daemon.stdout, "data"); // it is served on all its ways, or on none
  const ended = once(daemon, "exit");
  const kill = async () => {
    daemon.kill("SIGKILL");
    await ended;
  };
  return { kill };
}
