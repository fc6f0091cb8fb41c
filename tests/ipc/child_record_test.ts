import { assert, assertEquals, assertRejects } from "@std/assert";
import { AlreadyServingError } from "../../src/ipc/errors.ts";
import { claimSocket } from "../../src/ipc/socket_owner.ts";
import { programCommand } from "../support/program.ts";
import { testSocket } from "../support/ipc_server.ts";
import { ask } from "../support/socket_peer.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { testWith, UNIX_SOCKETS } from "../support/requirements.ts";

const SERVE_IPC = { fixture: "serve_ipc.ts" };

Deno.test("a record is read back, replaced by a shorter one, and removed when cleared", async () => {
  await using folder = await temporaryFolder();
  const path = testSocket(folder);
  await using claim = await claimSocket(path, { lockFolder: folder.path });
  assertEquals(await claim.readRecord(), undefined);
  claim.writeRecord({ pid: 123_456, startTime: "99999999", bootId: "b" });
  claim.writeRecord({ pid: 1 });
  assertEquals(await claim.readRecord(), { pid: 1 });
  claim.writeRecord(undefined);
  assertEquals(await claim.readRecord(), undefined);
});

Deno.test("a record that was not cleared keeps the lock file for the next holder", async () => {
  await using folder = await temporaryFolder();
  const path = testSocket(folder);
  const claim = await claimSocket(path, { lockFolder: folder.path });
  claim.writeRecord({ pid: 7 });
  await claim[Symbol.asyncDispose]();
  await using next = await claimSocket(path, { lockFolder: folder.path });
  assertEquals(await next.readRecord(), { pid: 7 });
  next.writeRecord(undefined);
});

for (
  const [what, text] of [
    ["cut off in the middle", '{"pid":12'],
    ["not JSON", "no record\n"],
    ["longer than any of ours", `"${"x".repeat(65_536)}"\n`],
  ] as const
) {
  testWith(
    [UNIX_SOCKETS],
    `a record that is ${what} is ignored, and its file removed`,
    async () => {
      await using folder = await temporaryFolder();
      const path = testSocket(folder);
      await Deno.writeTextFile(`${path}.lock`, text);
      const claim = await claimSocket(path);
      assertEquals(await claim.readRecord(), undefined);
      await claim[Symbol.asyncDispose]();
      assertEquals([...Deno.readDirSync(folder.path)], []);
    },
  );
}

testWith(
  [UNIX_SOCKETS],
  "a holder that is killed leaves its record, and the next one serves",
  async () => {
    await using folder = await temporaryFolder();
    const path = folder.at("s.sock");
    const child = programCommand([path, '{"pid":42}'], { ...SERVE_IPC, stdin: "piped" }).spawn();
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    assertEquals((await lines.read()).value, "ready\n");
    assertEquals(await ask(path, '{"method":"health"}'), '{"status":"ok"}');
    await assertRejects(() => claimSocket(path), AlreadyServingError);
    child.kill("SIGKILL");
    await child.status;
    await Promise.all([lines.cancel(), child.stderr.cancel(), child.stdin.close().catch(() => {})]);
    assert((await Deno.lstat(path)).isSocket);
    await using claim = await claimSocket(path);
    assertEquals(await claim.readRecord(), { pid: 42 });
    claim.writeRecord(undefined);
  },
);
