// Not on Windows: it starts POSIX programs.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../../src/core/clock.ts";
import { openOutputLog, OutputLog } from "../../../src/process/output/log.ts";
import { OutputWriter } from "../../../src/process/output/writer.ts";
import { listSegments } from "../../../src/process/output/segments.ts";
import { readAll, recordShell, writeOutput } from "../../support/recorded.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { temporaryFolder } from "../../support/temporary_folder.ts";

const UTF8 = new TextEncoder();

Deno.test("both streams are recorded byte for byte, in order", async () => {
  await using folder = await temporaryFolder();
  await using shell = await recordShell(
    "i=0; while [ $i -lt 50 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done; printf '\\0\\377'",
    folder.path,
  );
  const { log, child, recorded } = shell;
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
  await using shell = await recordShell(
    `head -c ${size} /dev/zero | tr '\\0' x`,
    folder.path,
    { segmentBytes: 3_000_000 },
  );
  const { log, recorded } = shell;
  const [live] = await Promise.all([readAll(log), recorded]);
  assertEquals(live.bytes, size);
  assertMatch(live.stdout, /^x+$/);
  assertEquals(await listSegments(folder.path), [0, 3, 6, 9, 12, 15, 18].map((m) => m * 1_000_000));
  for (const from of [1, 2_999_999, 3_000_000, size - 1, size]) {
    assertEquals((await readAll(log, from)).bytes, size - from);
  }
});

Deno.test("a chunk that is larger than both buffers is recorded whole", async () => {
  await using folder = await temporaryFolder();
  const bytes = 3 * 2 ** 20 + 1;
  const log = await writeOutput(folder.path, { bytes, piece: bytes });
  const { stdout } = await readAll(log);
  assertEquals(stdout, "0123456789".repeat(Math.ceil(bytes / 10)).slice(0, bytes));
});

Deno.test("runs of both streams survive random chunks, segments and reopening", async () => {
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
  const log = await writeOutput(folder.path, {
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

Deno.test("an exit does not wait for processes that hold the pipe, and output ends with the drain", async () => {
  await using folder = await temporaryFolder();
  await using shell = await recordShell(
    "(sleep 1000; echo late) & echo $!; exit 5",
    folder.path,
    { drainMs: 20 },
  );
  const { log, child, recorded } = shell;
  assertEquals((await child.exited).code, 5);
  assertEquals(await recorded, false);
  const { stdout, others } = await readAll(log);
  assertEquals(others, [{ kind: "end", at: stdout.length }]);
});

Deno.test("data in the pipe at the exit is recorded", async () => {
  await using folder = await temporaryFolder();
  await using shell = await recordShell("printf %060000d 7; exit 0", folder.path);
  const { log, recorded } = shell;
  assert(await recorded);
  assertEquals((await readAll(log)).bytes, 60_000);
});

Deno.test("a process that closes its streams is recorded to their end, and keeps running", async () => {
  await using folder = await temporaryFolder();
  await using shell = await recordShell(
    "echo last; exec sleep 1000 >&- 2>&-",
    folder.path,
  );
  const { log, child, recorded } = shell;
  assert(await recorded);
  assertEquals((await readAll(log)).stdout, "last\n");
  Deno.kill(-child.pid, "SIGKILL");
  assertEquals((await child.exited).signal, "SIGKILL");
});
