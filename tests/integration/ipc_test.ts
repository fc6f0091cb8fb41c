import { assertEquals, assertMatch } from "@std/assert";
import { serveIpc } from "../../src/ipc/server.ts";
import { claimSocket } from "../../src/ipc/socket_owner.ts";
import { LICENSE, LICENSE_LINE, startServer } from "../support/ipc_server.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { runIpc, scopedCommand } from "../support/scoped_program.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const NOBODY = "sentinel: error: sentinel daemon not running (socket not found)\n";

Deno.test("sentinel ipc prints the answer; with --json the line as it came", async () => {
  await using running = await startServer();
  const args = ["get_license", "--socket", running.path];
  assertEquals(await runIpc([...args, "--json"]), { code: 0, out: LICENSE_LINE + "\n", err: "" });
  const { code, out } = await runIpc(args);
  assertEquals([code, JSON.parse(out)], [0, { status: "ok", license: LICENSE }]);
});

Deno.test("sentinel ipc takes the socket that the software was given", async () => {
  await using running = await startServer();
  const { code, out } = await runIpc(["health", "--json"], { SENTINEL_IPC_SOCKET: running.path });
  assertEquals([code, out], [0, '{"status":"ok"}\n']);
});

Deno.test("sentinel ipc says that nobody is there and exits 87", async () => {
  await using folder = await temporaryFolder();
  const result = await runIpc(["health", "--socket", folder.at("absent.sock")]);
  assertEquals(result, { code: 87, out: "", err: NOBODY });
});

Deno.test("sentinel ipc exits 2 for a method that the server does not know", async () => {
  await using running = await startServer();
  const { code, err } = await runIpc(["xyz", "--socket", running.path]);
  assertEquals([code, err], [2, "sentinel: error: unknown method: xyz\n"]);
});

Deno.test("sentinel ipc exits 86 where the server denies the method", async () => {
  await using running = await startServer({ peer: "child", isDescendant: () => false });
  const { code, err } = await runIpc(["get_license", "--socket", running.path]);
  assertEquals([code, err], [86, "sentinel: error: permission denied: get_license\n"]);
});

Deno.test("sentinel ipc finds the only socket in the session's folder, and names them where there are several", async () => {
  await using folder = await temporaryFolder();
  const env = { XDG_RUNTIME_DIR: folder.path };
  const serve = async (id: string) => {
    const claim = await claimSocket(folder.at(`sentinel/sentinel-${id}.sock`));
    const server = serveIpc({ claim, license: LICENSE, log: new RecordingLog(), random: () => 1 });
    return { server, claim };
  };
  const one = await serve("one");
  const first = await runIpc(["health", "--json"], env);
  const two = await serve("two");
  const second = await runIpc(["health", "--json"], env);
  for (const { server, claim } of [one, two]) {
    await server.close();
    await claim[Symbol.asyncDispose]();
  }
  assertEquals([first.code, first.out], [0, '{"status":"ok"}\n']);
  assertEquals(second.code, 2);
  assertMatch(second.err, /--socket is required: there are .*-one\.sock, .*-two\.sock/);
});

Deno.test("sentinel ipc watch streams the events until the server ends", async () => {
  await using running = await startServer();
  await using child = scopedCommand("main.ts", [
    "ipc",
    "watch",
    "--json",
    "--socket",
    running.path,
  ]).spawn();
  await child.stdin.close();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await lines.read()).value, '{"status":"ok"}\n');
  running.server.publish({ event: "state", state: "running" });
  assertEquals((await lines.read()).value, '{"event":"state","state":"running"}\n');
  running.server.publish({ event: "stopping" });
  await running.server.close();
  assertEquals((await lines.read()).value, '{"event":"stopping"}\n');
  assertEquals((await lines.read()).done, true);
  await child.stderr.cancel();
  assertEquals((await child.status).code, 0);
});
