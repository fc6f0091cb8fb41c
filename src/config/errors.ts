import { SentinelError } from "../core/errors.ts";

/** What else is known of a fault in the configuration file. */
export interface ConfigFileFault {
  /** A line for each mistake. */
  readonly details?: readonly string[];
  readonly cause?: unknown;
}

/** The configuration file cannot be read, or has mistakes: all of them, one below the other (exit status 2). */
export class ConfigFileError extends SentinelError {
  override readonly details: readonly string[];

  constructor(message: string, { details = [], cause }: ConfigFileFault) {
    super("config.file", message, { cause });
    this.details = details;
  }
}
