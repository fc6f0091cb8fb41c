import { systemClock } from "../../src/core/clock.ts";

/** One start of a program and its end. */
export interface Life {
  readonly pid: number;
  readonly code: number;
  /** The told hours of its beginning and end. */
  readonly fromHour: number;
  readonly toHour: number;
  /** When it ended, by the wall clock of this machine. */
  readonly endedAtMs: number;
  /** Whether it was sent SIGKILL, or what it ends with was. */
  readonly wasKilled: boolean;
  readonly wasStopped: boolean;
  /** The last of what it wrote. */
  readonly tail: string;
}

export interface KeptProgramOptions {
  readonly name: string;
  readonly command: () => Deno.Command;
  /** In what it writes, once it is ready. */
  readonly isReady: RegExp;
  readonly hour: () => number;
}

const TAIL_LENGTH = 4_000;
const RESTART_AFTER_MS = 300;

/** What a stop may take on a busy machine. */
const LONGEST_STOP_MS = 45_000;

/** A program that is started again whenever it ends, until it is stopped. */
export class KeptProgram implements AsyncDisposable {
  readonly lives: Life[] = [];
  readonly #options: KeptProgramOptions;
  readonly #stopping = new AbortController();
  #child: Deno.ChildProcess | undefined;
  #wasKilled = false;
  #wasAsked = false;
  /** Done one after the other while the program does not run. */
  readonly #tasks: (() => Promise<void>)[] = [];
  #isReady = false;
  #isPaused = false;
  #keeping: Promise<void> | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(options: KeptProgramOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** The pid while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Whether it runs and has said that it is ready. */
  get isReady(): boolean {
    return this.#isReady && !this.#wasKilled;
  }

  /** Starts it and keeps it running from now on. */
  start(): void {
    this.#keeping ??= this.#keep();
  }

  /** Waits until it is ready, which may take more than one start; whether it is in time. */
  async waitUntilReady(options: { withinMs: number }): Promise<boolean> {
    return await this.waitUntil(() => this.isReady, options);
  }

  /** Waits until something holds of pid, readiness or lives; whether it does in time. */
  async waitUntil(holds: () => boolean, { withinMs }: { withinMs: number }): Promise<boolean> {
    const over = new AbortController();
    let isLate = false;
    const late = systemClock.sleep(withinMs, over.signal).then(() => void (isLate = true));
    while (!holds() && !isLate) await Promise.race([this.#changed.promise, late]);
    over.abort();
    await late;
    return holds();
  }

  /** Sends SIGKILL. */
  kill(): void {
    if (this.#child === undefined) return;
    this.#wasKilled = true;
    this.#signal("SIGKILL");
  }

  /** Marks that SIGKILL is about to be sent to the process that it ends with. */
  expectKill(): void {
    this.#wasKilled = true;
  }

  /** Pauses for this long, or until aborted. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    const child = this.#child;
    if (child === undefined || this.#isPaused) return;
    this.#isPaused = true;
    this.#signal("SIGSTOP");
    await systemClock.sleep(ms, signal);
    this.#isPaused = false;
    if (this.#child === child) this.#signal("SIGCONT");
  }

  /**
   * Stops it, in order if it is ready, and starts it again once a task is done. The task's signal is aborted if the program is
   * stopped for good.
   */
  async stopFor<T>(task: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const queued = () => task(this.#stopping.signal).then(resolve, reject);
    this.#tasks.push(queued);
    const isQueued = () => this.#tasks.includes(queued);
    await this.waitUntil(() => this.isReady || !isQueued(), { withinMs: LONGEST_STOP_MS });
    if (isQueued()) {
      this.#wasAsked = true;
      this.#signal("SIGTERM");
    }
    return await promise;
  }

  /** Stops it for good, with SIGTERM; with SIGKILL where that takes too long. May be called twice. */
  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort();
      this.#signal("SIGTERM");
    }
    const ended = new AbortController();
    const late = systemClock.sleep(LONGEST_STOP_MS, ended.signal).then(() => {
      if (!ended.signal.aborted) this.#signal("SIGKILL");
    });
    await this.#keeping;
    ended.abort();
    await late;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted || this.#tasks.length > 0) {
      const task = this.#tasks.shift();
      this.#tellChange();
      if (task === undefined) await this.#live();
      else await task();
      await systemClock.sleep(RESTART_AFTER_MS, signal);
    }
  }

  async #live(): Promise<void> {
    const { command, hour } = this.#options;
    const fromHour = hour();
    const child = this.#child = command().spawn();
    this.#wasKilled = this.#wasAsked = this.#isReady = false;
    this.#tellChange();
    const [{ code }, tail] = await Promise.all([child.status, this.#listen(child)]);
    this.#child = undefined;
    this.#isReady = false;
    this.lives.push({
      ...{ pid: child.pid, code, tail, fromHour, toHour: hour(), endedAtMs: Date.now() },
      ...{
        wasKilled: this.#wasKilled,
        wasStopped: this.#wasAsked || this.#stopping.signal.aborted,
      },
    });
    this.#tellChange();
  }

  async #listen({ stdout, stderr }: Deno.ChildProcess): Promise<string> {
    let text = "";
    await Promise.all([stdout, stderr].map(async (stream) => {
      for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
        text = (text + piece).slice(-TAIL_LENGTH);
        if (this.#isReady || !this.#options.isReady.test(text)) continue;
        this.#isReady = true;
        this.#tellChange();
      }
    }));
    return text;
  }

  #tellChange(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child?.kill(signal);
    } catch (error) {
      // it has ended, and that is about to be known
      if (!(error instanceof TypeError)) throw error;
    }
  }
}
