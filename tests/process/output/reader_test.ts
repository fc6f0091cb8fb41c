// Not on Windows: it starts POSIX programs.
import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../../src/core/clock.ts";
import type { OutputItem } from "../../../src/core/output_item.ts";
import { OutputLog } from "../../../src/process/output/log.ts";
import { readOutput } from "../../../src/process/output/reader.ts";
import { OutputWriter } from "../../../src/process/output/writer.ts";
import { readAll, recordShell } from "../../support/recorded.ts";
import { runTool } from "../../support/run_tool.ts";
import { temporaryFolder } from "../../support/temporary_folder.ts";

const UTF8 = new TextEncoder();

function lengthOf(item: OutputItem | void): number {
  return item?.kind === "bytes" ? item.bytes.length : 0;
}

function textOf({ bytes }: OutputItem & { kind: "bytes" }): string {
  return new TextDecoder().decode(bytes);
}

Deno.test("a reader that retention overtakes continues after the gap", async () => {
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
  assertEquals(log.first, 700);
  assertEquals(rest[0], { kind: "gap", from: 50, to: log.first, why: "retention" });
  assertEquals(rest.map(lengthOf).reduce((sum, length) => sum + length), 1_050 - log.first);
  assertEquals(rest.at(-1), { kind: "end", at: 1_050 });
});

Deno.test("readers follow live from the beginning, and a stalled one delays no other and misses nothing", async () => {
  await using folder = await temporaryFolder();
  await runTool("mkfifo", folder.at("all_read"));
  await Deno.mkdir(folder.at("output"));
  await using shell = await recordShell(
    `head -c 8000000 /dev/zero | tr '\\0' y; read _ <${folder.at("all_read")}; echo end`,
    folder.at("output"),
    { segmentBytes: 1_000_000 },
  );
  const { log, recorded } = shell;
  const stalled = readOutput(log);
  const { value: beginning } = await stalled.next();
  const following = readOutput(log);
  for (let read = 0; read < 8_000_000;) {
    const { value, done } = await following.next();
    assert(!done);
    read += lengthOf(value);
  }
  const others = Array.from({ length: 5 }, () => readAll(log));
  await Deno.writeTextFile(folder.at("all_read"), "go on\n");
  for (const { bytes, stdout } of await Promise.all(others)) {
    assertEquals(bytes, 8_000_004);
    assert(stdout.endsWith("yend\n"));
  }
  const rest = await Array.fromAsync(following);
  assertEquals(rest.map((item) => item.kind === "bytes" ? textOf(item) : item), [
    "end\n",
    { kind: "end", at: 8_000_004 },
  ]);
  await recorded;
  let bytes = lengthOf(beginning);
  for await (const item of stalled) bytes += lengthOf(item);
  assertEquals(bytes, 8_000_004);
});

Deno.test("a reader ends once, after the last byte, and not before the streams do", async () => {
  await using folder = await temporaryFolder();
  const log = new OutputLog(folder.path);
  const writer = new OutputWriter(log, { clock: systemClock });
  const reader = readOutput(log);
  for (const text of ["x", "y"]) {
    const next = reader.next();
    await writer.append("stderr", UTF8.encode(text));
    const { value } = await next;
    assertEquals(value?.kind === "bytes" && textOf(value), text);
  }
  const last = reader.next();
  await writer.finish();
  assertEquals((await last).value, { kind: "end", at: 2 });
  assertEquals(await reader.next(), { done: true, value: undefined });
});

Deno.test("a waiting reader stops when its signal aborts, without an end item", async () => {
  await using folder = await temporaryFolder();
  const gone = new AbortController();
  const next = readOutput(new OutputLog(folder.path), { signal: gone.signal }).next();
  gone.abort();
  assertEquals(await next, { done: true, value: undefined });
});

Deno.test("a reader that does not follow ends where the output ends now", async () => {
  await using folder = await temporaryFolder();
  const log = new OutputLog(folder.path);
  const writer = new OutputWriter(log, { clock: systemClock });
  const following = readOutput(log);
  await writer.append("stdout", UTF8.encode("so far"));
  await following.next();
  const items = await Array.fromAsync(readOutput(log, { follow: false }));
  assertEquals(items.map(({ kind }) => kind), ["bytes", "end"]);
  await following.return();
  await writer.finish();
});

Deno.test("blocks are read only into the memory that the reader lends", async () => {
  await using folder = await temporaryFolder();
  const log = new OutputLog(folder.path);
  const writer = new OutputWriter(log, { clock: systemClock, segmentBytes: 300_000 });
  const written = crypto.getRandomValues(new Uint8Array(60_000));
  for (let i = 0; i < 20; i++) await writer.append(i % 5 === 4 ? "stderr" : "stdout", written);
  await writer.finish();
  const memory = new Uint8Array(100_000).fill(7);
  const lendBlock = () => memory.subarray(8, 90_008);
  let offset = 0;
  for await (const item of readOutput(log, { lendBlock })) {
    if (item.kind !== "bytes") continue;
    assertEquals([item.bytes.buffer, item.offset], [memory.buffer, offset]);
    assertEquals(item.bytes.every((byte, i) => byte === written[(offset + i) % 60_000]), true);
    offset += item.bytes.length;
  }
  assertEquals(offset, 1_200_000);
  assert([...memory.subarray(0, 8), ...memory.subarray(90_008)].every((byte) => byte === 7));
});
