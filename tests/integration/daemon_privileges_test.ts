// Not on Windows: the software is a shell script.
// Compiled as well: it starts itself in the background, by the path and with the permissions it was compiled with.
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { NO_CAPABILITIES, NOBODY, openUnprivilegedDaemon } from "../support/daemon_of_nobody.ts";
import { OTHER_USERS } from "../support/other_user.ts";
import { threadRights } from "../support/process_rights.ts";
import { isRunning } from "../support/process_state.ts";
import { runProgram } from "../support/program.ts";
import { testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

testWith(
  [OTHER_USERS],
  "a daemon and its software run as the user, without root's privileges in any thread",
  async () => {
    await using harness = await openUnprivilegedDaemon();
    const started = await harness.daemon("start");
    assertEquals([started.code, started.stderr], [0, ""]);
    const [, pid] = /pid (\d+)/.exec(started.stdout)!;
    const [software] = await harness.softwarePids(1);
    for (const process of [Number(pid), software!]) {
      const ids = [NOBODY, NOBODY, NOBODY, NOBODY].join("\t");
      assertEquals(await threadRights(process), [{
        ...{ Uid: ids, Gid: ids, Groups: String(NOBODY), NoNewPrivs: "1" },
        ...{
          CapInh: NO_CAPABILITIES,
          CapPrm: NO_CAPABILITIES,
          CapEff: NO_CAPABILITIES,
          CapBnd: NO_CAPABILITIES,
          CapAmb: NO_CAPABILITIES,
        },
      }]);
    }
    const stopped = await harness.daemon("stop");
    assertEquals([stopped.code, stopped.stderr], [0, ""]);
    assertStringIncludes(await harness.log(), "Received signal SIGTERM");
    await harness.requireNothingLeft();
  },
);

testWith(
  [OTHER_USERS],
  "a daemon has the configured group, and none of root's",
  async () => {
    await using harness = await openUnprivilegedDaemon({ tables: 'group = "daemon"' });
    assertEquals((await harness.daemon("start")).stderr, "");
    const [software] = await harness.softwarePids(1);
    const [{ Gid, Groups } = {}] = await threadRights(software!);
    assertEquals([Gid, Groups], ["1\t1\t1\t1", "1"]);
  },
);

testWith(
  [OTHER_USERS],
  "daemon and software keep only an allowed capability",
  async () => {
    await using harness = await openUnprivilegedDaemon({
      tables: '[security]\nallowed_capabilities = ["CAP_NET_BIND_SERVICE"]',
    });
    const { stdout, stderr } = await harness.daemon("start");
    assertEquals(stderr, "");
    const [, pid] = /pid (\d+)/.exec(stdout)!;
    const [software] = await harness.softwarePids(1);
    for (const process of [Number(pid), software!]) {
      const [{ CapInh, CapPrm, CapEff, CapBnd, CapAmb } = {}, ...others] = await threadRights(
        process,
      );
      assertEquals(others, []);
      assertEquals(
        [CapInh, CapPrm, CapEff, CapBnd, CapAmb].map((set) => parseInt(set!, 16)),
        [1024, 1024, 1024, 1024, 1024],
      );
    }
  },
);

testWith(
  [OTHER_USERS],
  "home, user and login name are the user's, and of root's variables only a named one is passed on",
  async () => {
    await using harness = await openUnprivilegedDaemon({
      script: 'env > "$0.tmp"; mv "$0.tmp" "$0.env"; exec sleep 1000 >/dev/null 2>&1',
      tables: `pid_file = "p.pid"\nkeep_env = ["NAMED"]\n[ipc]\npath = "s.sock"`,
    });
    await Deno.chown(harness.at("runtime"), 0, 0);
    const { env, ...options } = harness.programOptions;
    const roots = { NAMED: "passed on", ROOTS_TOKEN: "secret" };
    const started = await runProgram(harness.arguments(["start"]), {
      ...options,
      env: { ...env, ...roots },
    });
    assertEquals(started.stderr, "");
    const [variables] = await harness.written("software.env", /^[^]+$/);
    const names = /^(?:HOME|USER|LOGNAME|XDG_RUNTIME_DIR|NAMED|ROOTS_TOKEN)=.*$/gm;
    assertEquals(variables.match(names)?.sort(), [
      ...["HOME=/nonexistent", "LOGNAME=nobody", "NAMED=passed on", "USER=nobody"],
    ]);
  },
);

testWith(
  [OTHER_USERS],
  "limits that only root can raise are raised before root is dropped",
  async () => {
    await using harness = await openUnprivilegedDaemon({
      script: '{ ulimit -Hn; umask; } > "$0.tmp"; mv "$0.tmp" "$0.seen"; exec sleep 1000',
      tables: "[limits]\nopen_files = 300\n[security]\numask = 31",
    });
    const { stderr } = await harness.daemon("start");
    assertEquals(stderr, "");
    const [seen] = await harness.written("software.seen", /^[^]+$/);
    assertEquals(seen, "300\n0037\n");
  },
);

testWith(
  [OTHER_USERS],
  "PID file, log and state are created for the user if only root can",
  async () => {
    await using harness = await openUnprivilegedDaemon({
      tables: 'pid_file = "run/p.pid"\n',
    });
    const folder = harness.base.folder.path;
    await Deno.chown(folder, 0, 0);
    await Deno.chmod(folder, 0o711);
    await Deno.remove(harness.at("state"), { recursive: true }).catch(() => {});
    assertEquals((await harness.daemon("start")).stderr, "");
    for (const name of ["run", "run/p.pid", "d.log", "state", "state/keystore.bin"]) {
      assertEquals((await Deno.stat(harness.at(name))).uid, NOBODY, name);
    }
    assertEquals((await harness.daemon("stop")).stderr, "");
    assertEquals([...Deno.readDirSync(harness.at("run"))], []);
  },
);

testWith(
  [OTHER_USERS],
  "a PID file in a folder of root's is the user's, and is emptied at the end",
  async () => {
    await using place = await temporaryFolder();
    await Deno.chmod(place.path, 0o755);
    const path = place.at("p.pid");
    await using harness = await openUnprivilegedDaemon({ tables: `pid_file = "${path}"` });
    for (let start = 0; start < 2; start++) {
      const { stdout } = await harness.daemon("start", "--json");
      assertEquals(await Deno.readTextFile(path), `${JSON.parse(stdout).pid}\n`);
      assertEquals((await harness.daemon("stop")).stderr, "");
      assertEquals((await Deno.stat(path)).size, 0);
    }
  },
);

testWith([OTHER_USERS], "a daemon starts in a folder that only root can enter", async () => {
  await using place = await temporaryFolder();
  await using harness = await openUnprivilegedDaemon();
  const { code, stderr } = await runProgram(harness.arguments(["start"]), {
    ...harness.programOptions,
    cwd: place.path,
  });
  assertEquals([code, stderr], [0, ""]);
  await harness.softwarePids(1);
});

testWith([OTHER_USERS], "a second daemon of the user is refused with 85", async () => {
  await using harness = await openUnprivilegedDaemon();
  assertEquals((await harness.daemon("start")).code, 0);
  const { code, stderr } = await harness.daemon("start");
  assertEquals(code, 85);
  assertMatch(stderr, /\(process\): another sentinel is running \(pid \d+\)\n$/);
});

testWith(
  [OTHER_USERS],
  "of six daemons that root starts concurrently exactly one runs",
  async () => {
    await using harness = await openUnprivilegedDaemon();
    const results = await Promise.all(Array.from({ length: 6 }, () => harness.daemon("start")));
    assertEquals(results.map(({ code }) => code).sort(), [0, 85, 85, 85, 85, 85]);
  },
);

testWith(
  [OTHER_USERS],
  "a user's PID file does not make root signal another user's process",
  async () => {
    await using harness = await openUnprivilegedDaemon();
    await using victim = new Deno.Command("sleep", { args: ["1000"] }).spawn();
    const path = harness.at("runtime/sentinel/software.pid");
    await Deno.mkdir(harness.at("runtime/sentinel"));
    await Deno.writeTextFile(path, `${victim.pid}\n`);
    await Deno.chown(path, NOBODY, NOBODY);
    using held = await Deno.open(path, { read: true, write: true });
    await held.lock(true);
    const { code, stderr } = await harness.daemon("stop");
    const process = `${path} belongs to user ${NOBODY}, process ${victim.pid} does not`;
    assertEquals([code, stderr], [
      86,
      `sentinel: error: refusing to signal sentinel daemon: ${process}\n`,
    ]);
    assertEquals(await isRunning(victim.pid), true);
    await held.unlock();
  },
);
