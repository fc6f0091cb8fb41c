import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import {
  DecommissionedServiceError,
  findWait,
  RestartBackoff,
} from "../../src/daemon/restart_backoff.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

const SUSPENDED = new SentinelError("refused.suspended", "license is suspended");

/** The runs of a service, each restarted by its service manager two seconds after the end of the last. */
class Service {
  readonly clock = new FakeClock();
  readonly log = new RecordingLog();
  random = () => 0;

  constructor(readonly folder: TemporaryFolder) {}

  get pidFile(): string {
    return this.folder.at("software.pid");
  }

  start(): RestartBackoff {
    const { pidFile, clock, log } = this;
    return new RestartBackoff({ pidFile, clock, log, random: () => this.random() });
  }

  /** Starts, waits, and is refused; returns the length of the wait. */
  async refused(error = SUSPENDED, pauseMs = 2_000): Promise<number> {
    await this.clock.advance(pauseMs);
    const run = this.start();
    let waitMs = 0;
    const waited = run.wait({
      stop: new AbortController().signal,
      onWait: (_text, ms) => waitMs = ms,
    });
    await Promise.race([waited, this.clock.sleepers(1)]);
    await this.clock.advance(waitMs);
    await waited;
    await run.onEnd(error);
    return waitMs;
  }
}

const never = { stop: new AbortController().signal, onWait: () => {} };

Deno.test("a service asks after a minute, then after twice as long, up to ten minutes", async () => {
  await using folder = await temporaryFolder();
  const service = new Service(folder);
  const waits: number[] = [];
  for (let run = 0; run < 7; run++) waits.push(await service.refused());
  assertEquals(waits.map((ms) => ms && ms + 2_000), [
    ...[0, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000],
  ]);
});

Deno.test("services ask at different times, never sooner than after a minute", async () => {
  await using folder = await temporaryFolder();
  const service = new Service(folder);
  service.random = () => 0.5;
  const waits: number[] = [];
  for (let run = 0; run < 3; run++) waits.push(await service.refused());
  assertEquals(waits.map((ms) => ms && ms + 2_000), [0, 60_000, 114_000]);
});

Deno.test("a start by an operator, later than an automatic one, asks at once", async () => {
  await using folder = await temporaryFolder();
  const service = new Service(folder);
  await service.refused();
  assertEquals(await service.refused(SUSPENDED, 91_000), 0);
});

Deno.test("a clock that was set back makes no service wait", async () => {
  await using folder = await temporaryFolder();
  const service = new Service(folder);
  await service.refused();
  service.clock.setWall("2026-06-15T11:00:00Z");
  assertEquals(await service.refused(), 0);
});

Deno.test("a run that the server allowed is followed by short waits again", async () => {
  await using folder = await temporaryFolder();
  const service = new Service(folder);
  for (let run = 0; run < 4; run++) await service.refused();
  await service.start().clear();
  assertEquals(await service.refused(), 0);
  assertEquals(await service.refused() + 2_000, 60_000);
});

Deno.test("a stop ends the wait, and the next start asks at once", async () => {
  await using folder = await temporaryFolder();
  const service = new Service(folder);
  await service.refused();
  const stop = new AbortController();
  const waited = service.start().wait({ stop: stop.signal, onWait: () => {} });
  await service.clock.sleepers(1);
  stop.abort();
  await waited;
  assertEquals(await service.refused(), 0);
});

Deno.test("a killed wait is not shortened", async () => {
  await using folder = await temporaryFolder();
  const service = new Service(folder);
  await service.refused();
  const killed = service.start().wait(never);
  await service.clock.sleepers(1);
  const waitMs: number[] = [];
  const next = service.start().wait({ ...never, onWait: (_text, ms) => waitMs.push(ms) });
  await service.clock.sleepers(2);
  assertEquals(waitMs, [60_000]);
  await service.clock.advance(60_000);
  await Promise.all([killed, next]);
});

Deno.test("only refusals by the license server make a service wait", async () => {
  await using folder = await temporaryFolder();
  const service = new Service(folder);
  for (const code of ["software.missing", "license.signature", "hardware.mismatch", "tamper.x"]) {
    await service.refused(new SentinelError(code, "an end"));
    assertEquals([code, await service.refused(new SentinelError(code, "an end"))], [code, 0]);
  }
  await service.refused(new SentinelError("unreachable.grace", "no grace is left"));
  assertEquals(await service.refused() + 2_000, 60_000);
});

Deno.test("a decommissioned service stays stopped once, and an operator's start activates it", async () => {
  await using folder = await temporaryFolder();
  const service = new Service(folder);
  await service.refused(new SentinelError("refused.decommissioned", "machine decommissioned"));
  await assertRejects(() => service.start().wait(never), DecommissionedServiceError);
  await service.start().wait(never);
});

Deno.test("what a service waits for can be read until it is over", async () => {
  await using folder = await temporaryFolder();
  const service = new Service(folder);
  const { pidFile, clock } = service;
  assertEquals(await findWait({ pidFile, nowMs: clock.wallMs() }), undefined);
  await service.refused();
  assertMatch(
    (await findWait({ pidFile, nowMs: clock.wallMs() }))!,
    /^license is suspended: the license server is asked again at 2026-06-15T12:01:02Z$/,
  );
  assertEquals(await findWait({ pidFile, nowMs: clock.wallMs() + 60_000 }), undefined);
});

Deno.test("a file that is not one of ours makes no service wait", async () => {
  await using folder = await temporaryFolder();
  const service = new Service(folder);
  const atMs = service.clock.wallMs() + 2_000;
  const ours = { message: "m", count: 1, atMs, askAtMs: atMs + 60_000, isFinal: false };
  const texts = [
    ...["", "{", "[]", "null", "\0".repeat(100_000)],
    ...[{ count: 0 }, { count: 1e300 }, { count: "1" }, { message: 1 }, { atMs: null }]
      .map((change) => JSON.stringify({ ...ours, ...change })),
    JSON.stringify({ ...ours, askAtMs: atMs + 3_600_000 }),
    JSON.stringify({ ...ours, askAtMs: atMs - 1 }),
  ];
  for (const text of texts) {
    await Deno.writeTextFile(`${service.pidFile}.refused`, text);
    await service.clock.advance(0);
    const run = service.start();
    await run.wait(never);
  }
});

Deno.test("a record that cannot be written is an error in the log, and no more", async () => {
  await using folder = await temporaryFolder();
  const service = new Service(folder);
  await Deno.mkdir(`${service.pidFile}.refused`);
  await service.refused();
  assertMatch(service.log.lines().join("\n"), /software\.pid\.refused cannot be written: /);
  assertEquals(await service.refused(), 0);
});
