import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { openTamperChecks } from "../../../src/platform/linux/tamper_check.ts";
import { LineReader } from "../../support/program.ts";
import { openLibraries } from "../../support/open_libraries.ts";
import { NEEDS_ROOT, needsProgram, POSIX, testWith } from "../../support/requirements.ts";
import { runTool } from "../../support/run_tool.ts";
import { temporaryFolder } from "../../support/temporary_folder.ts";

openLibraries();

const LOOK_AROUND = fromFileUrl(new URL("../../fixtures/look_around.ts", import.meta.url));

for (const value of [undefined, ""]) {
  testWith(
    [POSIX],
    `undisturbed tamperChecks, LD_PRELOAD being ${value}, give no finding`,
    async () => {
      assertEquals(await (await openTamperChecks(() => value)).look(), []);
    },
  );
}

for (const variable of ["LD_PRELOAD", "LD_AUDIT"]) {
  testWith([POSIX], `${variable}, which loads code, is seen`, async () => {
    const variables: Record<string, string> = { [variable]: "/tmp/x.so" };
    assertEquals(await (await openTamperChecks((name) => variables[name])).look(), [{
      kind: "preload",
      message: "foreign code is loaded into sentinel",
      evidence: `${variable}=/tmp/x.so`,
    }]);
  });
}

testWith([needsProgram("strace")], "a tracer is detected, with its name", async () => {
  const deno = [Deno.execPath(), "run", "--quiet", "--no-prompt"];
  const permissions = ["--allow-read", "--allow-env", "--allow-ffi", "--allow-sys"];
  const look = async (...wrapper: string[]) => {
    const [program, ...args] = [...wrapper, ...deno, ...permissions, LOOK_AROUND];
    const options = { args, env: { NO_COLOR: "1" }, stderr: "null" } as const;
    const { stdout } = await new Deno.Command(program!, options).output();
    return JSON.parse(new TextDecoder().decode(stdout));
  };
  assertEquals(await look(), []);
  const [finding] = await look("strace", "-f", "-e", "trace=none", "-o", "/dev/null");
  assertEquals(finding.kind, "debugger");
  assertMatch(finding.evidence, /^process \d+ \(strace\) traces sentinel$/);
});

testWith(
  [needsProgram("strace"), NEEDS_ROOT],
  "a tracer of a thread other than the first is seen",
  async () => {
    const args = ["run", "--quiet", "--no-prompt", "--allow-all", LOOK_AROUND];
    const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" });
    const traced = child.spawn();
    const [thread] = await otherThreads(traced.pid);
    const tracer = new Deno.Command("strace", {
      args: ["-e", "trace=none", "-o", "/dev/null", "-p", String(thread)],
      stdout: "null",
      stderr: "piped",
    }).spawn();
    await new LineReader(tracer.stderr).match(/ attached/);
    await traced.stdin.close();
    const { stdout } = await traced.output();
    const [finding] = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(finding?.evidence, `process ${tracer.pid} (strace) traces sentinel`);
    await tracer.status;
  },
);

/** Threads of a process but its first, once there are some. */
async function otherThreads(pid: number): Promise<number[]> {
  for (;;) {
    const names = await runTool("ls", `/proc/${pid}/task`);
    const others = names.trim().split("\n").map(Number).filter((thread) => thread !== pid);
    if (others.length > 0) return others;
  }
}

testWith([POSIX], "an open inspector is detected", async () => {
  const args = ["run", "--quiet", "--inspect=127.0.0.1:0", "--allow-all", LOOK_AROUND];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "null" }).output();
  const [finding] = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(finding.message, "debugger attached");
  assertMatch(finding.evidence, /^the runtime's inspector listens at ws:\/\/127\.0\.0\.1:\d+\//);
});

testWith([POSIX], "a replaced executable is detected", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("program");
  await Deno.writeTextFile(path, "old");
  const tamperChecks = await openTamperChecks(() => undefined, path);
  assertEquals(await tamperChecks.look(), []);
  await Deno.writeTextFile(folder.at("new"), "new one");
  await Deno.rename(folder.at("new"), path);
  const [finding] = await tamperChecks.look();
  assertEquals(finding?.kind, "executable_changed");
  assertMatch(finding!.evidence, /program was inode \d+, 3 bytes.* is inode \d+, 7 bytes/);
  await Deno.remove(path);
  assertMatch((await tamperChecks.look())[0]!.evidence, /is missing$/);
});
