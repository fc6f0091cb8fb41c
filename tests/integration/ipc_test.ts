import { assertEquals } from "@std/assert";
import { LICENSE, LICENSE_LINE, startServer } from "../support/ipc_server.ts";
import { runProgram } from "../support/program.ts";

Deno.test("sentinel ipc prints the answer; with --json the line as it came", async () => {
  await using running = await startServer();
  const args = ["ipc", "get_license", "--socket", running.path];
  assertEquals(await runProgram([...args, "--json"]), {
    code: 0,
    stdout: LICENSE_LINE + "\n",
    stderr: "",
  });
  const { code, stdout } = await runProgram(args);
  assertEquals([code, JSON.parse(stdout)], [0, { status: "ok", license: LICENSE }]);
});

Deno.test("sentinel ipc takes the socket that the software was given", async () => {
  await using running = await startServer();
  const { code, stdout } = await runProgram(["ipc", "health", "--json"], {
    env: { SENTINEL_IPC_SOCKET: running.path },
  });
  assertEquals([code, stdout], [0, '{"status":"ok"}\n']);
});

Deno.test("sentinel ipc says that nobody is there and exits 87", async () => {
  const result = await runProgram(["ipc", "health", "--socket", "/tmp/sentinel-absent.sock"]);
  assertEquals(result, {
    code: 87,
    stdout: "",
    stderr: "sentinel: error: sentinel daemon not running (socket not found)\n",
  });
});

Deno.test("sentinel ipc exits 2 for a method that the server does not know", async () => {
  await using running = await startServer();
  const { code, stderr } = await runProgram(["ipc", "xyz", "--socket", running.path]);
  assertEquals([code, stderr], [2, "sentinel: error: unknown method: xyz\n"]);
});
