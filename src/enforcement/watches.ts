import type { Clock } from "../core/clock.ts";
import { SentinelError } from "../core/errors.ts";
import type { StandardLicense } from "../license/payload.ts";
import type { LicenseTerm } from "./term.ts";
import type { TamperFindings } from "./tamper_findings.ts";
import { ALIVE_EVERY_MS, type TrustedTime } from "./trusted_time.ts";
import type { Lease } from "./lease.ts";

/** A check that runs beside the software. Resolves with the error that ends the run; `undefined` if it was aborted. */
export type Watch = (signal: AbortSignal) => Promise<SentinelError | undefined>;

const MINUTE_MS = 60_000, HOUR_MS = 3_600_000;

/** Spreads heartbeats by 10 % either way, so that a fleet does not send them all at once. */
const JITTER = 0.1;

/** Sends heartbeats at the license's interval. The interval runs from start to start, however long an answer takes. */
export function createHeartbeatWatch(
  lease: Lease,
  { license, term, clock, random }: {
    license: StandardLicense;
    term: LicenseTerm;
    clock: Clock;
    random: () => number;
  },
): Watch {
  const intervalMs = license.heartbeat_interval_minutes * MINUTE_MS;
  const nextIntervalMs = () => intervalMs * (1 - JITTER + 2 * JITTER * random());
  return async (signal) => {
    let due = clock.monotonicMs() + nextIntervalMs();
    while (!signal.aborted) {
      await clock.sleep(due - clock.monotonicMs(), signal);
      if (signal.aborted) break;
      due = Math.max(due + nextIntervalMs(), clock.monotonicMs());
      const error = findDateFault(term);
      if (error !== undefined) return error;
      const verdict = await lease.beat(signal);
      if (verdict.kind === "stop") return verdict.error;
    }
    return undefined;
  };
}

/** Checks the license's dates once an hour, and announces its end. */
export function createDateWatch(term: LicenseTerm, clock: Clock): Watch {
  return async (signal) => {
    while (!signal.aborted) {
      term.announce();
      await clock.sleep(HOUR_MS, signal);
      const error = signal.aborted ? undefined : findDateFault(term);
      if (error !== undefined) return error;
    }
    return undefined;
  };
}

/** Saves that the run is alive, so that the next start can charge a killed run, and checks the clock. */
export function createAliveWatch(lease: Lease, clock: Clock): Watch {
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
 * Checks once a minute that the clock was not set back. Without a server to confirm the time, a rollback is settled when
 * the clock is right again.
 */
export function createClockWatch(
  time: TrustedTime,
  { findings, clock }: { findings: TamperFindings; clock: Clock },
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

function findDateFault(term: LicenseTerm): SentinelError | undefined {
  try {
    term.check();
    return undefined;
  } catch (error) {
    if (error instanceof SentinelError) return error;
    throw error;
  }
}
