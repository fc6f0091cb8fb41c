import { aborted, type Clock } from "../core/clock.ts";
import type { SentinelError } from "../core/errors.ts";
import type { Confirmation, Lease } from "./lease.ts";
import type { Watch } from "./watches.ts";

/** The software gets an answer within five seconds. */
const LIMIT_MS = 4_500;

/** Heartbeats of a lease with nonces of the software's, which decide about the run as all others do. */
export class Confirmations {
  readonly #lease: Pick<Lease, "confirm" | "unconfirmed">;
  readonly #clock: Pick<Clock, "timeout">;
  readonly #ending = new AbortController();
  readonly #fault = Promise.withResolvers<SentinelError>();
  readonly #verdicts = new Set<Promise<void>>();

  constructor(
    lease: Pick<Lease, "confirm" | "unconfirmed">,
    { clock }: { readonly clock: Pick<Clock, "timeout"> },
  ) {
    this.#lease = lease;
    this.#clock = clock;
    // thrown again where the watch waits for it
    this.#fault.promise.catch(() => {});
  }

  /** Asks the server for an answer to this nonce, a UUID v4. Never rejects. */
  async confirm(nonce: string, signal: AbortSignal): Promise<Confirmation> {
    if (this.#ending.signal.aborted) return this.#lease.unconfirmed;
    const limits = [signal, this.#ending.signal, this.#clock.timeout(LIMIT_MS)];
    const asked = this.#lease.confirm(nonce, AbortSignal.any(limits));
    const verdict = asked.then(async ({ verdict }) => {
      const judged = await verdict;
      if (judged.kind === "stop") this.#fault.resolve(judged.error);
    }).catch(this.#fault.reject).finally(() => this.#verdicts.delete(verdict));
    this.#verdicts.add(verdict);
    return (await asked).confirmation;
  }

  /** Resolves with the error of an answer that forbids the software to run. */
  readonly watch: Watch = async (signal) => {
    const over = aborted(signal).then(() => undefined);
    return await Promise.race([this.#fault.promise, over]);
  };

  /** Asks for no more, and waits until every answer is saved. */
  async end(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#verdicts);
  }
}
