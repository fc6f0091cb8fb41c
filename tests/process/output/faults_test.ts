// Not on Windows: it starts POSIX programs.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../../src/core/clock.ts";
import { openOutputLog, OutputLog } from "../../../src/process/output/log.ts";
import { readOutput } from "../../../src/process/output/reader.ts";
import { OutputWriter } from "../../../src/process/output/writer.ts";
import { getSegmentPaths } from "../../../src/process/output/segments.ts";
import { mountDisk } from "../../support/mounted_disk.ts";
import { readAll, recordShell, writeOutput } from "../../support/recorded.ts";
import { NEEDS_ROOT, needsProgram, testWith } from "../../support/requirements.ts";
import { temporaryFolder } from "../../support/temporary_folder.ts";

const UTF8 = new TextEncoder();

Deno.test("a removed segment is a gap, and the rest is read", async () => {
  await using folder = await temporaryFolder();
  const log = await writeOutput(folder.path, { bytes: 3_000, piece: 500, segmentBytes: 1_000 });
  await Deno.remove(getSegmentPaths(folder.path, 1_000).data);
  const { bytes, others } = await readAll(log);
  assertEquals(bytes, 2_000);
  assertEquals(others, [{ kind: "gap", from: 1_000, to: 2_000, why: "missing" }, {
    kind: "end",
    at: 3_000,
  }]);
});

Deno.test("a segment that cannot be read is a gap that says why", async () => {
  await using folder = await temporaryFolder();
  const log = await writeOutput(folder.path, { bytes: 3_000, piece: 500, segmentBytes: 1_000 });
  const { data } = getSegmentPaths(folder.path, 1_000);
  await Deno.remove(data);
  await Deno.mkdir(data);
  const [gap] = (await readAll(log)).others;
  assertMatch(gap?.kind === "gap" && gap.why || "", /^unreadable: Is a directory/);
});

Deno.test("a segment without its index is a gap, and the rest is read", async () => {
  await using folder = await temporaryFolder();
  const log = await writeOutput(folder.path, { bytes: 3_000, piece: 500, segmentBytes: 1_000 });
  await Deno.remove(getSegmentPaths(folder.path, 1_000).index);
  const { bytes, others } = await readAll(log);
  assertEquals(bytes, 2_000);
  assertEquals(others[0], { kind: "gap", from: 1_000, to: 2_000, why: "missing" });
});

Deno.test("bytes that are not in the index are a gap, and the rest is read", async () => {
  await using folder = await temporaryFolder();
  const log = await writeOutput(folder.path, { bytes: 3_000, piece: 500, segmentBytes: 1_000 });
  // half an entry
  await Deno.truncate(getSegmentPaths(folder.path, 1_000).index, 8);
  const { bytes, others } = await readAll(log);
  assertEquals(bytes, 2_000);
  assertEquals(others[0], { kind: "gap", from: 1_000, to: 2_000, why: "missing" });
});

Deno.test("a segment that a crash cut off before its first bytes is empty", async () => {
  await using folder = await temporaryFolder();
  await writeOutput(folder.path, { bytes: 1_000, piece: 500, segmentBytes: 1_000 });
  const { data, index } = getSegmentPaths(folder.path, 1_000);
  for (const path of [data, index]) await Deno.writeFile(path, new Uint8Array());
  const { bytes, others } = await readAll(await openOutputLog(folder.path));
  assertEquals([bytes, others], [1_000, [{ kind: "end", at: 1_000 }]]);
});

Deno.test("a segment whose index cannot be created ends the recording", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(getSegmentPaths(folder.path, 1_000).index);
  const log = await writeOutput(folder.path, { bytes: 3_000, piece: 500, segmentBytes: 1_000 });
  const { bytes, others } = await readAll(log);
  assertEquals([bytes, others.map(({ kind }) => kind)], [1_000, ["fault", "end"]]);
});

Deno.test("a segment that cannot be removed ends the recording", async () => {
  await using folder = await temporaryFolder();
  const log = new OutputLog(folder.path);
  const writer = new OutputWriter(log, {
    clock: systemClock,
    maxOutputBytes: 4_000,
    segmentBytes: 1_000,
  });
  const { data } = getSegmentPaths(folder.path, 0);
  const following = readOutput(log);
  await writer.append("stdout", new Uint8Array(1_000));
  await following.next();
  await following.return();
  await Deno.remove(data);
  await Deno.mkdir(`${data}/full`, { recursive: true });
  await writer.append("stdout", new Uint8Array(4_000));
  await writer.finish();
  assertMatch(log.fault!.message, /^Directory not empty/);
  assertEquals(log.end, 4_000);
});

Deno.test("an index that a crash cut off counts up to there", async () => {
  await using folder = await temporaryFolder();
  await writeOutput(folder.path, { bytes: 2_500, piece: 500, segmentBytes: 1_000 });
  const { index } = getSegmentPaths(folder.path, 2_000);
  await Deno.writeFile(index, new Uint8Array(7), { append: true });
  const { bytes, others } = await readAll(await openOutputLog(folder.path));
  assertEquals([bytes, others], [2_500, [{ kind: "end", at: 2_500 }]]);
});

Deno.test("bytes that are in the index but were cut off by a crash do not count", async () => {
  await using folder = await temporaryFolder();
  await writeOutput(folder.path, { bytes: 2_500, piece: 500, segmentBytes: 1_000 });
  await Deno.truncate(getSegmentPaths(folder.path, 2_000).data, 300);
  const { bytes, others } = await readAll(await openOutputLog(folder.path));
  assertEquals([bytes, others], [2_300, [{ kind: "end", at: 2_300 }]]);
});

Deno.test("bytes of a failed write never become readable", async () => {
  await using folder = await temporaryFolder();
  await writeOutput(folder.path, { bytes: 2_500, piece: 500, segmentBytes: 1_000 });
  const fault = { at: 2_200, message: "No space left on device" };
  const { bytes, others } = await readAll(await openOutputLog(folder.path, fault));
  assertEquals(bytes, 2_200);
  assertEquals(others, [{ kind: "fault", ...fault }, { kind: "end", at: 2_200 }]);
});

Deno.test("a removed folder stops the recording, is reported to readers and loses only those bytes", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("output"));
  const log = new OutputLog(folder.at("output"));
  const writer = new OutputWriter(log, { clock: systemClock, segmentBytes: 10 });
  const reader = readOutput(log);
  await writer.append("stdout", UTF8.encode("0123456789"));
  await reader.next();
  await Deno.remove(folder.at("output"), { recursive: true });
  await writer.append("stdout", UTF8.encode("more"));
  await writer.finish();
  const items = await Array.fromAsync(reader);
  assertEquals(items.map(({ kind }) => kind), ["fault", "end"]);
  assertEquals(log.end, 10);
});

testWith(
  [NEEDS_ROOT, needsProgram("mount")],
  "a full disk stops only the recording; readers get what was written, then the fault",
  async () => {
    await using folder = await temporaryFolder();
    await using _disk = await mountDisk(folder.path, "size=1m");
    await using shell = await recordShell(
      "head -c 5000000 /dev/zero; echo alive >&2; exit 3",
      folder.path,
    );
    const { log, child, recorded } = shell;
    assert(await recorded);
    assertEquals((await child.exited).code, 3);
    const { bytes, others } = await readAll(log);
    assert(bytes > 500_000 && bytes < 5_000_000);
    const [fault, end] = others;
    assertEquals(fault?.kind === "fault" && fault.at, bytes);
    assertMatch(fault?.kind === "fault" ? fault.message : "", /No space left on device/);
    assertEquals(end, { kind: "end", at: bytes });
  },
);
