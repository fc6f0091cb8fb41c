import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import {
  AlreadyRunningError,
  PidFile,
  PidFileError,
  readPidFile,
} from "../../src/daemon/pid_file.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { runTool } from "../support/run_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { mountDisk } from "../support/mounted_disk.ts";
import { NEEDS_ROOT, POSIX, testWith } from "../support/requirements.ts";

const ownUser = Deno.uid() ?? 0;
const contentOf = async (path: string) =>
  new TextDecoder().decode(await selectPlatform().readLocked(path));
const take = (path: string, pid = 42) => PidFile.take(path, { pid, ownUser, clock: systemClock });

Deno.test("a PID file has the pid, shows that a daemon runs, and is removed at the end", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("daemon.pid");
  assertEquals(await readPidFile(path), { kind: "absent" });
  const file = await take(path);
  assertEquals(await contentOf(path), "42\n");
  assertEquals(await readPidFile(path), {
    kind: "running",
    pid: 42,
    owner: Deno.uid() ?? undefined,
  });
  const error = await assertRejects(() => take(path), AlreadyRunningError);
  assertEquals(error.message, "another sentinel is running (pid 42)");
  await file[Symbol.asyncDispose]();
  await file[Symbol.asyncDispose]();
  assertEquals(await readPidFile(path), { kind: "absent" });
  await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
});

Deno.test("an unlocked PID file is stale, whatever process has its pid, and is taken over", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("daemon.pid");
  await Deno.writeTextFile(path, `${Deno.pid}\nand more that a longer pid left\n`);
  assertEquals(await readPidFile(path), { kind: "absent" });
  await using _file = await take(path);
  assertEquals(await contentOf(path), "42\n");
});

testWith([POSIX], "a locked PID file with more than a pid has none", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("daemon.pid");
  await using _file = await take(path);
  for (const content of ["4".repeat(32) + "\n", "42", "42 \n", "-1\n", ""]) {
    await Deno.writeTextFile(path, content);
    assertEquals(await readPidFile(path), { kind: "running", pid: undefined, owner: ownUser });
  }
});

testWith([POSIX], "a PID file that another process only reads is waited for", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("daemon.pid");
  await Deno.writeTextFile(path, "");
  using looker = await Deno.open(path);
  await looker.lock(false);
  let looks = 0;
  const clock = { sleep: () => ++looks === 2 ? looker.unlock() : Promise.resolve() };
  await using _file = await PidFile.take(path, { pid: 42, ownUser, clock });
  assertEquals(looks, 2);
});

testWith([POSIX], "another file at the PID file's path is kept at the end", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("daemon.pid");
  const file = await take(path);
  await Deno.remove(path);
  await Deno.writeTextFile(path, "7\n");
  await file[Symbol.asyncDispose]();
  assertEquals(await Deno.readTextFile(path), "7\n");
});

const UNUSABLE: Readonly<Record<string, (path: string) => Promise<void>>> = {
  "a link": async (path) => {
    await Deno.writeTextFile(`${path}.other`, "precious");
    await Deno.symlink(`${path}.other`, path);
  },
  "a folder": (path) => Deno.mkdir(path),
  "a second name of another file": async (path) => {
    await Deno.writeTextFile(`${path}.other`, "precious");
    await Deno.link(`${path}.other`, path);
  },
  "in a folder that is not there": (path) => Deno.remove(path.slice(0, path.lastIndexOf("/"))),
};

for (const [what, make] of Object.entries(UNUSABLE)) {
  testWith(
    what === "a link" ? [POSIX] : [],
    `a PID file that is ${what} is refused and left as it is`,
    async () => {
      await using folder = await temporaryFolder();
      await Deno.mkdir(folder.at("below"));
      const path = folder.at("below/daemon.pid");
      await make(path);
      const { message } = await assertRejects(() => take(path), PidFileError);
      assert(message.startsWith(`PID file cannot be used: ${path} (`), message);
      assert(!message.includes("\n"));
      if (what.includes("link") || what.includes("name")) {
        assertEquals(await Deno.readTextFile(`${path}.other`), "precious");
      }
    },
  );
}

testWith(
  [NEEDS_ROOT],
  "a PID file that a full disk refuses is an error and is removed",
  async () => {
    await using folder = await temporaryFolder();
    await using _disk = await mountDisk(folder.path, "size=4k");
    await Deno.writeFile(folder.at("all of it"), new Uint8Array(4096));
    const path = folder.at("daemon.pid");
    const { message } = await assertRejects(() => take(path), PidFileError);
    assertEquals(message.split(" (").slice(0, 2), [
      `PID file cannot be used: ${path}`,
      "No space left on device",
    ]);
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  },
);

testWith([POSIX], "a PID file that cannot be read is an error of one line", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("daemon.pid");
  await Deno.symlink(path, path);
  const { message } = await assertRejects(() => readPidFile(path), PidFileError);
  assert(message.startsWith(`PID file cannot be used: ${path} (Too many levels`), message);
});

testWith(
  [POSIX],
  "a folder or a pipe at the PID file's path is reported as not a file",
  async () => {
    await using folder = await temporaryFolder();
    const paths = [folder.at("folder.pid"), folder.at("pipe.pid")] as const;
    await Deno.mkdir(paths[0]);
    await runTool("mkfifo", paths[1]);
    for (const path of paths) {
      const { message } = await assertRejects(() => readPidFile(path), PidFileError);
      assertEquals(message, `PID file cannot be used: ${path} (it is not a file)`);
    }
  },
);

Deno.test("of fifty concurrent claims of the PID file exactly one succeeds", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("daemon.pid");
  const tries = Array.from({ length: 50 }, (_, i) => take(path, 100 + i));
  const outcomes = await Promise.allSettled(tries);
  const winners = outcomes.filter((outcome) => outcome.status === "fulfilled");
  assertEquals(winners.length, 1);
  await winners[0]!.value[Symbol.asyncDispose]();
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") assert(outcome.reason instanceof AlreadyRunningError);
  }
});
