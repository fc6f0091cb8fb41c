import { assertEquals } from "@std/assert";
import { type DetachOutcome, startDetached } from "../../src/daemon/detach.ts";
import { isRunning } from "../support/process_state.ts";
import { POSIX, testWith } from "../support/requirements.ts";

/** The outcome of starting a shell script, and its output. */
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
    sharesInput: false,
  });
  return { outcome, lines };
}

testWith(
  [POSIX],
  "startDetached() returns the output and exit status of a program that ended",
  async () => {
    assertEquals(await start("echo first >&2; printf 'cut off' >&2; echo not ready; exit 3"), {
      outcome: { kind: "ended", status: 3 },
      lines: ["first", "cut off"],
    });
  },
);

testWith([POSIX], "startDetached() starts nothing if it was aborted before", async () => {
  assertEquals((await start("exec sleep 1000", { signal: AbortSignal.abort() })).outcome, {
    kind: "ended",
    status: 128 + 15,
  });
});

testWith(
  [POSIX],
  "startDetached() can be aborted when there is nothing to stop",
  async () => {
    const asked = new AbortController(), said = Promise.withResolvers<string>();
    // a program that it started holds its output open
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

testWith(
  [POSIX],
  "startDetached() stops the program if it is aborted, and waits for it",
  async () => {
    const asked = new AbortController();
    const starting = start("exec sleep 1000", { signal: asked.signal });
    asked.abort();
    assertEquals((await starting).outcome, { kind: "ended", status: 128 + 15 });
  },
);
