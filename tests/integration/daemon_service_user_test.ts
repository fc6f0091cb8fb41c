// Not on Windows: the software is a shell script.
import { assertEquals, assertMatch } from "@std/assert";
import { NOBODY, openUnprivilegedDaemon } from "../support/daemon_of_nobody.ts";
import { OTHER_USERS } from "../support/other_user.ts";
import { STAY } from "../support/daemon_harness.ts";
import { runProgram } from "../support/program.ts";
import { testWith } from "../support/requirements.ts";

/** The folder that systemd makes for a service of this name (RuntimeDirectory= of our unit). */
async function serviceFolder(name: string): Promise<AsyncDisposable & { path: string }> {
  const path = `/run/sentinel/${name}`;
  await Deno.mkdir(path, { recursive: true, mode: 0o755 });
  await Deno.chown(path, NOBODY, NOBODY);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await Deno.remove(path, { recursive: true });
      // an installed service of ours uses the same parent folder
      await Deno.remove("/run/sentinel").catch(() => {});
    },
  };
}

testWith(
  [OTHER_USERS],
  "root finds a service that runs as its own user, in the folder that the service manager created",
  async () => {
    await using harness = await openUnprivilegedDaemon();
    const name = `test-${crypto.randomUUID().slice(0, 8)}`;
    const software = await harness.base.script(name, STAY);
    const config = await Deno.readTextFile(harness.at("sentinel.toml"));
    await Deno.writeTextFile(
      harness.at("sentinel.toml"),
      config.replace(`path = "software"`, `path = "${software}"`),
    );
    await harness.giveTo(NOBODY);
    await using folder = await serviceFolder(name);
    const { programOptions } = harness;
    const started = await runProgram(harness.arguments(["start"]), {
      ...programOptions,
      env: { ...programOptions.env, XDG_RUNTIME_DIR: folder.path },
    });
    assertEquals([started.code, started.stderr], [0, ""]);
    const status = await harness.daemon("status");
    const stopped = await harness.daemon("stop");
    assertMatch(status.stdout, /^running \(pid \d+\)/);
    assertEquals([status.code, stopped.code, stopped.stderr], [0, 0, ""]);
    assertEquals((await harness.daemon("status")).code, 87);
  },
);
