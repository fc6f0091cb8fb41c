// Not on Windows: it starts POSIX programs.
import { assertEquals } from "@std/assert";
import { parseProbe } from "../../src/core/health_probe.ts";
import { openProbe, type ProbeFunctions } from "../../src/process/health.ts";
import { runProgram } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const forever = new AbortController().signal;

const FUNCTIONS: ProbeFunctions = {
  ipc: () => undefined,
  tcp: (hostname, port) => () => `${hostname} ${port}`,
  http: (url) => () => url,
};

const check = (text: string, signal = forever) =>
  openProbe(parseProbe(text)!, { functions: FUNCTIONS, searchPath: "/usr/bin:/bin" })?.(signal);

Deno.test("the caller provides network probes", async () => {
  assertEquals(check("none"), undefined);
  assertEquals(await check("tcp:h:1"), "h 1");
  assertEquals(await check("http:http://h/"), "http://h/");
});

Deno.test("an exec probe fails unless it exits with 0, and its output is ignored", async () => {
  assertEquals(await check("exec:true"), undefined);
  assertEquals(await check("exec:false"), "exited: 1");
  assertEquals(await check("exec:seq 100000"), undefined);
});

testWith(
  [needsProgram("strace")],
  "an exec probe that runs as another user, as with sudo, is not killed",
  async () => {
    const { stdout, stderr } = await runProgram([], {
      fixture: "probe_without_time.ts",
      wrapper: ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=kill:error=EPERM"],
    });
    assertEquals([stdout, stderr], ["healthy\n", ""]);
  },
);

Deno.test("an exec probe is killed at its timeout", async () => {
  const over = new AbortController();
  const result = check("exec:sleep 1000", over.signal);
  over.abort();
  assertEquals(await result, "killed: SIGKILL");
});

for (const ending of ["by itself", "when its time is over"] as const) {
  testWith(
    [needsProgram("mkfifo")],
    `an exec probe's process group is killed with it, if it ends ${ending}`,
    async () => {
      await using folder = await temporaryFolder();
      const fifo = folder.at("fifo"), script = folder.at("probe");
      await runTool("mkfifo", fifo);
      const last = ending === "by itself" ? "exit 3" : "wait";
      await Deno.writeTextFile(
        script,
        `#!/bin/sh\nexec 3>${fifo}\nsleep 1000 &\necho there >&3\n${last}\n`,
        { mode: 0o755 },
      );
      const over = new AbortController();
      const result = check(`exec:${script}`, over.signal);
      using held = await Deno.open(fifo);
      await held.read(new Uint8Array(6));
      if (ending !== "by itself") over.abort();
      assertEquals(await result, ending === "by itself" ? "exited: 3" : "killed: SIGKILL");
      // all processes that had it open have ended
      assertEquals(await held.read(new Uint8Array(1)), null);
    },
  );
}
