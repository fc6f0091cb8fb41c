// Not on Windows: the software is a shell script.
import { assertEquals } from "@std/assert";
import { AttackHarness } from "../support/attack_harness.ts";
import { isRunning } from "../support/process_state.ts";
import { POSIX, testWith } from "../support/requirements.ts";

const CONTEXTS = [
  "a timer",
  "a microtask",
  "node's next tick",
  "node's immediate",
  "a promise",
  "a promise, of no error",
  "an async function",
  "a signal listener",
  "an event listener",
  "an abort listener",
  "node's event listener",
  "a stream's source",
  "a stream's sink",
  "a message handler",
  "an accept loop",
] as const;

/** Runs software until an uncaught error; returns the log, after checking that nothing is left. */
async function failIn(context: string): Promise<string> {
  await using harness = await AttackHarness.open();
  await harness.script("software", `echo "pid $$"; exec sleep 1000`);
  await using run = harness.start({ fixture: "sentinel_that_fails.ts", env: { FAIL_IN: context } });
  const [, pid] = await run.stdout.match(/^pid (\d+)\n/);
  run.kill("SIGALRM");
  const { code, stderr } = await run.end();
  assertEquals([code, await isRunning(Number(pid))], [70, false], stderr);
  assertEquals([...Deno.readDirSync(harness.at("runtime/sentinel"))], []);
  return stderr;
}

for (const context of CONTEXTS) {
  testWith(
    [POSIX],
    `an error in ${context} stops the run in order, with a line in its log`,
    async () => {
      const [, ...lines] = (await failIn(context)).trimEnd().split("\n");
      assertEquals(lines.map((line) => line.replace(/^\S+ /, "")), [
        "ERROR: unexpected error: the test's own",
        "INFO: Received an unexpected error, shutting down...",
      ]);
    },
  );
}

testWith([POSIX], "errors that occur again and again fill no log", async () => {
  const stderr = await failIn("twenty timers");
  assertEquals(stderr.match(/ERROR: unexpected error: the test's own\n/g)?.length, 10);
});
