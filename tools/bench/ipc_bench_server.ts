import { standardOutput } from "../../src/cli/output.ts";
import { claimSocket } from "../../src/ipc/socket_owner.ts";
import { serveIpc } from "../../src/ipc/server.ts";
import { LICENSE } from "../../tests/support/ipc_server.ts";
import { RecordingLog } from "../../tests/support/recording_log.ts";

// Serves the license on the first path and a bare echo on the second, until standard input ends.
const [ipcPath, echoPath] = Deno.args as [string, string];

async function echo(conn: Deno.UnixConn): Promise<void> {
  const bytes = new Uint8Array(65_536);
  try {
    for (let n = await conn.read(bytes); n !== null; n = await conn.read(bytes)) {
      for (let at = 0; at < n;) at += await conn.write(bytes.subarray(at, n));
    }
  } finally {
    conn.close();
  }
}

async function serveEcho(listener: Deno.UnixListener): Promise<void> {
  for await (const conn of listener) void echo(conn).catch(() => {});
}

const server = serveIpc({
  claim: await claimSocket(ipcPath),
  license: LICENSE,
  log: new RecordingLog(),
  random: Math.random,
  limits: { maxConnections: 1000 },
  control: { stats: () => Deno.memoryUsage() },
});
void serveEcho(Deno.listen({ transport: "unix", path: echoPath }));
standardOutput.result("ready");
for await (const _ of Deno.stdin.readable);
await server.close();
Deno.exit(0);
