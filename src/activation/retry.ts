import type { Host } from "../platform/host.ts";

/** Upper limit of the first pause. */
const LONGEST_BASE_MS = 30_000;

export interface Unreachable {
  readonly kind: "unreachable";
  readonly why: string;
}

interface RetryOptions extends Pick<Host, "clock" | "random"> {
  /** Retries are spread over this time from the first try on. */
  readonly spreadMs: number;
  /** Retries that are made even if the tries themselves take longer than `spreadMs`. */
  readonly atLeast: number;
  /** Limit of all tries and pauses together. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
  /** Told once why the first try failed. */
  readonly onFirstFailure?: (why: string) => void;
}

/**
 * Retries an `unreachable` request with exponential backoff and full jitter ("Exponential Backoff And Jitter", AWS
 * Architecture Blog, 2015), which spreads a fleet's requests. Returns the last answer.
 */
export async function retryUnreachable<A extends { readonly kind: string }>(
  ask: (signal: AbortSignal) => Promise<A | Unreachable>,
  options: RetryOptions,
): Promise<A | Unreachable> {
  const { spreadMs, atLeast, limitMs, clock, random, signal, onFirstFailure } = options;
  const done = new AbortController();
  const limit = new AbortController();
  const timer = clock.sleep(limitMs, done.signal).then(() => limit.abort("timeout"));
  const both = AbortSignal.any([signal, limit.signal]);
  const untilMs = clock.monotonicMs() + spreadMs;
  const baseMs = Math.min(LONGEST_BASE_MS, spreadMs / 4);
  try {
    let answer = await ask(both);
    if (isUnreachable(answer) && !both.aborted) onFirstFailure?.(answer.why);
    for (let retry = 0; isUnreachable(answer) && !both.aborted; retry++) {
      const leftMs = untilMs - clock.monotonicMs();
      if (leftMs <= 0 && retry >= atLeast) break;
      const pauseMs = random() * Math.min(baseMs * 2 ** retry, spreadMs / 2);
      await clock.sleep(leftMs > 0 ? Math.min(pauseMs, leftMs) : pauseMs, both);
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
