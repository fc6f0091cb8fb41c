import { assertEquals } from "@std/assert";
import { type DetachOutcome, startDetached } from "../../src/daemon/detach.ts";
import { isRunning } from "../support/process_state.ts";
import { POSIX, testWith } from "../support/requirements.ts";

/** How a shell's script started, and what it said meanwhile. */
async function start(
  script: string,
  { signal = new AbortController().signal, onLine = (_line: string) => {} } = {},
): Promise<{ outcome: DetachOutcome; lines: string[] }> {
  const lines: string[] = [];
  const outcome = await startDetached({
    command: { path: "/bin/sh", args: ["-c"] },
    args: [script],
    env: { PATH: "/usr/bin:/bin" },
    onLine(line) {
      lines.push(line);
      onLine(line);
    },
    signal,
  });
  return { outcome, lines };
}

testWith([POSIX], "startDetached() tells what was said and the status of what ended", async () => {
  assertEquals(await start("echo first >&2; printf 'cut off' >&2; echo not ready; exit 3"), {
    outcome: { kind: "ended", status: 3 },
    lines: ["first", "cut off"],
  });
});

testWith([POSIX], "startDetached() has nothing go on that was given up before", async () => {
  assertEquals((await start("exec sleep 1000", { signal: AbortSignal.abort() })).outcome, {
    kind: "ended",
    status: 128 + 15,
  });
});

testWith(
  [POSIX],
  "startDetached() may be given up once there is nothing to be stopped",
  async () => {
    const asked = new AbortController(), said = Promise.withResolvers<string>();
    // what it started holds its output
    const starting = start("sleep 1000 & echo $$ $! >&2; exit 3", {
      signal: asked.signal,
      onLine: said.resolve,
    });
    const [own, other] = (await said.promise).split(" ").map(Number) as [number, number];
    try {
      while (await isRunning(own)) continue;
      asked.abort();
    } finally {
      Deno.kill(other, "SIGKILL");
    }
    assertEquals((await starting).outcome, { kind: "ended", status: 3 });
  },
);

testWith([POSIX], "startDetached() has what is given up stopped, and waits for it", async () => {
  const asked = new AbortController();
  const starting = start("exec sleep 1000", { signal: asked.signal });
  asked.abort();
  assertEquals((await starting).outcome, { kind: "ended", status: 128 + 15 });
});
