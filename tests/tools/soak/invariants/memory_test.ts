import { assertEquals } from "@std/assert";
import { checkMemory } from "../../../../tools/soak/invariants/memory.ts";

const MIB = 2 ** 20;

/** Samples every second. */
function course(mebibytes: (second: number) => number, seconds: number) {
  const samples = Array.from({ length: seconds + 1 }, (_, second) => ({
    atMs: 5_000 + second * 1_000,
    bytes: mebibytes(second) * MIB,
  }));
  return { name: "daemon", pid: 7, samples };
}

Deno.test("memory that grows while a program becomes warm is fine", () => {
  assertEquals(checkMemory(course((second) => Math.min(20 + 10 * second, 120), 60)), []);
});

Deno.test("memory that grows without end is reported", () => {
  assertEquals(checkMemory(course((second) => 100 + second, 80)), [
    "memory of daemon (pid 7) grew from 110 to 180 MiB",
  ]);
});

Deno.test("memory that has grown by less than half, or by little, is fine", () => {
  assertEquals(checkMemory(course((second) => second < 20 ? 400 : 590, 60)), []);
  assertEquals(checkMemory(course((second) => second < 20 ? 20 : 51, 60)), []);
});

Deno.test("a program that ended before it was warm is ignored", () => {
  assertEquals(checkMemory(course((second) => 100 * second, 8)), []);
});
