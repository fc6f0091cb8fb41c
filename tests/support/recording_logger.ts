import type { LogFields, Logger, LogLevel } from "../../src/core/log.ts";

export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A log that keeps what is written to it. */
export interface RecordingLogger extends Logger {
  readonly records: LogRecord[];
}

export function recordingLogger(): RecordingLogger {
  const records: LogRecord[] = [];
  const at = (level: LogLevel) => (message: string, fields: LogFields = {}) => {
    records.push({ level, message, fields });
  };
  return { records, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
