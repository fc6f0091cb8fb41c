import type { Clock } from "./clock.ts";

/** Levels in rising order of gravity. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Facts that belong to a record; shown by the JSON format, and nothing secret among them. */
export type LogFields = Record<string, string | number | boolean | undefined>;

/** What the parts write their records to; passed in from the top. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** How records are written. */
export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** What of a log may change while it is written; `write` takes a line without its end. */
export interface LogSettings {
  /** The least level that is written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  write(line: string): void;
}

/** A log whose settings may change. */
export interface ConfigurableLog extends Logger {
  readonly settings: LogSettings;
  configure(changes: Partial<LogSettings>): void;
}

/** How often a warning that may come at any rate is written. */
const WARNING_INTERVAL_MS = 60_000;

/**
 * A warning for what a stranger can bring about as often as it likes: the first one is written, then at most one a minute,
 * with the number of those that were not.
 */
export function throttledWarning(
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
