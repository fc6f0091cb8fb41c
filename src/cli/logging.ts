import type { LogFields, Logger, LogLevel } from "../core/log.ts";
import { LOG_LEVELS } from "../core/log.ts";

export type LogFormat = "text" | "json";

/** How records are written: the least level, the format, and where a line goes. */
export interface LoggingOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  write(line: string): void;
}

/** A logger whose records may still be under way. */
export interface FlushableLogger extends Logger {
  /** Resolves once every record so far is written. */
  flush(): Promise<void>;
}

type WriteRecord = (level: LogLevel, message: string, fields: LogFields) => void;

/**
 * The program's log. The logging library is loaded with the first record that is to be written, as most short runs
 * write none; records wait for it in order.
 */
export function createLogger(options: LoggingOptions): FlushableLogger {
  const least = LOG_LEVELS.indexOf(options.level);
  let loading: Promise<WriteRecord> | undefined;
  let last: Promise<void> = Promise.resolve();
  const at = (level: LogLevel) => (message: string, fields: LogFields = {}) => {
    if (LOG_LEVELS.indexOf(level) < least) return;
    loading ??= loadLibrary(options);
    last = loading.then((write) => write(level, message, fields));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    flush: () => last,
  };
}

async function loadLibrary({ format, write }: LoggingOptions): Promise<WriteRecord> {
  const logtape = await import("@logtape/logtape");
  const formatter = format === "json" ? logtape.getJsonLinesFormatter() : logtape.getTextFormatter({
    timestamp: "rfc3339",
    level: "FULL",
    format: ({ timestamp, level, message, record }) =>
      `${timestamp} ${level}: ${message}${formatFields(record.properties)}`,
  });
  await logtape.configure({
    reset: true,
    sinks: { stream: (record) => write(formatter(record).trimEnd()) },
    loggers: [
      { category: ["sentinel"], sinks: ["stream"], lowestLevel: "debug" },
      { category: ["logtape", "meta"], sinks: [] },
    ],
  });
  const logger = logtape.getLogger(["sentinel"]);
  return (level, message, fields) =>
    logger[level](message.replaceAll("{", "{{").replaceAll("}", "}}"), fields);
}

/** The fields of a record behind its message: ` (pid: 4711, uid: 1000)`. */
function formatFields(fields: Record<string, unknown>): string {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return known.length === 0
    ? ""
    : ` (${known.map(([name, value]) => `${name}: ${value}`).join(", ")})`;
}
