import { assert, assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { openOutputLog, OutputLog } from "../../src/process/output_log.ts";
import { type OutputItem, readOutput } from "../../src/process/output_reader.ts";
import { OutputWriter } from "../../src/process/output_writer.ts";
import { listSegments, segmentPaths } from "../../src/process/segment_files.ts";
import { readAll, recordShell } from "../support/recorded.ts";
import { NEEDS_ROOT, needsProgram, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const UTF8 = new TextEncoder();

/** A log of so many bytes `0123456789…`, written in pieces of a size. */
async function written(
  folder: string,
  { bytes, piece, ...options }: {
    bytes: number;
    piece: number;
    maxOutputBytes?: number;
    segmentBytes?: number;
  },
): Promise<OutputLog> {
  const log = new OutputLog(folder);
  const writer = new OutputWriter(log, { clock: systemClock, ...options });
  const text = "0123456789".repeat(Math.ceil(bytes / 10)).slice(0, bytes);
  for (let at = 0; at < bytes; at += piece) {
    await writer.append("stdout", UTF8.encode(text.slice(at, at + piece)));
  }
  await writer.finish();
  return log;
}

Deno.test("both streams are recorded byte for byte, in the order in which they came", async () => {
  await using folder = await temporaryFolder();
  const { log, child, recorded } = await recordShell(
    "i=0; while [ $i -lt 50 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done; printf '\\0\\377'",
    folder.path,
  );
  assert(await recorded);
  assertEquals((await child.exited).code, 0);
  const { stdout, stderr, others } = await readAll(log);
  const lines = (name: string) => Array.from({ length: 50 }, (_, i) => `${name} ${i}\n`).join("");
  assertEquals(stdout, lines("out") + "\0\xff");
  assertEquals(stderr, lines("err"));
  assertEquals(others, [{ kind: "end", at: stdout.length + stderr.length }]);
});

Deno.test("output without a line end is recorded whole, across segments, and any offset can be read from", async () => {
  await using folder = await temporaryFolder();
  const size = 20_000_000;
  const { log, recorded } = await recordShell(
    `head -c ${size} /dev/zero | tr '\\0' x`,
    folder.path,
    { segmentBytes: 3_000_000 },
  );
  const [live] = await Promise.all([readAll(log), recorded]);
  assertEquals(live.bytes, size);
  assertMatch(live.stdout, /^x+$/);
  assertEquals(await listSegments(folder.path), [0, 3, 6, 9, 12, 15, 18].map((m) => m * 1_000_000));
  for (const from of [1, 2_999_999, 3_000_000, size - 1, size]) {
    assertEquals((await readAll(log, from)).bytes, size - from);
  }
});

Deno.test("runs of both streams survive random pieces, segments and a second opening", async () => {
  await using folder = await temporaryFolder();
  const random = seededRandom(7);
  const log = new OutputLog(folder.path);
  const writer = new OutputWriter(log, { clock: systemClock, segmentBytes: 5_000 });
  const expected = { stdout: "", stderr: "" };
  for (let i = 0; i < 2_000; i++) {
    const stream = random() < 0.5 ? "stdout" : "stderr";
    const text = String(i).repeat(1 + Math.floor(random() * 20));
    expected[stream] += text;
    await writer.append(stream, UTF8.encode(text));
  }
  await writer.finish();
  for (const opened of [log, await openOutputLog(folder.path)]) {
    const { stdout, stderr } = await readAll(opened);
    assertEquals({ stdout, stderr }, expected);
  }
});

Deno.test("retention removes the oldest segments, keeps below the limit and shows the gap", async () => {
  await using folder = await temporaryFolder();
  const log = await written(folder.path, {
    bytes: 10_000,
    piece: 700,
    maxOutputBytes: 4_000,
    segmentBytes: 1_000,
  });
  assertEquals(await listSegments(folder.path), [6_000, 7_000, 8_000, 9_000]);
  const { stdout, others } = await readAll(log);
  assertEquals(stdout, "0123456789".repeat(400));
  assertEquals(others, [{ kind: "gap", from: 0, to: 6_000, why: "retention" }, {
    kind: "end",
    at: 10_000,
  }]);
});

Deno.test("a reader that retention overtakes goes on behind the gap", async () => {
  await using folder = await temporaryFolder();
  const log = new OutputLog(folder.path);
  const writer = new OutputWriter(log, { clock: systemClock, maxOutputBytes: 400 });
  const reader = readOutput(log);
  await writer.append("stdout", UTF8.encode("a".repeat(50)));
  const { value: first } = await reader.next();
  assertEquals([first?.kind, first?.kind === "bytes" && first.bytes.length], ["bytes", 50]);
  for (let i = 0; i < 10; i++) await writer.append("stdout", UTF8.encode("b".repeat(100)));
  await writer.finish();
  const rest = await Array.fromAsync(reader);
  const gap = rest.find((item) => item.kind === "gap")!;
  assertEquals(gap, { kind: "gap", from: gap.from, to: log.first, why: "retention" });
  assert(log.end - log.first <= 400);
  assertEquals(rest.at(-1), { kind: "end", at: 1_050 });
});

Deno.test("readers follow live from the beginning, and one that stalls delays nobody and misses nothing", async () => {
  await using folder = await temporaryFolder();
  const { log, recorded } = await recordShell(
    "head -c 8000000 /dev/zero | tr '\\0' y; sleep 0.05; echo end",
    folder.path,
    { segmentBytes: 1_000_000 },
  );
  const stalled = readOutput(log);
  const { value: beginning } = await stalled.next();
  const others = await Promise.all(Array.from({ length: 5 }, () => readAll(log)));
  await recorded;
  for (const { bytes, stdout } of others) {
    assertEquals(bytes, 8_000_004);
    assert(stdout.endsWith("yend\n"));
  }
  let bytes = beginning?.kind === "bytes" ? beginning.bytes.length : 0;
  for await (const item of stalled) if (item.kind === "bytes") bytes += item.bytes.length;
  assertEquals(bytes, 8_000_004);
});

Deno.test("a reader ends once, after the last byte, and not before the streams do", async () => {
  await using folder = await temporaryFolder();
  const log = new OutputLog(folder.path);
  const writer = new OutputWriter(log, { clock: systemClock });
  const items: OutputItem[] = [];
  const reading = (async () => {
    for await (const item of readOutput(log)) items.push(item);
  })();
  await writer.append("stderr", UTF8.encode("x"));
  assertEquals(log.isOver, false);
  await writer.finish();
  await reading;
  assertEquals(items.map(({ kind }) => kind), ["bytes", "end"]);
});

Deno.test("a reader that waits goes away when it is told to, without an end", async () => {
  await using folder = await temporaryFolder();
  const gone = new AbortController();
  const reading = Array.fromAsync(
    readOutput(new OutputLog(folder.path), { signal: gone.signal }),
  );
  gone.abort();
  assertEquals(await reading, []);
});

Deno.test("a reader that does not follow ends where the output ends now", async () => {
  await using folder = await temporaryFolder();
  const log = new OutputLog(folder.path);
  const writer = new OutputWriter(log, { clock: systemClock, sync: "always" });
  const following = readOutput(log);
  await writer.append("stdout", UTF8.encode("so far"));
  await following.next();
  const items = await Array.fromAsync(readOutput(log, { follow: false }));
  assertEquals(items.map(({ kind }) => kind), ["bytes", "end"]);
  await following.return();
  await writer.finish();
});

Deno.test("an exit does not wait for who holds the pipe, and output ends when the drain does", async () => {
  await using folder = await temporaryFolder();
  const { log, child, recorded } = await recordShell(
    "(sleep 1000; echo late) & echo $!; exit 5",
    folder.path,
    { drainMs: 20 },
  );
  assertEquals((await child.exited).code, 5);
  assertEquals(await recorded, false);
  const { stdout, others } = await readAll(log);
  assertEquals(others, [{ kind: "end", at: stdout.length }]);
  Deno.kill(-child.pid, "SIGKILL");
});

Deno.test("what is still in the pipe at the exit is recorded", async () => {
  await using folder = await temporaryFolder();
  const { log, recorded } = await recordShell("printf %060000d 7; exit 0", folder.path);
  assert(await recorded);
  assertEquals((await readAll(log)).bytes, 60_000);
});

Deno.test("a process that closes its streams is recorded to their end, and goes on", async () => {
  await using folder = await temporaryFolder();
  const { log, child, recorded } = await recordShell(
    "echo last; exec sleep 1000 >&- 2>&-",
    folder.path,
  );
  assert(await recorded);
  assertEquals((await readAll(log)).stdout, "last\n");
  Deno.kill(-child.pid, "SIGKILL");
  assertEquals((await child.exited).signal, "SIGKILL");
});

Deno.test("a segment that is taken away is a gap, and the rest is read", async () => {
  await using folder = await temporaryFolder();
  const log = await written(folder.path, { bytes: 3_000, piece: 500, segmentBytes: 1_000 });
  await Deno.remove(segmentPaths(folder.path, 1_000).data);
  const { bytes, others } = await readAll(log);
  assertEquals(bytes, 2_000);
  assertEquals(others, [{ kind: "gap", from: 1_000, to: 2_000, why: "missing" }, {
    kind: "end",
    at: 3_000,
  }]);
});

Deno.test("a segment that cannot be read is a gap that says why", async () => {
  await using folder = await temporaryFolder();
  const log = await written(folder.path, { bytes: 3_000, piece: 500, segmentBytes: 1_000 });
  const { data } = segmentPaths(folder.path, 1_000);
  await Deno.remove(data);
  await Deno.mkdir(data);
  const [gap] = (await readAll(log)).others;
  assertMatch(gap?.kind === "gap" ? gap.why : "", /^unreadable: Is a directory/);
});

Deno.test("lent bytes are those that were written, until the second next item", async () => {
  await using folder = await temporaryFolder();
  const log = new OutputLog(folder.path);
  const writer = new OutputWriter(log, { clock: systemClock, segmentBytes: 300_000 });
  const written = crypto.getRandomValues(new Uint8Array(60_000));
  for (let i = 0; i < 20; i++) await writer.append(i % 5 === 4 ? "stderr" : "stdout", written);
  await writer.finish();
  let offset = 0, before: OutputItem | undefined;
  const check = (item: OutputItem | undefined) => {
    if (item?.kind !== "bytes") return;
    assertEquals(item.bytes.every((byte, i) => byte === written[(item.offset + i) % 60_000]), true);
    // nothing else of a block may lie where the reader may write
    assert(item.bytes.byteOffset >= item.headroom);
    new Uint8Array(item.bytes.buffer, item.bytes.byteOffset - item.headroom, item.headroom).fill(1);
    offset = item.offset + item.bytes.length;
  };
  for await (const item of readOutput(log, { lending: { headroomBytes: 8 } })) {
    check(before);
    before = item;
  }
  assertEquals([before?.kind, offset], ["end", 1_200_000]);
});

Deno.test("an index that a crash cut off counts as far as it goes", async () => {
  await using folder = await temporaryFolder();
  await written(folder.path, { bytes: 2_500, piece: 500, segmentBytes: 1_000 });
  const { index } = segmentPaths(folder.path, 2_000);
  await Deno.writeFile(index, new Uint8Array(7), { append: true });
  const { bytes, others } = await readAll(await openOutputLog(folder.path));
  assertEquals([bytes, others], [2_500, [{ kind: "end", at: 2_500 }]]);
});

Deno.test("a folder that goes away stops the recording, is told to readers and costs no more than the bytes", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("output"));
  const log = new OutputLog(folder.at("output"));
  const writer = new OutputWriter(log, { clock: systemClock, segmentBytes: 10, sync: "never" });
  const reader = readOutput(log);
  await writer.append("stdout", UTF8.encode("0123456789"));
  await reader.next();
  await Deno.remove(folder.at("output"), { recursive: true });
  await writer.append("stdout", UTF8.encode("more"));
  await writer.finish();
  const items = await Array.fromAsync(reader);
  assertEquals(items.map(({ kind }) => kind), ["fault", "end"]);
  assertEquals(writer.droppedBytes, 4);
});

testWith(
  [NEEDS_ROOT, needsProgram("mount")],
  "a full disk stops the recording and not the process; readers get all that fitted, then the fault",
  async () => {
    await using folder = await temporaryFolder();
    await runTool("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder.path);
    try {
      const { log, writer, child, recorded } = await recordShell(
        "head -c 5000000 /dev/zero; echo alive >&2; exit 3",
        folder.path,
      );
      assert(await recorded);
      assertEquals((await child.exited).code, 3);
      const { bytes, others } = await readAll(log);
      assertEquals(bytes + writer.droppedBytes, 5_000_006);
      const [fault, end] = others;
      assertEquals(fault?.kind === "fault" && fault.at, bytes);
      assertMatch(fault?.kind === "fault" ? fault.message : "", /No space left on device/);
      assertEquals(end, { kind: "end", at: bytes });
    } finally {
      await runTool("umount", folder.path);
    }
  },
);
