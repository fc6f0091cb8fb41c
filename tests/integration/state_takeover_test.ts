// Not on Windows: the software is a shell script.
/** The state of version 0.1, which all products of a user shared, becomes each product's own. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Doubles } from "../support/doubles.ts";
import { filesBelow } from "../support/files_below.ts";
import {
  becomeOld,
  isSpent,
  OLD_STATE,
  putInPlace,
  readGrace,
  runOld,
  runOldOffline,
} from "../support/old_state.ts";
import { runProgram } from "../support/program.ts";
import { RunHarness } from "../support/run_harness.ts";
import { forgetReplicas } from "../support/user_keyring.ts";

const ANOTHER_MACHINE: Doubles = { "src/platform/select.ts": "another_machine.ts" };
const DAY = ["--heartbeat-minutes", "720", "--grace-days", "1", "--max-machines", "1"];
const TAKEN_OVER = "state of version 0.1 taken over from ";

/** What is in version 0.1's place, save the lock. */
async function oldFiles(harness: RunHarness): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name, isFile } of Deno.readDir(harness.folder.at(OLD_STATE))) {
    if (!isFile || name === "lock") continue;
    files[name] = (await Deno.readFile(harness.folder.at(`${OLD_STATE}/${name}`))).toHex();
  }
  return files;
}

Deno.test("machine, activation and spent grace are taken over, once", async () => {
  await using harness = await RunHarness.open(...DAY);
  const left = await runOldOffline(harness);
  const first = await harness.run("/bin/true");
  assertEquals(first.code, 0, first.stderr);
  assertStringIncludes(first.stderr, TAKEN_OVER);
  assert(isSpent(readGrace(first.stderr), left), first.stderr);
  assertEquals(await oldFiles(harness), {});

  await harness.startServer();
  const second = await harness.run("/bin/true");
  assertEquals(second.code, 0, second.stderr);
  assert(!second.stderr.includes(TAKEN_OVER), second.stderr);
  assertEquals((await harness.machines()).length, 1);
});

Deno.test("a replica of version 0.1 outside its folder is moved, and its loss still costs the grace", async () => {
  await using harness = await RunHarness.open(...DAY);
  const strict = { fixture: "strict_rollback.ts" };
  await runOld(harness, strict);
  const [before] = await filesBelow(harness.folder.at("witness"));
  await putInPlace(harness, "home", "backup");
  await harness.stopServer();
  const { code, stderr } = await harness.run("/bin/true");
  assertEquals(code, 0, stderr);
  const [after, ...others] = await filesBelow(harness.folder.at("witness"));
  const name = before!.slice("sentinel-drm/".length);
  assertEquals([after!.endsWith(`/${name}`), after === before, others], [true, false, []]);

  await forgetReplicas(harness.folder.path);
  await putInPlace(harness, "backup", "home");
  await Deno.remove(harness.folder.at("witness"), { recursive: true });
  const refused = await harness.run("/bin/true");
  assertEquals(refused.code, 82, refused.stderr);
  assertStringIncludes(refused.stderr, "state rollback detected: a replica is missing");
});

Deno.test("a takeover that is killed at any write is made up for by the next start", async () => {
  await using harness = await RunHarness.open(...DAY);
  const spent = await runOldOffline(harness);
  await putInPlace(harness, "home", "backup");
  let writes = 0;
  for (let isOver = false; !isOver; writes++) {
    await forgetReplicas(harness.folder.path);
    await Deno.remove(harness.folder.at("witness"), { recursive: true }).catch(() => {});
    await putInPlace(harness, "backup", "home");
    const killed = await harness.run("/bin/true", {
      doubles: dieBefore(["writeAtomically", "removeDurably"]),
      env: { WRITES_LEFT: String(writes) },
    });
    assertEquals(killed.code, 137, killed.stderr);
    const { code, stderr } = await harness.run("/bin/true");
    assertEquals(code, 0, `after ${writes} writes: ${stderr}`);
    assert(isSpent(readGrace(stderr), spent), `after ${writes} writes: ${stderr}`);
    assert(!stderr.includes("rollback"), `after ${writes} writes: ${stderr}`);
    assertEquals(await oldFiles(harness), {});
    const left = await filesBelow(harness.folder.at("home"));
    assertEquals(left.filter((path) => path.endsWith("/takeover")), []);
    isOver = !stderr.includes(TAKEN_OVER);
  }
  assert(writes > 8, `${writes}`);
});

/** The process kills itself in place of the write after `WRITES_LEFT` others. */
function dieBefore(names: readonly string[]): Doubles {
  const die =
    "if (Number(Deno.env.get('WRITES_LEFT')) === writes++) Deno.kill(Deno.pid, 'SIGKILL');";
  return {
    "src/state/state_folder.ts": [
      [
        "/** Replaces a file's content durably.",
        "let writes = 0;\n/** Replaces a file's content durably.",
      ],
      ...names.map((name) => {
        const parameters = name === "writeAtomically"
          ? "path: string, content: Uint8Array"
          : "path: string";
        const line = `export async function ${name}(${parameters}): Promise<void> {`;
        return [line, `${line}\n  ${die}`] as const;
      }),
    ],
  };
}

Deno.test("doctor looks at the state that is to be taken over, and leaves it", async () => {
  await using harness = await RunHarness.open(...DAY);
  const left = await runOldOffline(harness);
  const before = await oldFiles(harness);
  const { at } = harness.folder;
  const args = ["--license", at("K1.lic"), "--org-key", at("org_public_key.pem")];
  const { stdout } = await runProgram(["doctor", ...args], harness.programOptions());
  assertStringIncludes(stdout, `; ${left} seconds of grace left`);
  assertEquals(await oldFiles(harness), before);
  const { stderr } = await harness.run("/bin/true");
  const later = await runProgram(["doctor", ...args], harness.programOptions());
  assertStringIncludes(later.stdout, `; ${readGrace(stderr)} seconds of grace left`);
});

Deno.test("the state of another machine is left alone until that machine takes it over", async () => {
  await using harness = await RunHarness.open("--max-machines", "2");
  await runOld(harness, { doubles: ANOTHER_MACHINE });
  const before = await oldFiles(harness);
  const own = await harness.run("/bin/true");
  assertEquals(own.code, 0, own.stderr);
  assertStringIncludes(own.stderr, "it is left alone");
  assertStringIncludes(own.stderr, "machine activated");
  assertEquals(await oldFiles(harness), before);

  await harness.stopServer();
  const other = await harness.run("/bin/true", { doubles: ANOTHER_MACHINE });
  assertEquals(other.code, 0, other.stderr);
  assertStringIncludes(other.stderr, TAKEN_OVER);
  assertEquals((await harness.run("/bin/true")).code, 0);
});

Deno.test("two products take over what they shared, keep machine and grace, and run at once", async () => {
  await using harness = await RunHarness.open(...DAY);
  await harness.issue("K2", "--software-id", "comet", ...DAY);
  await runOld(harness, { license: "K2" });
  const left = await runOldOffline(harness);
  const before = [...await harness.machines("K1"), ...await harness.machines("K2")];
  assertEquals(before[0]!.machine_id, before[1]!.machine_id);

  const rocket = await harness.run("/bin/true");
  assertEquals(rocket.code, 0, rocket.stderr);
  assert(isSpent(readGrace(rocket.stderr), left), rocket.stderr);
  const comet = await harness.run("/bin/true", { license: "K2" });
  assertEquals(comet.code, 0, comet.stderr);
  assert(readGrace(comet.stderr) > 86_390, comet.stderr);
  assertEquals(await oldFiles(harness), {});

  const software = await harness.script("software", "echo up; exec sleep 1000");
  await using run = harness.start(software);
  await run.stdout.match(/up/);
  const beside = await harness.run("/bin/true", { license: "K2" });
  assertEquals(beside.code, 0, beside.stderr);
});

Deno.test("what another product has not taken over yet stays for it", async () => {
  await using harness = await RunHarness.open(...DAY);
  await harness.issue("K2", "--software-id", "comet", ...DAY);
  await runOld(harness, { license: "K2" });
  await runOld(harness);
  assertEquals((await harness.run("/bin/true")).code, 0);
  const [machine] = await harness.machines();
  const database = harness.folder.at("vendor.db");
  await harness.vendor("decommission", "K1", machine!.machine_id, "--database", database);
  assertEquals((await harness.run("/bin/true")).code, 81);
  await harness.stopServer();
  const comet = await harness.run("/bin/true", { license: "K2" });
  assertEquals(comet.code, 0, comet.stderr);
});

Deno.test("while version 0.1 runs, its state is not taken over", async () => {
  await using harness = await RunHarness.open(...DAY);
  await runOld(harness);
  harness.stateDir = harness.folder.at(OLD_STATE);
  const software = await harness.script("software", "echo up; exec sleep 1000");
  {
    await using run = harness.start(software);
    await run.stdout.match(/up/);
    harness.stateDir = undefined;
    const { code, stderr } = await harness.run("/bin/true");
    assertEquals(code, 85, stderr);
    assertStringIncludes(stderr, `another sentinel is running for this license (pid ${run.pid})`);
  }
  await becomeOld(harness);
  const { code, stderr } = await harness.run("/bin/true");
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, TAKEN_OVER);
  assertEquals((await harness.machines()).length, 1);
});
