import type { Clock } from "./clock.ts";

/** Levels in ascending order of severity. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Fields of a log record, which the JSON format shows; never secrets. */
export type LogFields = Record<string, string | number | boolean | undefined>;

/** Writes log records. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Settings of a log that may change at run time; `write` takes a line without its line feed. */
export interface LogSettings {
  /** The lowest level to write. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  write(line: string): void;
}

/** A log whose settings may change. */
export interface ConfigurableLog extends Logger {
  readonly settings: LogSettings;
  configure(changes: Partial<LogSettings>): void;
}

/** Shortest interval between two warnings of {@linkcode createThrottledWarning}. */
const WARNING_INTERVAL_MS = 60_000;

/**
 * Returns a function that logs a warning for events that a peer can trigger at any rate: the first one at once, then at
 * most one per minute with the number of suppressed warnings.
 */
export function createThrottledWarning(
  { log, clock }: { readonly log: Logger; readonly clock: Pick<Clock, "monotonicMs"> },
): (message: string) => void {
  let nextMs = -Infinity;
  let dropped = 0;
  return (message) => {
    const nowMs = clock.monotonicMs();
    if (nowMs < nextMs) {
      dropped++;
      return;
    }
    log.warn(dropped === 0 ? message : `${message} (${dropped} more in the last minute)`);
    nextMs = nowMs + WARNING_INTERVAL_MS;
    dropped = 0;
  };
}
