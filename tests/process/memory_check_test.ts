// Not on Windows: it starts POSIX programs.
import { assert, assertEquals } from "@std/assert";
import { createMemoryCheck } from "../../src/process/health.ts";
import { LaunchedShell, processControl } from "../support/launched_shell.ts";

Deno.test("memory is counted for the whole tree", async () => {
  await using shell = await LaunchedShell.launch("sleep 1000 & echo child $!; wait");
  const child = processControl.residentBytes(await shell.pid("child"));
  const leader = processControl.residentBytes(shell.child.pid);
  assert(child > 0 && leader > 0);
  assert(shell.tree.residentBytes() >= Math.max(child, leader) + Math.min(child, leader) / 2);
});

const MEBIBYTE = 2 ** 20;

for (
  const [bytes, fault] of [
    [3 * MEBIBYTE, undefined],
    [3 * MEBIBYTE + 1, "uses 4 MiB of 3 MiB"],
  ] as const
) {
  Deno.test(`${bytes} bytes under a limit of 3 MiB are ${fault ?? "healthy"}`, () => {
    const check = createMemoryCheck({ residentBytes: () => bytes }, 3);
    assertEquals(check(new AbortController().signal), fault);
  });
}
