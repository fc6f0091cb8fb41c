import { LOG_LEVELS, type LogFields, type Logger, type LogLevel } from "../../src/core/log.ts";

export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps its records. */
export class RecordingLog implements Logger {
  readonly records: LogRecord[] = [];

  debug = this.#at("debug");
  info = this.#at("info");
  warn = this.#at("warn");
  error = this.#at("error");

  /** The messages of this level and above, `LEVEL message`. */
  lines(least: LogLevel = "info"): string[] {
    return this.records
      .filter(({ level }) => LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(least))
      .map(({ level, message }) => `${level} ${message}`);
  }

  #at(level: LogLevel): (message: string, fields?: LogFields) => void {
    return (message, fields = {}) => {
      this.records.push({ level, message, fields });
    };
  }
}
