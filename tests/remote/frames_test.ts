import { assertEquals, assertThrows } from "@std/assert";
import { encodeControl, encodeFrame, FrameDecoder } from "../../src/remote/frames.ts";

const UTF8 = new TextEncoder();

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

Deno.test("a frame is docker's: kind, three zero bytes, length, bytes", () => {
  assertEquals([...encodeFrame("stdout", UTF8.encode("hi"))], [1, 0, 0, 0, 0, 0, 0, 2, 104, 105]);
  assertEquals(
    encodeFrame("stderr", new Uint8Array(0x01020304 & 0xffff)).subarray(0, 8),
    Uint8Array.of(2, 0, 0, 0, 0, 0, 3, 4),
  );
  assertEquals(
    new TextDecoder().decode(encodeControl({ gap: { from: 1, to: 2 } }).subarray(8)),
    '{"gap":{"from":1,"to":2}}',
  );
});

for (const size of [1, 2, 3, 7, 8, 9, 1000]) {
  Deno.test(`a stream that arrives in pieces of ${size} bytes is read as it was written`, () => {
    const stream = joined(
      encodeFrame("stdout", UTF8.encode("first")),
      encodeFrame("stderr", new Uint8Array()),
      encodeControl({ end: { state: "exited" } }),
      encodeFrame("stderr", UTF8.encode("second")),
    );
    const decoder = new FrameDecoder();
    const text = { stdout: "", stderr: "", control: "" };
    for (let at = 0; at < stream.length; at += size) {
      for (const piece of decoder.decode(stream.subarray(at, at + size))) {
        text[piece.kind] += piece.kind === "control"
          ? piece.text
          : new TextDecoder().decode(piece.bytes);
      }
    }
    assertEquals(text, {
      stdout: "first",
      stderr: "second",
      control: '{"end":{"state":"exited"}}',
    });
  });
}

for (
  const [what, bytes] of [
    ["an unknown kind", [4, 0, 0, 0, 0, 0, 0, 0]],
    ["a byte that should be zero", [1, 0, 1, 0, 0, 0, 0, 0]],
    ["an endless control frame", [3, 0, 0, 0, 255, 255, 255, 255]],
  ] as const
) {
  Deno.test(`${what} is no such stream`, () => {
    assertThrows(() => [...new FrameDecoder().decode(Uint8Array.from(bytes))], TypeError);
  });
}
