import type { Host } from "../platform/host.ts";
import type { ServerAnswer } from "./answer.ts";

/** Retries after the first try. */
const RETRIES = 3;

/** Upper limit of the first pause. */
const LONGEST_BASE_MS = 30_000;

interface RetryOptions extends Pick<Host, "clock" | "random"> {
  /** Limit of all tries and pauses together, from the first try. */
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/**
 * Retries an `unreachable` request with exponential backoff and full jitter ("Exponential Backoff And Jitter", AWS
 * Architecture Blog, 2015), which spreads a fleet's requests. Returns the last answer.
 */
export async function retryUnreachable(
  ask: (signal: AbortSignal) => Promise<ServerAnswer>,
  { withinMs, clock, random, signal }: RetryOptions,
): Promise<ServerAnswer> {
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
