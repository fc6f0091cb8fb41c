import { SentinelError } from "../core/errors.ts";

/** What was asked for cannot be done as configured (exit status 2). */
export class ConfigError extends SentinelError {
  constructor(code: `config.${string}`, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
  }
}
