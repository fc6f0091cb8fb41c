import type { Host } from "../platform/host.ts";
import type { Answer } from "./answer.ts";

/** How often a failed request is tried again before it counts as missed. */
const RETRIES = 3;

/** Longest first pause between two tries. */
const LONGEST_BASE_MS = 30_000;

/** What bounds the tries, and what spreads a fleet's requests. */
interface RetryOptions extends Pick<Host, "clock" | "random"> {
  /** All tries and pauses fit into this time, which begins with the first try. */
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/**
 * Asks until the answer is not `unreachable`, at most {@linkcode RETRIES} times more, with exponential back-off and full
 * jitter ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015) within the given time.
 */
export async function retryUnreachable(
  ask: (signal: AbortSignal) => Promise<Answer>,
  { withinMs, clock, random, signal }: RetryOptions,
): Promise<Answer> {
  const done = new AbortController();
  const limit = new AbortController();
  const timer = clock.sleep(withinMs, done.signal).then(() => limit.abort("timeout"));
  const both = AbortSignal.any([signal, limit.signal]);
  const baseMs = Math.min(LONGEST_BASE_MS, withinMs / 16);
  try {
    let answer = await ask(both);
    for (let retry = 0; retry < RETRIES && answer.kind === "unreachable"; retry++) {
      await clock.sleep(random() * baseMs * 2 ** retry, both);
      if (both.aborted) break;
      const next = await ask(both);
      if (next.kind === "unreachable" && both.aborted) break;
      answer = next;
    }
    return answer;
  } finally {
    done.abort();
    await timer;
  }
}
