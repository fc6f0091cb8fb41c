import { assertEquals } from "@std/assert";
import { type DetachOutcome, startDetached } from "../../src/daemon/detach.ts";
import { POSIX, testWith } from "../support/requirements.ts";

/** How a shell's script started, and what it said meanwhile. */
async function start(
  script: string,
  signal = new AbortController().signal,
): Promise<{ outcome: DetachOutcome; lines: string[] }> {
  const lines: string[] = [];
  const outcome = await startDetached({
    command: { path: "/bin/sh", args: ["-c"] },
    args: [script],
    env: { PATH: "/usr/bin:/bin" },
    onLine: (line) => lines.push(line),
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

testWith([POSIX], "startDetached() has what is given up stopped, and waits for it", async () => {
  const asked = new AbortController();
  const starting = start("exec sleep 1000", asked.signal);
  asked.abort();
  assertEquals((await starting).outcome, { kind: "ended", status: 128 + 15 });
});
