import { assert, assertEquals } from "@std/assert";
import { POSIX, testWith } from "../../support/requirements.ts";
import { KeptProgram } from "../../../tools/soak/kept_program.ts";

function keep(script: string): KeptProgram {
  return new KeptProgram({
    name: "shell",
    command: () =>
      new Deno.Command("sh", {
        args: ["-c", script],
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }),
    isReady: /ready/,
    hour: () => 7,
  });
}

const STAY = "echo ready; exec sleep 1000";

/** What a start may take on a busy machine. */
const SOON = { withinMs: 10_000 };

testWith(
  [POSIX],
  "a killed program is restarted, and both runs are recorded",
  async () => {
    await using program = keep(STAY);
    program.start();
    assert(await program.waitUntilReady(SOON));
    const { pid } = program;
    program.kill();
    assertEquals(program.isReady, false);
    assert(await program.waitUntil(() => program.isReady && program.pid !== pid, SOON));
    await program.stop();
    const lives = program.lives.map(({ code, wasKilled, wasStopped, tail, toHour }) => (
      { code, wasKilled, wasStopped, tail, toHour }
    ));
    const tail = "ready\n", toHour = 7;
    assertEquals(lives, [
      { code: 137, wasKilled: true, wasStopped: false, tail, toHour },
      { code: 143, wasKilled: false, wasStopped: true, tail, toHour },
    ]);
  },
);

testWith([POSIX], "a program that exits is restarted, too", async () => {
  await using program = keep('echo ready; echo "why" >&2; exit 3');
  program.start();
  assert(await program.waitUntil(() => program.lives.length === 2, SOON));
  const [life] = program.lives;
  assertEquals([life?.code, life?.wasKilled, life?.wasStopped], [3, false, false]);
  assert(life?.tail.includes("why\n"));
});

testWith([POSIX], "a program that never reports readiness is not ready in time", async () => {
  await using program = keep("exec sleep 1000");
  program.start();
  assertEquals(await program.waitUntilReady({ withinMs: 1 }), false);
});

testWith([POSIX], "a paused program continues when the pause is aborted", async () => {
  await using program = keep(STAY);
  program.start();
  assert(await program.waitUntilReady(SOON));
  const over = new AbortController();
  const pausing = program.pause(3_600_000, over.signal);
  over.abort();
  await pausing;
  await program.stop();
  // one that stood still would have to be killed
  assertEquals(program.lives[0]?.code, 143);
});

testWith([POSIX], "a program can be stopped twice, and is not restarted", async () => {
  const program = keep(STAY);
  program.start();
  assert(await program.waitUntilReady(SOON));
  await Promise.all([program.stop(), program.stop()]);
  assertEquals([program.pid, program.lives.length], [undefined, 1]);
});

testWith([POSIX], "a program is stopped for a task, and is running again afterwards", async () => {
  await using program = keep("trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done");
  program.start();
  const { pid } = program;
  const during = await program.stopFor(() => Promise.resolve(program.pid));
  assertEquals([during, program.lives.length], [undefined, 1]);
  assertEquals([program.lives[0]!.code, program.lives[0]!.wasStopped], [0, true]);
  assert(await program.waitUntil(() => program.isReady && program.pid !== pid, SOON));
});

testWith([POSIX], "tasks for which a program is stopped are done one after the other", async () => {
  await using program = keep(STAY);
  program.start();
  const done: number[] = [];
  const [failed] = await Promise.allSettled([
    program.stopFor(() => Promise.reject(new Error("the first"))),
    program.stopFor(() => Promise.resolve(done.push(2))),
  ]);
  assertEquals([failed.status, done], ["rejected", [2]]);
});
