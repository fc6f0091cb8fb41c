/**
 * Base class of all expected errors.
 *
 * `code` is stable and dotted (`license.expired`); its first part decides the exit status. `message` is one line that
 * names the value at fault, without a final period and without secrets.
 */
export class SentinelError extends Error {
  /** Lines to show below the message, each a complete statement. */
  readonly details: readonly string[] = [];

  constructor(readonly code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Unwraps a SuppressedError to the original error; later ones come from cleanup. */
export function unwrapError(error: unknown): unknown {
  let first = error;
  while (first instanceof SuppressedError) first = first.suppressed;
  return first;
}

/** The message of a thrown value, as one line. */
export function describeError(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replaceAll(/\s*[\r\n]+\s*/g, " ").trim();
}

/** The messages of an error's causes, nearest first, one line each; at most ten. */
export function describeCauses(error: unknown): string[] {
  const causes: string[] = [];
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause !== undefined && causes.length < 10) {
    causes.push(describeError(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes;
}

/** The configuration does not allow the request (exit status 2). */
export class ConfigError extends SentinelError {
  constructor(code: `config.${string}`, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
  }
}

/**
 * A listener of `node:net`, `node:tls` or `node:http` whose errors reach the program's last resort. The runtime drops what it
 * throws if it is called from below, as for a connection or a request.
 */
export function reportErrors<A extends unknown[]>(
  listener: (...args: A) => void,
): (...args: A) => void {
  return (...args) => {
    try {
      listener(...args);
    } catch (error) {
      reportError(error);
    }
  };
}
