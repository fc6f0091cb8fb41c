import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { writeAll, writeAllSync } from "../../src/core/write_all.ts";

const BYTES = new Uint8Array([1, 2, 3, 4, 5, 6, 7]);

/** Takes three bytes at a time, and fails once it has `room` of them. */
function narrowFile(room = Infinity) {
  const written: number[] = [];
  const writeSync = (bytes: Uint8Array) => {
    if (written.length >= room) throw new Error("no space left");
    const taken = bytes.subarray(0, 3);
    written.push(...taken);
    return taken.length;
  };
  return { written, writeSync, write: async (bytes: Uint8Array) => await writeSync(bytes) };
}

Deno.test("writeAll() goes on until everything is written", async () => {
  const file = narrowFile(), other = narrowFile();
  await writeAll(file, BYTES);
  writeAllSync(other, BYTES);
  assertEquals(file.written, [...BYTES]);
  assertEquals(other.written, [...BYTES]);
});

Deno.test("writeAll() of nothing writes nothing", async () => {
  await writeAll(narrowFile(0), new Uint8Array());
  writeAllSync(narrowFile(0), new Uint8Array());
});

Deno.test("writeAll() fails with the first write that does", async () => {
  await assertRejects(() => writeAll(narrowFile(3), BYTES), Error, "no space left");
  assertThrows(() => writeAllSync(narrowFile(3), BYTES), Error, "no space left");
});
