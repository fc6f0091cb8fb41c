import { assert, assertEquals } from "@std/assert";
import type { StandardLicense } from "../../src/license/payload.ts";
import { CONTINUE } from "../../src/enforcement/judgment.ts";
import { TamperFindings } from "../../src/enforcement/tamper_findings.ts";
import type { Lease } from "../../src/enforcement/lease.ts";
import { GraceBudget, type LeaseStorage } from "../../src/enforcement/grace.ts";
import { ALIVE_EVERY_MS } from "../../src/enforcement/trusted_time.ts";
import { createState, findRecord } from "../../src/enforcement/grace.ts";
import { createAliveWatch } from "../../src/enforcement/watches.ts";
import type { LicenseRecord, State } from "../../src/state/state_file.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { standardPayload } from "../support/organization.ts";
import { RecordingLog } from "../support/recording_log.ts";

const SECOND_MS = 1000, MINUTE_MS = 60_000, HOUR_MS = 3_600_000, DAYS = 30;
const LICENSE = standardPayload({
  heartbeat_interval_minutes: 30,
  heartbeat_grace_period_days: DAYS,
}) as unknown as StandardLicense;
const QUOTA_SECONDS = DAYS * 86_400;

/** A machine that restarts repeatedly while no server answers. */
class Outage implements LeaseStorage {
  readonly clock = new FakeClock();
  state: State = createState("M");
  /** Removes the record of time from the state: only missed heartbeats count. */
  isForgetful = false;

  save(state: State): Promise<void> {
    const licenses = state.licenses.map((record) => ({
      ...record,
      unpaid_ms: 0,
      last_alive: null,
    }));
    this.state = this.isForgetful ? { ...state, licenses } : state;
    return Promise.resolve();
  }

  updateReplicas(): Promise<void> {
    return Promise.resolve();
  }

  forget(): Promise<void> {
    return Promise.resolve();
  }

  get record(): LicenseRecord {
    return findRecord(this.state, LICENSE);
  }

  get usedSeconds(): number {
    return QUOTA_SECONDS - this.record.grace_remaining_seconds;
  }

  open(): GraceBudget {
    return new GraceBudget({
      license: LICENSE,
      memory: { state: this.state },
      storage: this,
      clock: this.clock,
      readBootClock: () => this.clock.readBoot(),
      findings: new TamperFindings(new RecordingLog()),
      log: new RecordingLog(),
    });
  }

  /** A run of so long, noting that it is alive as often as it does; ended cleanly or killed. */
  async run(ms: number, ending: "clean" | "killed"): Promise<void> {
    const graceBudget = this.open();
    await graceBudget.startOffline();
    for (let leftMs = ms; leftMs > 0; leftMs -= ALIVE_EVERY_MS) {
      this.clock.skip(Math.min(leftMs, ALIVE_EVERY_MS));
      if (leftMs >= ALIVE_EVERY_MS) await graceBudget.keepAlive();
    }
    if (ending === "clean") await graceBudget.end();
  }

  /** The grace that the next start must charge. */
  async startAgain(): Promise<void> {
    await this.open().startOffline();
  }
}

function leaseOf(graceBudget: GraceBudget): Lease {
  const keepAlive = () => graceBudget.keepAlive().then(() => CONTINUE);
  return { keepAlive } as unknown as Lease;
}

for (const ending of ["clean", "killed"] as const) {
  Deno.test(`a hundred ${ending} runs of 29 minutes, an hour apart, are charged`, async () => {
    const outage = new Outage();
    for (let i = 0; i < 100; i++) {
      await outage.run(29 * MINUTE_MS, ending);
      outage.clock.skip(HOUR_MS);
    }
    await outage.startAgain();
    const least = ending === "clean" ? 29 : 28;
    assert(outage.usedSeconds >= 100 * least * 60, `${outage.usedSeconds}`);
    assert(outage.usedSeconds <= 100 * 30 * 60, `${outage.usedSeconds}`);
  });

  Deno.test(`consecutive ${ending} runs of 20 seconds are charged`, async () => {
    const outage = new Outage();
    for (let i = 0; i < 90; i++) await outage.run(20 * SECOND_MS, ending);
    await outage.startAgain();
    assertEquals(outage.usedSeconds, 1800);
  });
}

Deno.test("without the record of time, restarting before each tick costs nothing: the attack", async () => {
  const outage = new Outage();
  outage.isForgetful = true;
  for (let i = 0; i < 100; i++) await outage.run(29 * MINUTE_MS, "killed");
  await outage.startAgain();
  assertEquals(outage.usedSeconds, 0);
});

Deno.test("after a reboot the wall clock measures a killed run; if it was set back, the longest is charged", async () => {
  for (const [wall, seconds] of [["12:00:20", 20], ["18:00:00", 60], ["11:00:00", 60]] as const) {
    const outage = new Outage();
    await outage.run(0, "killed");
    outage.clock.bootId = "second boot";
    outage.clock.setWall(`2026-06-15T${wall}Z`);
    await outage.startAgain();
    assertEquals(outage.usedSeconds, seconds);
  }
});

Deno.test("a missed heartbeat is charged its interval, and the next start only the rest", async () => {
  const outage = new Outage();
  const graceBudget = outage.open();
  await graceBudget.startOffline();
  outage.clock.skip(33 * MINUTE_MS);
  await graceBudget.chargeMiss();
  assertEquals(outage.usedSeconds, 30 * 60);
  outage.clock.skip(7 * MINUTE_MS);
  await graceBudget.end();
  await outage.startAgain();
  assertEquals(outage.usedSeconds, 40 * 60);
});

Deno.test("an early heartbeat is charged in advance, and nothing is charged twice", async () => {
  const outage = new Outage();
  const graceBudget = outage.open();
  await graceBudget.startOffline();
  outage.clock.skip(28 * MINUTE_MS);
  await graceBudget.chargeMiss();
  outage.clock.skip(MINUTE_MS);
  await graceBudget.end();
  await outage.startAgain();
  assertEquals(outage.usedSeconds, 30 * 60);
});

Deno.test("a process that was frozen for a day is charged the day at its next heartbeat", async () => {
  const outage = new Outage();
  const graceBudget = outage.open();
  await graceBudget.startOffline();
  outage.clock.skip(24 * HOUR_MS + 5 * MINUTE_MS);
  await graceBudget.chargeMiss();
  assertEquals(outage.usedSeconds, 86_400);
});

Deno.test("an answer of the server stops charging: time not charged by then is free", async () => {
  const outage = new Outage();
  await outage.run(29 * MINUTE_MS, "killed");
  const graceBudget = outage.open();
  await graceBudget.recordAnswer({ respondedAtMs: 1 });
  outage.clock.skip(HOUR_MS);
  await graceBudget.end();
  await outage.startAgain();
  assertEquals([outage.usedSeconds, outage.record.unpaid_ms], [0, 0]);
});

Deno.test("a charge may use up the grace: then the start is refused, and nothing stays open", async () => {
  const outage = new Outage();
  const record = { ...outage.record, grace_remaining_seconds: 60 };
  outage.state = { ...outage.state, licenses: [record] };
  await outage.run(5 * MINUTE_MS, "clean");
  const graceBudget = outage.open();
  assertEquals(await graceBudget.startOffline(), 300);
  assertEquals(graceBudget.hasGrace, false);
  assertEquals([outage.record.grace_exhausted, outage.record.last_alive], [true, null]);
});

Deno.test("a run without the server is recorded at least every 60 seconds, one with it not at all", async () => {
  const outage = new Outage();
  const graceBudget = outage.open();
  const stop = new AbortController();
  const watch = createAliveWatch(leaseOf(graceBudget), outage.clock)(stop.signal);
  await outage.clock.advance(5 * MINUTE_MS);
  assertEquals(outage.state.licenses, []);
  await graceBudget.startOffline();
  for (let minute = 1; minute <= 5; minute++) {
    await outage.clock.advance(MINUTE_MS);
    assert(outage.record.unpaid_ms > (minute - 1) * MINUTE_MS);
  }
  stop.abort();
  assertEquals(await watch, undefined);
  assertEquals(outage.clock.sleeping, 0);
});
