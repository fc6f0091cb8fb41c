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
