import { SentinelError } from "../../core/errors.ts";

/** A program cannot be built like this (exit status 2). */
export class BuildError extends SentinelError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("config.build", message, options);
  }
}
