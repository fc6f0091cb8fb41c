import type { Clock } from "../core/clock.ts";
import { LruCache } from "../core/lru_cache.ts";

interface AllowanceOptions {
  /** Refusals that a peer may cause at once. */
  readonly burst: number;
  /** Time in which a peer may cause one more. */
  readonly refillMs: number;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** Peers that are remembered, at about 100 bytes each; the others have their whole allowance. */
const KNOWN_PEERS = 16_384;

/** The refusals that each peer may cause, as a token bucket: what a refusal costs is bounded, whatever a peer sends. */
export class Allowance {
  /** Time at which a peer's allowance is whole again. */
  readonly #wholeAtMs = new LruCache<string, number>(KNOWN_PEERS);

  constructor(readonly options: AllowanceOptions) {}

  /** Takes one; false if the peer has used up its allowance. */
  take(peer: string): boolean {
    if (this.waitMs(peer) > 0) return false;
    const { clock, refillMs } = this.options;
    const nowMs = clock.monotonicMs();
    this.#wholeAtMs.set(peer, Math.max(this.#wholeAtMs.get(peer) ?? nowMs, nowMs) + refillMs);
    return true;
  }

  /** Time until the peer may cause a refusal, 0 if it may now. */
  waitMs(peer: string): number {
    const { burst, refillMs, clock } = this.options;
    const wholeInMs = (this.#wholeAtMs.get(peer) ?? -Infinity) - clock.monotonicMs();
    return Math.max(0, wholeInMs - (burst - 1) * refillMs);
  }
}
