import { assertEquals } from "@std/assert";
import { RefusalReport } from "../../src/net/refusal_report.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { RecordingLog } from "../support/recording_log.ts";

function open() {
  const clock = new FakeClock(), log = new RecordingLog();
  const report = new RefusalReport({ what: "connections", clock, log });
  return { clock, log, report, warnings: () => log.lines("warn") };
}

Deno.test("refusals are logged once a minute, a line for each peer", async () => {
  const { clock, report, warnings } = open();
  using _ = report;
  for (let i = 0; i < 312; i++) report.count("192.0.2.7");
  report.count("192.0.2.8");
  assertEquals(warnings(), []);
  await clock.advance(60_000);
  assertEquals(warnings(), [
    "warn 312 connections of 192.0.2.7 refused in the last minute",
    "warn 1 connections of 192.0.2.8 refused in the last minute",
  ]);
  await clock.advance(60_000);
  report.count("192.0.2.8");
  await clock.advance(60_000);
  assertEquals(warnings().length, 3);
});

Deno.test("any number of peers takes six lines", async () => {
  const { clock, report, warnings } = open();
  using _ = report;
  for (let i = 0; i < 10_000; i++) report.count(`peer ${i}`);
  await clock.advance(60_000);
  assertEquals([warnings().length, warnings().at(-1)], [
    ...[6, "warn 9995 connections of other peers refused in the last minute"],
  ]);
});

Deno.test("what is not logged yet is logged at the end, once", () => {
  const { clock, report, warnings } = open();
  report.count("a");
  report[Symbol.dispose]();
  report[Symbol.dispose]();
  assertEquals([warnings(), clock.sleeping], [
    ...[["warn 1 connections of a refused in the last minute"], 0],
  ]);
});
