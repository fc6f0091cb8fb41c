import type { Host } from "../platform/host.ts";

const HOUR_MS = 3_600_000, SECOND_MS = 1000;

/** An activation is tried again for a moment; a person waits for it. */
export const ACTIVATION_RETRIES = { spreadMs: 2 * SECOND_MS, limitMs: 25 * SECOND_MS };

/** Retries of a missed heartbeat: enough for a restart of the server or of the network, in less than an interval. */
export function planHeartbeatRetries(
  intervalMs: number,
): Pick<RetryOptions, "spreadMs" | "limitMs"> {
  return {
    spreadMs: Math.min(intervalMs / 4, HOUR_MS),
    limitMs: intervalMs * LONGEST_BEAT,
  };
}

/** Part of the interval that a heartbeat and its retries may take: the next is due 10 % early at the earliest. */
const LONGEST_BEAT = 0.9;

/** Upper limit of the first pause. */
const LONGEST_BASE_MS = 30_000;

/** Shortest pause, as a part of all pauses together. */
const SHORTEST_PART = 1 / 1000;

export interface Unreachable {
  readonly kind: "unreachable";
  readonly why: string;
  /** Shortest pause before the next try. */
  readonly retryAfterMs?: number;
}

interface RetryOptions extends Pick<Host, "clock" | "random"> {
  /** Length of all pauses together. */
  readonly spreadMs: number;
  /** Limit of all tries and pauses together. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
  /** Told once why the first try failed. */
  readonly onFirstFailure?: (why: string) => void;
}

/**
 * Retries an `unreachable` request with exponential backoff and full jitter ("Exponential Backoff And Jitter", AWS
 * Architecture Blog, 2015), which spreads a fleet's requests: at least three times, if the limit allows. Returns the last
 * answer.
 */
export async function retryUnreachable<A extends { readonly kind: string }>(
  ask: (signal: AbortSignal) => Promise<A | Unreachable>,
  options: RetryOptions,
): Promise<A | Unreachable> {
  const { spreadMs, limitMs, clock, random, signal, onFirstFailure } = options;
  const done = new AbortController();
  const limit = new AbortController();
  const timer = clock.sleep(limitMs, done.signal).then(() => limit.abort("timeout"));
  const both = AbortSignal.any([signal, limit.signal]);
  const baseMs = Math.min(LONGEST_BASE_MS, spreadMs / 4);
  let leftMs = spreadMs;
  try {
    let answer = await ask(both);
    if (isUnreachable(answer) && !both.aborted) onFirstFailure?.(answer.why);
    for (let retry = 0; isUnreachable(answer) && leftMs > 0 && !both.aborted; retry++) {
      const jitteredMs = random() * Math.min(baseMs * 2 ** retry, spreadMs / 2);
      const { retryAfterMs = 0 } = answer;
      if (retryAfterMs > leftMs) break;
      const leastMs = Math.max(spreadMs * SHORTEST_PART, retryAfterMs);
      const pauseMs = Math.min(Math.max(jitteredMs, leastMs), leftMs);
      leftMs -= pauseMs;
      await clock.sleep(pauseMs, both);
      if (both.aborted) break;
      const next = await ask(both);
      if (isUnreachable(next) && both.aborted) break;
      answer = next;
    }
    return answer;
  } finally {
    done.abort();
    await timer;
  }
}

function isUnreachable(answer: { readonly kind: string }): answer is Unreachable {
  return answer.kind === "unreachable";
}
