/** What the user wants of a run: on until asked to stop, at once when asked twice. */
export interface StopRequest {
  /** Aborted by the first request to stop; its reason is the signal's name, or what else asked. */
  readonly stop: AbortSignal;
  /** Aborted where nobody waits any more, as after a second SIGINT. */
  readonly hurry: AbortSignal;
  /** Asks to stop; `why` stands behind `Received` in the log. */
  request(why: string): void;
}

/** A request to stop that signals are fed into. */
export class StopRequestSource implements StopRequest {
  readonly #stop = new AbortController();
  readonly #hurry = new AbortController();

  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  get hurry(): AbortSignal {
    return this.#hurry.signal;
  }

  request(why: string): void {
    if (!this.#stop.signal.aborted) this.#stop.abort(why);
  }

  /** No more waiting. */
  hurryUp(): void {
    this.#hurry.abort();
  }

  receive(signal: Deno.Signal): void {
    if (!this.#stop.signal.aborted) this.request(signal);
    else if (signal === "SIGINT") this.hurryUp();
  }
}
