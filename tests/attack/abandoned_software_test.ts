// Not on Windows: other processes' variables cannot be read there.
/**
 * The attacker kills Sentinel, which leaves the software running, and starts it again with another folder for its socket,
 * where no record of the first copy is: with each round another copy runs. The next run finds them by the launch token that
 * they carry, unless a running Sentinel is above them.
 */
import { assert, assertEquals } from "@std/assert";
import { type Hardware, hashComponent } from "../../src/license/fingerprint.ts";
import { AttackHarness, type AttackOptions } from "../support/attack_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { hardwareBoundPayload } from "../support/organization.ts";
import { isRunning } from "../support/process_state.ts";
import { layOutMachine } from "../support/recorded_machine.ts";
import { LINUX, testWith } from "../support/requirements.ts";

/** Starts the software twice and kills each Sentinel, then a third time; the pids of all copies. */
async function startCopies(harness: AttackHarness, changes: readonly AttackOptions[]) {
  await harness.script("software", "echo up $$; exec sleep 1000 >&- 2>&-");
  const pids: number[] = [];
  const start = async (options: AttackOptions) => {
    const run = harness.start(options);
    const [, pid] = await run.stdout.match(/up (\d+)\n/);
    pids.push(Number(pid));
    return run;
  };
  for (const options of changes.slice(0, -1)) {
    await using run = await start(options);
    await run.stderr.match(/software launched/);
    run.kill("SIGKILL");
    await run.end();
  }
  return { pids, last: await start(changes.at(-1)!) };
}

const LOUD = ["--log-level", "debug"];

/** Runs with a folder for sockets of its own each. */
async function withFolders(harness: AttackHarness, doubles?: Doubles): Promise<AttackOptions[]> {
  const folders = ["one", "two", "three"].map((name) => harness.at(name));
  for (const folder of folders) await Deno.mkdir(folder, { mode: 0o700 });
  return folders.map((folder) => ({ env: { XDG_RUNTIME_DIR: folder }, args: LOUD, doubles }));
}

async function countRunning(pids: readonly number[]): Promise<number> {
  return (await Promise.all(pids.map(isRunning))).filter(Boolean).length;
}

testWith(
  [LINUX],
  "copies that a killed Sentinel left are stopped, wherever its socket was",
  async () => {
    await using harness = await AttackHarness.open();
    const { pids, last } = await startCopies(harness, await withFolders(harness));
    await using run = last;
    await run.stderr.match(new RegExp(`that an earlier run left behind \\(pid ${pids[1]}\\)`));
    run.kill("SIGTERM");
    const { code, stderr } = await run.end();
    assertEquals(code, 0, stderr);
    assertEquals(await countRunning(pids), 0);
  },
);

testWith([LINUX], "copies are found if the socket has another name, too", async () => {
  await using harness = await AttackHarness.open();
  const named = ["one", "two"].map((name) => ({
    args: LOUD,
    config: `[ipc]\npath = ${JSON.stringify(harness.at(`${name}.sock`))}\n`,
  }));
  const { pids, last } = await startCopies(harness, named);
  await using run = last;
  await run.stderr.match(new RegExp(`left behind \\(pid ${pids[0]}\\)`));
  run.kill("SIGTERM");
  await run.end();
  assertEquals(await countRunning(pids), 0);
});

testWith([LINUX], "copies of a Sentinel that runs are left alone", async () => {
  await using harness = await AttackHarness.open();
  const value = crypto.randomUUID().replaceAll("-", "");
  await using machine = await layOutMachine({ "etc/machine-id": `${value}\n` });
  const hardware = { machine_id: { kind: "readable", value, place: "" } } as unknown as Hardware;
  const hash = await hashComponent(hardware, "machine_id");
  const payload = hardwareBoundPayload({ hardware_fingerprint: `v2:1:machine_id=${hash}` });
  await Deno.writeTextFile(harness.at("a.lic"), await harness.organization.license(payload));
  const on = (options: AttackOptions) => ({
    ...options,
    env: { ...options.env, MACHINE: machine.path },
    doubles: { "src/platform/linux/hardware.ts": "recorded_hardware.ts" },
  });
  const [one, two] = (await withFolders(harness)).map(on);
  await using first = (await startCopies(harness, [one!])).last;
  const [, pid] = await first.stdout.match(/up (\d+)\n/);
  await harness.script("software", "echo up");
  const { code, stderr } = await harness.run(two);
  assertEquals([code, stderr.includes("left behind")], [0, false], stderr);
  assert(await isRunning(Number(pid)));
  first.kill("SIGTERM");
  assertEquals((await first.end()).code, 0);
});

testWith([LINUX], "by the record alone, all copies run: the attack", async () => {
  await using harness = await AttackHarness.open();
  const doubles: Doubles = {
    "src/agent/serve.ts": [["stopAbandoned(deps);", "Promise.resolve();"]],
  };
  const { pids, last } = await startCopies(harness, await withFolders(harness, doubles));
  await using run = last;
  await run.stderr.match(/software launched/);
  assertEquals(await countRunning(pids), 3);
  run.kill("SIGTERM");
  const { stderr } = await run.end();
  assert(!stderr.includes("left behind"), stderr);
  assertEquals(await countRunning(pids), 2);
  for (const pid of pids.slice(0, -1)) Deno.kill(pid, "SIGKILL");
});
