/** A request to stop the run, and one to stop it at once. */
export interface StopRequest {
  /** Aborted by the first request to stop; its reason is the signal's name or another origin. */
  readonly stop: AbortSignal;
  /** Aborted to skip all grace times, for example by a second SIGINT. */
  readonly force: AbortSignal;
  /** Requests a stop; `why` follows `Received` in the log. */
  request(why: string): void;
}

/** Turns signals into a {@linkcode StopRequest}. */
export class StopRequestSource implements StopRequest {
  readonly #stop = new AbortController();
  readonly #force = new AbortController();

  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  get force(): AbortSignal {
    return this.#force.signal;
  }

  request(why: string): void {
    if (!this.#stop.signal.aborted) this.#stop.abort(why);
  }

  forceStop(): void {
    this.#force.abort();
  }

  receive(signal: Deno.Signal): void {
    if (!this.#stop.signal.aborted) this.request(signal);
    else if (signal === "SIGINT") this.forceStop();
  }
}
