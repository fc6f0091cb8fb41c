// Not on Windows: the remote server is not held to it yet.
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { OutputItem } from "../../src/core/output_item.ts";
import { encodeControl, encodeOutputFrame, FrameDecoder } from "../../src/remote/frames.ts";
import { FrameMemory } from "../../src/remote/send_output.ts";

const UTF8 = new TextEncoder();

function joined(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

Deno.test("a frame is docker's: kind, three zero bytes, length, bytes", () => {
  assertEquals([...encodeOutputFrame("stdout", UTF8.encode("hi"))], [
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    2,
    104,
    105,
  ]);
  assertEquals(
    encodeOutputFrame("stderr", new Uint8Array(0x01020304 & 0xffff)).subarray(0, 8),
    Uint8Array.of(2, 0, 0, 0, 0, 0, 3, 4),
  );
  assertEquals(
    new TextDecoder().decode(encodeControl({ gap: { from: 1, to: 2 } }).subarray(8)),
    '{"gap":{"from":1,"to":2}}',
  );
});

const GAP = { from: 5, to: 9 }, FAULT = { at: 15, message: "disk full" };

for (const size of [1, 2, 3, 7, 8, 9, 1000]) {
  Deno.test(`a stream that arrives in pieces of ${size} bytes is read unchanged`, () => {
    const stream = joined(
      encodeOutputFrame("stdout", UTF8.encode("first")),
      encodeOutputFrame("stderr", new Uint8Array()),
      encodeControl({ gap: GAP }),
      encodeControl({ alive: true }),
      encodeOutputFrame("stderr", UTF8.encode("second")),
      encodeControl({ fault: FAULT }),
      encodeControl({ end: { state: "exited" } }),
    );
    const decoder = new FrameDecoder();
    const text = { stdout: "", stderr: "" }, others: OutputItem[] = [];
    let offset = 0;
    for (let at = 0; at < stream.length; at += size) {
      for (const item of decoder.decode(stream.subarray(at, at + size))) {
        if (item.kind === "gap") offset = item.to;
        if (item.kind !== "bytes") others.push(item);
        else {
          assertEquals(item.offset, offset);
          offset += item.bytes.length;
          text[item.stream] += new TextDecoder().decode(item.bytes);
        }
      }
    }
    assertEquals(text, { stdout: "first", stderr: "second" });
    assertEquals(others, [
      { kind: "gap", ...GAP },
      { kind: "fault", ...FAULT },
      { kind: "end", at: 15 },
    ]);
  });
}

Deno.test("output in lent memory is framed there, and other output is copied", () => {
  const memory = new FrameMemory();
  const [first, second] = [memory.lend(), memory.lend()];
  second.fill(3);
  assert(first.buffer !== second.buffer);
  assert(memory.lend().buffer === first.buffer);
  const long = first.subarray(0, 100_000).fill(2);
  const rest = first.subarray(100_000, 200_000).fill(4);
  const frames = [long, rest, second.subarray(0, 10), new Uint8Array(100_000)]
    .map((bytes) => ({ bytes, frame: memory.frame("stdout", bytes) }));
  assertEquals(frames.map(({ frame }) => memory.has(frame)), [true, false, false, false]);
  for (const { bytes, frame } of frames) assertEquals(frame, encodeOutputFrame("stdout", bytes));
});

for (
  const [what, bytes] of [
    ["an unknown kind", [4, 0, 0, 0, 0, 0, 0, 0]],
    ["a byte that should be zero", [1, 0, 1, 0, 0, 0, 0, 0]],
    ["an endless control frame", [3, 0, 0, 0, 255, 255, 255, 255]],
  ] as const
) {
  Deno.test(`${what} is not a valid stream`, () => {
    assertThrows(() => [...new FrameDecoder().decode(Uint8Array.from(bytes))], TypeError);
  });
}
