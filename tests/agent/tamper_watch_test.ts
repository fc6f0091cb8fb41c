import { assertEquals } from "@std/assert";
import { getExitCode } from "../../src/cli/exit_codes.ts";
import type { DegradeStage } from "../../src/ipc/license_answers.ts";
import type { TamperDetection } from "../../src/platform/contract.ts";
import { TamperFindings } from "../../src/enforcement/tamper_findings.ts";
import { createTamperWatch } from "../../src/agent/tamper_watch.ts";
import type { TamperPolicy } from "../../src/core/build_info.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { RecordingLog } from "../support/recording_log.ts";

const SECOND_MS = 1000, MINUTE_MS = 60_000;
const DEBUGGER: TamperDetection = {
  kind: "debugger",
  message: "debugger attached",
  evidence: "process 7 (gdb) traces sentinel",
};
const ROLLBACK = {
  kind: "clock_rollback",
  message: "clock rollback detected",
  evidence: "",
} as const;

/** A running watch, and what it did when. */
class Fixture {
  readonly clock = new FakeClock();
  readonly log = new RecordingLog();
  readonly findings = new TamperFindings(this.log);
  readonly stop = new AbortController();
  readonly stages: [stage: DegradeStage, atMs: number][] = [];
  tamperChecks: TamperDetection[] = [];
  readonly ended: Promise<Error | undefined>;

  constructor(policy: TamperPolicy, random = 0.5) {
    this.ended = createTamperWatch({
      policy,
      findings: this.findings,
      tamperChecks: { look: () => Promise.resolve(this.tamperChecks) },
      setDegradeStage: (stage) => this.stages.push([stage, this.clock.monotonicMs()]),
      clock: this.clock,
      random: () => random,
      log: this.log,
    })(this.stop.signal);
  }

  async over(): Promise<Error | undefined> {
    this.stop.abort();
    const error = await this.ended;
    assertEquals(this.clock.sleeping, 0);
    return error;
  }
}

Deno.test("stages follow at once, after 2, 5 and 10 minutes, half a minute earlier or later", async () => {
  const seconds = async (random: number) => {
    const harness = new Fixture("degrade", random);
    harness.findings.report(ROLLBACK);
    await harness.clock.advance(11 * MINUTE_MS);
    await harness.ended;
    return harness.stages.map(([, atMs]) => atMs / SECOND_MS);
  };
  assertEquals(await seconds(0.5), [0, 120, 300, 600]);
  assertEquals(await seconds(0), [0, 90, 270, 570]);
  assertEquals(await seconds(0.999999), [0, 150, 330, 630]);
});

Deno.test("with degrade a finding makes answers worse by and by, then stops the software", async () => {
  const harness = new Fixture("degrade");
  await harness.clock.advance(MINUTE_MS);
  assertEquals(harness.stages, []);
  harness.tamperChecks = [DEBUGGER];
  await harness.clock.advance(11 * MINUTE_MS);
  const fromMs = harness.stages[0]![1];
  assertEquals(harness.stages.map(([stage, atMs]) => [stage, atMs - fromMs]), [
    ["warnings", 0],
    ["errors", 2 * MINUTE_MS],
    ["slowdown", 5 * MINUTE_MS],
    ["crash", 10 * MINUTE_MS],
  ]);
  const error = await harness.ended;
  assertEquals(error?.message, "debugger attached");
  assertEquals(getExitCode(error), 137);
  assertEquals(harness.log.lines(), [
    "warn debugger attached: process 7 (gdb) traces sentinel",
    ...["warnings", "errors", "slowdown", "crash"].map((stage) =>
      `warn license answers are degraded: ${stage} (debugger attached)`
    ),
  ]);
  assertEquals(harness.clock.sleeping, 0);
});

Deno.test("with stop the software is stopped at once", async () => {
  const harness = new Fixture("stop");
  harness.tamperChecks = [DEBUGGER];
  await harness.clock.advance(MINUTE_MS);
  assertEquals(getExitCode(await harness.ended), 137);
  assertEquals(harness.stages, []);
});

const REPLACED_CLOCK: TamperDetection = {
  kind: "clock_replaced",
  message: "another clock is put under sentinel",
  evidence: "",
};

Deno.test("with degrade a replaced clock stops the software at once, as it times the stages", async () => {
  const harness = new Fixture("degrade");
  harness.tamperChecks = [REPLACED_CLOCK];
  await harness.clock.advance(MINUTE_MS);
  const error = await harness.ended;
  assertEquals([error?.message, getExitCode(error)], [REPLACED_CLOCK.message, 137]);
  assertEquals(harness.stages, []);
});

Deno.test("a clock that is replaced while answers are degraded stops the software", async () => {
  const harness = new Fixture("degrade");
  harness.tamperChecks = [DEBUGGER];
  await harness.clock.advance(MINUTE_MS);
  harness.tamperChecks = [DEBUGGER, REPLACED_CLOCK];
  await harness.clock.advance(MINUTE_MS);
  assertEquals((await harness.ended)?.message, REPLACED_CLOCK.message);
  assertEquals(harness.stages.map(([stage]) => stage), ["warnings"]);
  assertEquals(harness.clock.sleeping, 0);
});

Deno.test("with report a replaced clock is in the log, and that is all", async () => {
  const harness = new Fixture("report");
  harness.tamperChecks = [REPLACED_CLOCK];
  await harness.clock.advance(30 * MINUTE_MS);
  assertEquals(await harness.over(), undefined);
  assertEquals(harness.findings.count, 1);
});

Deno.test("with report a finding is in the log, once, and that is all", async () => {
  const harness = new Fixture("report");
  harness.tamperChecks = [DEBUGGER];
  await harness.clock.advance(30 * MINUTE_MS);
  assertEquals(await harness.over(), undefined);
  assertEquals([harness.stages, harness.findings.count], [[], 1]);
});

Deno.test("a run that is over before its first look is looked at all the same", async () => {
  const log = new RecordingLog();
  const error = await createTamperWatch({
    policy: "degrade",
    findings: new TamperFindings(log),
    tamperChecks: { look: () => Promise.resolve([DEBUGGER]) },
    setDegradeStage: () => {},
    clock: new FakeClock(),
    random: () => 0.5,
    log,
  })(AbortSignal.abort());
  assertEquals(error, undefined);
  assertEquals(log.lines(), ["warn debugger attached: process 7 (gdb) traces sentinel"]);
});

Deno.test("with off the checks are not made", async () => {
  const harness = new Fixture("off");
  harness.tamperChecks = [DEBUGGER];
  await harness.clock.advance(30 * MINUTE_MS);
  assertEquals(await harness.over(), undefined);
  assertEquals([harness.stages, harness.findings.count], [[], 0]);
});

Deno.test("a clock that was set back is forgiven when the server answers, a debugger is not", async () => {
  const harness = new Fixture("degrade");
  harness.findings.report(ROLLBACK);
  await harness.clock.advance(3 * MINUTE_MS);
  harness.findings.settleRollbacks();
  await harness.clock.advance(MINUTE_MS);
  assertEquals(harness.stages.map(([stage]) => stage), ["warnings", "errors", "normal"]);

  harness.findings.report(ROLLBACK);
  harness.tamperChecks = [DEBUGGER];
  await harness.clock.advance(MINUTE_MS);
  harness.findings.settleRollbacks();
  await harness.clock.advance(10 * MINUTE_MS);
  assertEquals(getExitCode(await harness.ended), 137);
});

Deno.test("a watch that is stopped before or amid the stages ends without a word", async () => {
  const harness = new Fixture("degrade");
  harness.findings.report(ROLLBACK);
  await harness.clock.advance(MINUTE_MS);
  assertEquals(await harness.over(), undefined);
  assertEquals(harness.stages.map(([stage]) => stage), ["warnings"]);
  assertEquals(await new Fixture("stop").over(), undefined);
});
