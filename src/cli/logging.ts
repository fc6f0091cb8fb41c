import { describeError } from "../core/errors.ts";
import { escapeControls } from "../core/text.ts";
import type { ParsedArguments } from "./command.ts";
import {
  type ConfigurableLog,
  LOG_LEVELS,
  type LogFields,
  type LogFormat,
  type LogLevel,
  type LogSettings,
} from "../core/log.ts";

/** A logger that writes its records asynchronously. */
export interface FlushableLogger extends ConfigurableLog {
  /** Resolves once every record logged so far is written. */
  flush(): Promise<void>;
}

type WriteRecord = (level: LogLevel, message: string, fields: LogFields) => void;

/**
 * The program's log. The first record loads the logging library, since most short runs write none; records wait for it
 * in order.
 */
export function createLogger(initial: LogSettings): FlushableLogger {
  let settings = initial;
  let loading: Promise<WriteRecord> | undefined;
  let last: Promise<void> = Promise.resolve();
  const load = (format: LogFormat) => loadLibrary(format, (line) => settings.write(line));
  const at = (level: LogLevel) => (message: string, fields: LogFields = {}) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(settings.level)) return;
    loading ??= load(settings.format);
    last = loading.then((write) => write(level, message, fields)).catch((error) => {
      // a record that the library is not there for, as without a descriptor to load it by, is not lost
      loading = undefined;
      writePlainly(`${message} (log: ${describeError(error)})`, level);
    });
  };
  const writePlainly = (message: string, level: LogLevel) => {
    try {
      settings.write(escapeControls(`${level.toUpperCase()}: ${message}`));
    } catch {
      // there is nothing left to tell it by
    }
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    flush: () => last,
    get settings() {
      return settings;
    },
    configure(changes) {
      const before = settings.format;
      settings = { ...settings, ...changes };
      const { format } = settings;
      if (loading === undefined || format === before) return;
      loading = last.then(() => load(format));
      // the next record tells of it
      loading.catch(() => {});
    },
  };
}

/**
 * The level and format of the log. Options and variables beat the configuration file.
 *
 * @throws {UsageError}
 */
export function logSettings(
  args: ParsedArguments,
  { level = "info", format = "text" }: Partial<Pick<LogSettings, "level" | "format">> = {},
): Pick<LogSettings, "level" | "format"> {
  return {
    level: args.value("log-level") ?? level,
    format: args.value("log-format") ?? format,
  };
}

async function loadLibrary(
  format: LogFormat,
  write: (line: string) => void,
): Promise<WriteRecord> {
  const logtape = await import("@logtape/logtape");
  const formatter = format === "json" ? logtape.getJsonLinesFormatter() : logtape.getTextFormatter({
    timestamp: "rfc3339",
    level: "FULL",
    format: ({ timestamp, level, message, record }) =>
      escapeControls(`${timestamp} ${level}: ${message}${formatFields(record.properties)}`),
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

/** The fields of a record after its message: ` (pid: 4711, uid: 1000)`. */
function formatFields(fields: Record<string, unknown>): string {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return known.length === 0
    ? ""
    : ` (${known.map(([name, value]) => `${name}: ${value}`).join(", ")})`;
}
