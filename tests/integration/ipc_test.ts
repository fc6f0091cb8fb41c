// Compiled as well: it opens files, libraries and sockets with the permissions it was compiled with.
import { assertEquals, assertMatch } from "@std/assert";
import { serveIpc } from "../../src/ipc/server.ts";
import { claimSocket } from "../../src/ipc/socket_owner.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { LICENSE, LICENSE_LINE, startServer, testSocket } from "../support/ipc_server.ts";
import { makeOrganization } from "../support/organization.ts";
import { proveAs, PROVEN_MACHINE } from "../support/proving_server.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { OTHER_USERS } from "../support/other_user.ts";
import { type ProgramResult, resultOf, runProgram, startProgram } from "../support/program.ts";
import { programForAll } from "../support/program_for_all.ts";
import { RunHarness } from "../support/run_harness.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const NOBODY = "sentinel: error: sentinel daemon not running (socket not found)\n";

function runIpc(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<ProgramResult> {
  return runProgram(["ipc", ...args], { env });
}

Deno.test("sentinel ipc prints the answer; with --json the line as it came", async () => {
  await using running = await startServer();
  const args = ["get_license", "--socket", running.path];
  assertEquals(await runIpc([...args, "--json"]), {
    code: 0,
    stdout: LICENSE_LINE + "\n",
    stderr: "",
  });
  const { code, stdout } = await runIpc(args);
  assertEquals([code, JSON.parse(stdout)], [0, { status: "ok", license: LICENSE }]);
});

Deno.test("sentinel ipc get_license --proof says what the proof shows", async () => {
  await using folder = await temporaryFolder();
  const vendor = await makeOrganization();
  await Deno.writeTextFile(folder.at("org.pem"), vendor.publicKeyPem);
  await using running = await startServer({ prove: proveAs(vendor) });
  const args = ["get_license", "--proof", "--json", "--socket", running.path];
  const { code, stdout, stderr } = await runIpc([...args, "--org-key", folder.at("org.pem")]);
  assertEquals([code, JSON.parse(stdout).machine_id], [0, PROVEN_MACHINE], stderr);
  assertEquals(
    stderr,
    "license file: genuine, ACME-0001, valid to 2999-12-31\n" +
      `license server: ACTIVE for machine ${PROVEN_MACHINE} right now\n`,
  );
});

Deno.test("sentinel ipc takes the socket that the software was given", async () => {
  await using running = await startServer({ status: () => HEALTHY });
  const result = await runIpc(["health", "--json"], { SENTINEL_IPC_SOCKET: running.path });
  assertEquals(result, { code: 0, stdout: '{"status":"ok"}\n', stderr: "" });
});

Deno.test("sentinel ipc says that no daemon runs and exits with 87", async () => {
  await using folder = await temporaryFolder();
  const result = await runIpc(["health", "--socket", testSocket(folder)]);
  assertEquals(result, { code: 87, stdout: "", stderr: NOBODY });
});

testWith([OTHER_USERS], "sentinel ipc says that another user's socket denies access", async () => {
  await using running = await startServer();
  await Deno.chmod(running.folder, 0o755);
  const { deno, entry } = await programForAll();
  const { code, stderr } = await resultOf("setpriv", {
    args: [
      ...["--reuid=1001", "--regid=1001", "--clear-groups", deno],
      ...(entry === undefined ? [] : ["run", "--quiet", "--no-config", "--allow-all", entry]),
      ...["ipc", "health", "--socket", running.path],
    ],
    cwd: "/",
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH")!, DENO_DIR: "/nonexistent", NO_COLOR: "1" },
  });
  const said = "sentinel: error: permission denied by the socket of the sentinel daemon\n";
  assertEquals([code, stderr], [86, said]);
});

Deno.test("sentinel ipc exits 2 for a method that the server does not know", async () => {
  await using running = await startServer();
  const { code, stderr } = await runIpc(["xyz", "--socket", running.path]);
  assertEquals([code, stderr], [2, "sentinel: error: unknown method: xyz\n"]);
});

Deno.test("sentinel ipc exits with 86 if the server denies the method", async () => {
  await using running = await startServer({ peer: "child", isDescendant: () => false });
  const { code, stderr } = await runIpc(["get_license", "--socket", running.path]);
  assertEquals([code, stderr], [86, "sentinel: error: permission denied: get_license\n"]);
});

/** The status of software that runs. */
const HEALTHY = { state: "running", pid: 7, health: { status: "healthy" } };

const HEALTH: [string, object, [code: number, error: string]][] = [
  ["whose health is not known", { ...HEALTHY, health: { status: "unknown" } }, [0, ""]],
  [
    "that does not run",
    { state: "starting", health: { status: "unknown" } },
    [1, "the software does not run (starting)"],
  ],
  [
    "that is unhealthy",
    { ...HEALTHY, health: { status: "unhealthy", last_error: "script: exited: 4" } },
    [1, "the software is unhealthy: script: exited: 4"],
  ],
];

for (const [what, status, [code, error]] of HEALTH) {
  Deno.test(`sentinel ipc health ends with ${code} for software ${what}`, async () => {
    await using running = await startServer({ status: () => status });
    const result = await runIpc(["health", "--json", "--socket", running.path]);
    const stderr = error === "" ? "" : `sentinel: error: ${error}\n`;
    assertEquals([result.code, result.stderr], [code, stderr]);
  });
}

testWith([POSIX], "sentinel ipc health asks about the software of a run", async () => {
  await using harness = await RunHarness.open();
  const software = await harness.script("software", "echo up; exec sleep 1000");
  await using run = harness.start(software);
  await run.stdout.match(/up/);
  const options = harness.programOptions();
  assertEquals((await runProgram(["ipc", "health"], options)).code, 0);
  run.kill("SIGTERM");
  await run.end();
  assertEquals((await runProgram(["ipc", "health"], options)).code, 87);
});

Deno.test("sentinel ipc finds the only socket in the session's folder, and names them if there are several", async () => {
  await using folder = await temporaryFolder();
  const { pipes } = selectPlatform();
  const env = { XDG_RUNTIME_DIR: folder.path, LOCALAPPDATA: folder.path.replaceAll("/", "\\") };
  const mark = crypto.randomUUID();
  await using servers = new AsyncDisposableStack();
  const serve = async (id: string) => {
    const name = `sentinel-${mark}-${id}`;
    const path = pipes ? pipes.prefix + name : folder.at(`sentinel/${name}.sock`);
    const lockFolder = folder.at("sentinel-drm/run");
    const claim = servers.use(await claimSocket(path, { lockFolder }));
    const log = new RecordingLog();
    servers.use(serveIpc({ claim, license: LICENSE, log, random: () => 1, status: () => HEALTHY }));
  };
  await serve("one");
  const first = await runIpc(["health", "--json"], env);
  assertEquals([first.code, first.stdout], [0, '{"status":"ok"}\n']);
  await serve("two");
  const second = await runIpc(["health", "--json"], env);
  assertEquals(second.code, 2);
  assertMatch(second.stderr, /--socket is required: found .*-one(\.sock)?, .*-two/);
});

Deno.test("sentinel ipc watch streams the events until the server ends", async () => {
  await using running = await startServer();
  await using watching = startProgram(["ipc", "watch", "--json", "--socket", running.path]);
  await watching.stdout.match(/^{"status":"ok"}\n$/);
  running.server.publish({ event: "state", state: "running" });
  await watching.stdout.match(/\n{"event":"state","state":"running"}\n$/);
  running.server.publish({ event: "stopping" });
  await running.server.close();
  const { code, stdout } = await watching.end();
  assertEquals([code, stdout.split("\n").slice(2)], [0, ['{"event":"stopping"}', ""]]);
});
