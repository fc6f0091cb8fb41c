import type { Clock } from "../core/clock.ts";
import { SentinelError } from "../core/errors.ts";
import { checkDates, type License, type StandardLicense } from "../license/payload.ts";
import type { Findings } from "./tamper_findings.ts";
import { ALIVE_EVERY_MS, type TrustedTime } from "./trusted_time.ts";
import type { Lease } from "./lease.ts";

/** Something that runs beside the software and may end it; `undefined` where it was told to stop. */
export type Watch = (signal: AbortSignal) => Promise<SentinelError | undefined>;

const MINUTE_MS = 60_000, HOUR_MS = 3_600_000;

/** Ticks are spread by a tenth either way, so that a fleet does not beat at once. */
const JITTER = 0.1;

/** Heartbeats at the license's interval, counted from tick to tick whatever an answer takes. */
export function heartbeatWatch(
  lease: Lease,
  { license, clock, random }: { license: StandardLicense; clock: Clock; random: () => number },
): Watch {
  const intervalMs = license.heartbeat_interval_minutes * MINUTE_MS;
  const nextIntervalMs = () => intervalMs * (1 - JITTER + 2 * JITTER * random());
  return async (signal) => {
    let due = clock.monotonicMs() + nextIntervalMs();
    while (!signal.aborted) {
      await clock.sleep(due - clock.monotonicMs(), signal);
      if (signal.aborted) break;
      due = Math.max(due + nextIntervalMs(), clock.monotonicMs());
      const error = dateFault(license, lease.nowMs());
      if (error !== undefined) return error;
      const verdict = await lease.beat(signal, intervalMs * (1 - JITTER));
      if (verdict.kind === "stop") return verdict.error;
    }
    return undefined;
  };
}

/**
 * Looks at the license's dates once an hour.
 *
 * @param nowMs The time that is held against them, milliseconds since the Unix epoch.
 */
export function dateWatch(license: License, clock: Clock, nowMs: () => number): Watch {
  return async (signal) => {
    while (!signal.aborted) {
      await clock.sleep(HOUR_MS, signal);
      const error = signal.aborted ? undefined : dateFault(license, nowMs());
      if (error !== undefined) return error;
    }
    return undefined;
  };
}

/** Notes that the run is alive, so that one that is killed has not run for nothing, and looks at the clock. */
export function aliveWatch(lease: Lease, clock: Clock): Watch {
  return async (signal) => {
    while (!signal.aborted) {
      const verdict = await lease.keepAlive();
      if (verdict.kind === "stop") return verdict.error;
      await clock.sleep(ALIVE_EVERY_MS, signal);
    }
    return undefined;
  };
}

/**
 * Looks once a minute whether the clock was set back; what was found is settled once it shows what it should again, as no
 * server will.
 */
export function clockWatch(
  time: TrustedTime,
  { findings, clock }: { findings: Findings; clock: Clock },
): Watch {
  return async (signal) => {
    while (!signal.aborted) {
      await clock.sleep(MINUTE_MS, signal);
      if (time.takeRollback() !== undefined) findings.report(time.describeRollback());
      if (time.isWallRight) findings.settleRollbacks();
    }
    return undefined;
  };
}

function dateFault(license: License, nowMs: number): SentinelError | undefined {
  try {
    checkDates(license, nowMs);
    return undefined;
  } catch (error) {
    if (error instanceof SentinelError) return error;
    throw error;
  }
}
