import { assert, assertEquals } from "@std/assert";
import { guardMemory } from "../../../src/platform/linux/syscalls.ts";
import { readProcFile } from "../../../src/platform/linux/proc.ts";
import { getBufferAddress } from "../../../src/platform/linux/syscalls.ts";
import { openLibraries } from "../../support/open_libraries.ts";
import { POSIX, testWith } from "../../support/requirements.ts";

openLibraries();

/** The flags of the mapping that has these bytes: `lo` for locked, `dd` for no dump; proc_pid_smaps(5). */
function flagsOf(bytes: Uint8Array<ArrayBuffer>): string[] {
  const address = getBufferAddress(bytes);
  for (const mapping of readProcFile("/proc/self/smaps")!.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) /.exec(mapping)!;
    if (address < BigInt(`0x${from}`) || address >= BigInt(`0x${to}`)) continue;
    return /^VmFlags: (.*)$/m.exec(mapping)![1]!.trim().split(" ");
  }
  throw new Error("Cannot find the mapping");
}

testWith([POSIX], "guarded bytes stay out of swap and dumps, and are wiped on disposal", () => {
  // so large that it has pages of its own, and no other test's bytes beside it
  const bytes = new Uint8Array(1 << 20).fill(7);
  const keepsToItself = () => ["lo", "dd"].map((flag) => flagsOf(bytes).includes(flag));
  assertEquals(keepsToItself(), [false, false]);
  {
    using _guard = guardMemory(bytes);
    assertEquals(keepsToItself(), [true, true]);
    assert(bytes.every((byte) => byte === 7));
  }
  assertEquals(keepsToItself(), [false, false]);
  assert(bytes.every((byte) => byte === 0));
});
