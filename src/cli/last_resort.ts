import { systemClock } from "../core/clock.ts";
import { describeCauses } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { describeFault, EXIT } from "./exit_codes.ts";

/** What a program that can stop in order knows of errors that nothing caught. */
export interface LastResort {
  /** Aborted by the first of them. */
  readonly failed: AbortSignal;
  /**
   * From now on the program stops by itself when `failed` is aborted, with a line in its log. Until this is called an error
   * that nothing caught ends it at once.
   */
  stopInOrder(log: Logger): void;
  /** The exit status, given the one that the program would have without such an error. */
  statusOf(status: number): number;
}

/** How long a program has to stop in order. */
const LONGEST_STOP_MS = 60_000;

/** How many errors after the first are written: one that comes again and again must not fill the log. */
const MOST_LINES = 10;

/**
 * Owns what no part of the program does: an error thrown in a timer, a signal handler or an event listener, and a promise
 * that is rejected with nothing waiting for it. Disposing it leaves these to the runtime.
 */
export class UncaughtErrors implements LastResort, Disposable {
  readonly #failed = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  readonly #print: (error: unknown) => void;
  #log: Logger | undefined;
  #lines = 0;
  readonly #disposed = new AbortController();

  /** @param print Says in a line why the program ends, if it cannot stop in order. */
  constructor(print: (error: unknown) => void) {
    this.#print = print;
    globalThis.addEventListener("error", this.#onError);
    globalThis.addEventListener("unhandledrejection", this.#onRejection);
  }

  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  stopInOrder(log: Logger): void {
    this.#log = log;
  }

  statusOf(status: number): number {
    return this.failed.aborted ? EXIT.internal : status;
  }

  /** The exit status of the program, at the latest a minute after the first error that nothing caught. */
  async watch(program: Promise<number>): Promise<number> {
    const over = this.#over.promise.then(() => EXIT.internal);
    return this.statusOf(await Promise.race([program, over]));
  }

  [Symbol.dispose](): void {
    this.#disposed.abort();
    globalThis.removeEventListener("error", this.#onError);
    globalThis.removeEventListener("unhandledrejection", this.#onRejection);
  }

  readonly #onError = (event: ErrorEvent): void => {
    event.preventDefault();
    this.#take(event.error);
  };

  readonly #onRejection = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    this.#take(event.reason);
  };

  #take(error: unknown): void {
    if (this.#log === undefined) {
      if (!this.failed.aborted) this.#print(error);
      this.#over.resolve();
    } else if (this.#lines++ < MOST_LINES) {
      this.#log.error(`unexpected error: ${describeFault(error)}`);
      for (const line of describeCauses(error)) this.#log.error(`caused by: ${line}`);
      if (error instanceof Error) this.#log.debug(error.stack ?? "");
    }
    if (this.failed.aborted) return;
    systemClock.sleep(LONGEST_STOP_MS, this.#disposed.signal).then(this.#over.resolve);
    this.#failed.abort();
  }
}
