import type { Host } from "../platform/host.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import { ifExists, readSmallText, replaceContent } from "../core/files.ts";
import { isObject, parseStrictJson } from "../core/strict_json.ts";

/** The first wait, which doubles with each further refusal, and the longest. */
const FIRST_WAIT_MS = 60_000, LONGEST_WAIT_MS = 600_000;

/** Waits are up to this part shorter, so that a vendor's services do not all ask at once. */
const SPREAD = 0.1;

/** Service managers restart sooner than this; an operator's later start asks at once. */
const AUTOMATIC_RESTART_MS = 90_000;

/** First parts of the error codes that the license server can take back by itself. */
const PASSING_CODES = ["refused", "unreachable"];

const DECOMMISSIONED = "refused.decommissioned";

/** How a run ended at the license server. */
interface Refusal {
  readonly message: string;
  /** Refusals in a row, with this one. */
  readonly count: number;
  /** When it ended, and when the next run may ask: wall clock, milliseconds since the Unix epoch. */
  readonly atMs: number;
  readonly askAtMs: number;
  /** Whether this machine was decommissioned, which a restart must not undo. */
  readonly isFinal: boolean;
}

/** The machine was decommissioned while it ran as a service (exit status 2, which service managers do not restart). */
export class DecommissionedServiceError extends SentinelError {
  constructor() {
    super(
      "config.decommissioned",
      "machine decommissioned: the service stays stopped until it is started again, which activates the machine",
    );
  }
}

/** The path of the file beside the PID file that outlives a service's run. */
function getRefusalPath(pidFile: string): string {
  return `${pidFile}.refused`;
}

interface RestartBackoffOptions extends Pick<Host, "clock" | "log" | "random"> {
  readonly pidFile: string;
}

/**
 * Lets a service come back by itself after the license server refused it or could not be reached: the service manager
 * restarts it at once, and it waits here before it asks again.
 */
export class RestartBackoff {
  readonly #options: RestartBackoffOptions;
  readonly #path: string;
  #count = 0;

  constructor(options: RestartBackoffOptions) {
    this.#options = options;
    this.#path = getRefusalPath(options.pidFile);
  }

  /**
   * Waits if the last run was refused and the service manager restarted it. A stop ends the wait, and the next start asks
   * at once.
   *
   * @param onWait Called with the reason and the length of the wait.
   * @throws {DecommissionedServiceError}
   */
  async wait(
    { stop, onWait }: { stop: AbortSignal; onWait: (text: string, ms: number) => void },
  ): Promise<void> {
    const { clock, log } = this.#options;
    const last = await readRefusal(this.#path);
    const nowMs = clock.wallMs();
    if (last === undefined || nowMs < last.atMs || nowMs > last.atMs + AUTOMATIC_RESTART_MS) {
      return;
    }
    if (last.isFinal) {
      await this.clear();
      throw new DecommissionedServiceError();
    }
    const count = this.#count = last.count, askAt = formatUtc(last.askAtMs);
    log.warn(
      `${last.message}: the license server is asked again at ${askAt} (refusals in a row: ${count})`,
    );
    onWait(describeWait(last), last.askAtMs - nowMs);
    await clock.sleep(last.askAtMs - nowMs, stop);
    if (stop.aborted) await this.clear();
  }

  /** Remembers a run's end for {@linkcode wait} if the license server may allow the next one. */
  async onEnd(error: unknown): Promise<void> {
    const { clock, log } = this.#options;
    if (!(error instanceof SentinelError)) return;
    if (!PASSING_CODES.includes(error.code.split(".")[0]!)) return;
    const count = this.#count + 1, atMs = clock.wallMs();
    const refusal: Refusal = {
      ...{ message: error.message.replace(/\.$/, ""), count, atMs },
      askAtMs: atMs + this.#waitMs(count),
      isFinal: error.code === DECOMMISSIONED,
    };
    try {
      const text = JSON.stringify(refusal);
      await replaceContent(this.#path, new TextEncoder().encode(text), { mode: 0o600 });
    } catch (error) {
      log.error(`${this.#path} cannot be written: ${describeError(error)}`);
    }
  }

  /** Forgets earlier refusals: the license server allowed a run, or an operator stopped it. */
  async clear(): Promise<void> {
    this.#count = 0;
    await ifExists(Deno.remove(this.#path)).catch(() => {});
  }

  #waitMs(count: number): number {
    const ms = Math.min(FIRST_WAIT_MS * 2 ** (count - 1), LONGEST_WAIT_MS);
    return Math.max(FIRST_WAIT_MS, Math.round(ms * (1 - SPREAD * this.#options.random())));
  }
}

function describeWait({ message, askAtMs }: Refusal): string {
  return `${message}: the license server is asked again at ${formatUtc(askAtMs)}`;
}

/** RFC 3339, in seconds. */
function formatUtc(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

/** Describes what the daemon of a PID file waits for, if it does. */
export async function findWait(
  { pidFile, nowMs }: { pidFile: string; nowMs: number },
): Promise<string | undefined> {
  const refusal = await readRefusal(getRefusalPath(pidFile));
  return refusal !== undefined && nowMs < refusal.askAtMs ? describeWait(refusal) : undefined;
}

/** Returns `undefined` if there is none, or the file is not one of ours. */
async function readRefusal(path: string): Promise<Refusal | undefined> {
  const text = await readSmallText(path).catch(() => undefined);
  const result = parseStrictJson(text?.text ?? "");
  if (!("value" in result) || !isObject(result.value)) return undefined;
  const { message, count, atMs, askAtMs, isFinal } = result.value;
  if (typeof message !== "string") return undefined;
  if (![count, atMs, askAtMs].every((number) => Number.isSafeInteger(number))) return undefined;
  const numbers = { count: Number(count), atMs: Number(atMs), askAtMs: Number(askAtMs) };
  const isInOrder = numbers.count > 0 && numbers.askAtMs - numbers.atMs <= LONGEST_WAIT_MS &&
    numbers.askAtMs > numbers.atMs;
  return isInOrder ? { message, ...numbers, isFinal: isFinal === true } : undefined;
}
