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
