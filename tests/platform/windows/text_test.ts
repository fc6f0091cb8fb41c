import { assertEquals } from "@std/assert";
import { encodeWide } from "../../../src/platform/windows/handles.ts";

Deno.test("text is UTF-16 with a NUL, including characters beyond the first plane", () => {
  assertEquals([...encodeWide("aß")], [0x61, 0xDF, 0]);
  assertEquals([...encodeWide("\u{1F680}")], [0xD83D, 0xDE80, 0]);
  assertEquals([...encodeWide("")], [0]);
});
