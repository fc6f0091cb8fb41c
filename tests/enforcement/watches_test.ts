import { assert, assertEquals } from "@std/assert";
import type { StandardLicense } from "../../src/license/payload.ts";
import { CONTINUE, type LeaseVerdict, RefusedError } from "../../src/enforcement/judgment.ts";
import type { Lease } from "../../src/enforcement/lease.ts";
import { LicenseTerm } from "../../src/enforcement/term.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { createDateWatch, createHeartbeatWatch } from "../../src/enforcement/watches.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { standardPayload } from "../support/organization.ts";

const HOUR_MS = 3_600_000, MINUTE_MS = 60_000;

function licenseWith(changes: Record<string, string | number>): StandardLicense {
  return standardPayload(changes) as unknown as StandardLicense;
}

/** A lease whose heartbeats take a while and return what the test sets. */
function leaseOf(clock: FakeClock, { tookMs = 0, verdict = CONTINUE as LeaseVerdict } = {}) {
  const beatsAtMs: number[] = [];
  const beat = async (signal: AbortSignal) => {
    beatsAtMs.push(clock.monotonicMs());
    await clock.sleep(tookMs, signal);
    return verdict;
  };
  return { beatsAtMs, lease: { beat, nowMs: () => clock.wallMs() } as unknown as Lease };
}

function termOf(license: StandardLicense, clock: FakeClock): LicenseTerm {
  return new LicenseTerm(license, {
    log: new RecordingLog(),
    announced: new WeakMap(),
    nowMs: () => clock.wallMs(),
  });
}

Deno.test("heartbeats keep their interval however long an answer takes", async () => {
  const clock = new FakeClock();
  const { beatsAtMs, lease } = leaseOf(clock, { tookMs: 20_000 });
  const stop = new AbortController();
  const license = licenseWith({ heartbeat_interval_minutes: 1 });
  const watch = createHeartbeatWatch(lease, {
    license,
    term: termOf(license, clock),
    clock,
    random: () => 0.5,
  })(stop.signal);
  await clock.advance(5 * MINUTE_MS);
  stop.abort();
  assertEquals(await watch, undefined);
  assertEquals(beatsAtMs, [1, 2, 3, 4, 5].map((n) => n * MINUTE_MS));
  assertEquals(clock.sleeping, 0);
});

Deno.test("the interval has a jitter of a tenth either way", async () => {
  for (const [random, firstAtMs] of [[0, 54_000], [0.999999, 66_000]] as const) {
    const clock = new FakeClock();
    const { beatsAtMs, lease } = leaseOf(clock);
    const stop = new AbortController();
    const license = licenseWith({ heartbeat_interval_minutes: 1 });
    const watch = createHeartbeatWatch(lease, {
      license,
      term: termOf(license, clock),
      clock,
      random: () => random,
    })(
      stop.signal,
    );
    await clock.advance(2 * MINUTE_MS);
    stop.abort();
    await watch;
    assert(Math.abs(beatsAtMs[0]! - firstAtMs) < 1);
  }
});

Deno.test("a verdict to stop ends the watch with its error", async () => {
  const clock = new FakeClock();
  const error = new RefusedError("revoked", "license has been revoked");
  const { lease } = leaseOf(clock, { verdict: { kind: "stop", error } });
  const license = licenseWith({});
  const watch = createHeartbeatWatch(lease, {
    license,
    term: termOf(license, clock),
    clock,
    random: () => 0.5,
  })(
    new AbortController().signal,
  );
  await clock.advance(MINUTE_MS);
  assertEquals(await watch, error);
});

Deno.test("a license that expires while the software runs is detected within the hour", async () => {
  const clock = new FakeClock("2026-06-15T22:30:00Z");
  const license = licenseWith({ expiry_date: "2026-06-15" });
  const watch = createDateWatch(termOf(license, clock), clock)(new AbortController().signal);
  await clock.advance(HOUR_MS);
  assertEquals(clock.sleeping, 1);
  await clock.advance(HOUR_MS);
  assertEquals(
    (await watch)?.message,
    "license has expired (expiry: 2026-06-15); dates are in UTC, and it is 2026-06-16 00:30 UTC",
  );
});

Deno.test("dates are checked again before every heartbeat", async () => {
  const clock = new FakeClock("2026-06-15T23:59:30Z");
  const { beatsAtMs, lease } = leaseOf(clock);
  const license = licenseWith({ expiry_date: "2026-06-15" });
  const watch = createHeartbeatWatch(lease, {
    license,
    term: termOf(license, clock),
    clock,
    random: () => 0.5,
  })(
    new AbortController().signal,
  );
  await clock.advance(MINUTE_MS);
  assertEquals(
    (await watch)?.message,
    "license has expired (expiry: 2026-06-15); dates are in UTC, and it is 2026-06-16 00:00 UTC",
  );
  assertEquals(beatsAtMs, []);
});
