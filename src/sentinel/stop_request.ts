/** What the user wants of a run: on until asked to stop, at once when asked twice. */
export interface StopRequest {
  /** Aborted by the first request to stop; its reason is the signal's name. */
  readonly stop: AbortSignal;
  /** Aborted by the second SIGINT: no more waiting. */
  readonly hurry: AbortSignal;
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

  receive(signal: Deno.Signal): void {
    if (!this.#stop.signal.aborted) this.#stop.abort(signal);
    else if (signal === "SIGINT") this.#hurry.abort(signal);
  }
}
