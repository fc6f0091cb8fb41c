// Not on Windows: the remote server is not held to it yet.
/** Where a server stores its processes' output. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runProgram } from "../support/program.ts";
import { RemoteProgramHarness } from "../support/remote_program_harness.ts";
import { NEEDS_ROOT, needsProgram, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { OPENSSL, result, testRemote } from "../support/test_remote.ts";

testWith(
  [...OPENSSL, NEEDS_ROOT, needsProgram("mount")],
  "a full disk stops the recording, not the process, and the reader gets the fault",
  async () => {
    await using setup = await RemoteProgramHarness.open();
    await Deno.mkdir(setup.dataDir);
    await runTool("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", setup.dataDir);
    try {
      await using server = await setup.serve();
      await setup.ops(server, "start", "sh", "-c", "head -c 5000000 /dev/zero; exit 3");
      const { code, stdout, stderr } = await setup.watch(server, "stream", "1");
      assertEquals([code, stdout.length > 0, stdout.length < 5_000_000], [0, true, true]);
      assertMatch(stderr, /^sentinel: recording stopped: .*No space left on device/);
      assertEquals(await setup.watch(server, "status", "1"), result(0, "exited: 3\n"));
    } finally {
      await runTool("umount", setup.dataDir);
    }
  },
);

testWith(OPENSSL, "a data folder that is a file is named", async () => {
  await using setup = await RemoteProgramHarness.open();
  await Deno.writeTextFile(setup.dataDir, "");
  const { code, stderr } = await runProgram(setup.serverArguments());
  assertEquals(code, 2);
  assertStringIncludes(stderr, `cannot use the data folder: ${setup.dataDir} (`);
});

testRemote("unreadable output is reported as missing", async (setup, server) => {
  await setup.ops(server, "start", "echo", "first");
  await setup.watch(server, "stream", "1");
  const segment = `${setup.dataDir}/1/output/0000000000000000.out`;
  await Deno.remove(segment);
  await Deno.mkdir(segment);
  assertEquals(
    await setup.watch(server, "stream", "1"),
    result(
      0,
      "",
      'sentinel: output is missing here: {"from":0,"to":6}\n',
    ),
  );
});

testRemote("a second server does not get the data folder", async (setup) => {
  const { code, stderr } = await runProgram(setup.serverArguments());
  assertEquals(code, 85);
  assertStringIncludes(stderr, `another server is using the data folder: ${setup.dataDir}`);
});
