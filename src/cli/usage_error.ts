import { SentinelError } from "../core/errors.ts";

/** What was typed cannot be done; the message says what can (exit status 2). */
export class UsageError extends SentinelError {
  constructor(message: string) {
    super("usage", message);
  }
}
