/**
 * The base of every error that is raised on purpose.
 *
 * `code` is stable and dotted (`license.expired`); its first part decides the exit status. `message` is one line for
 * a person, names the value at fault, ends without a period and holds no secret.
 */
export class SentinelError extends Error {
  /** Lines to be shown below the message, each complete by itself. */
  readonly details: readonly string[] = [];

  constructor(readonly code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** What was thrown first, where closing what was open then failed, too: that is why, the rest came of it. */
export function firstError(error: unknown): unknown {
  let first = error;
  while (first instanceof SuppressedError) first = first.suppressed;
  return first;
}

/** The message of whatever was thrown, as one line. */
export function describeError(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replaceAll(/\s*[\r\n]+\s*/g, " ").trim();
}

/** The chain of causes below an error, nearest first, each as one line. */
export function describeCauses(error: unknown): string[] {
  const causes: string[] = [];
  let cause = error instanceof Error ? error.cause : undefined;
  while (cause !== undefined && causes.length < 10) {
    causes.push(describeError(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes;
}

/** What was asked for cannot be done as configured (exit status 2). */
export class ConfigError extends SentinelError {
  constructor(code: `config.${string}`, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
  }
}

/**
 * A listener of `node:net`, `node:tls` or `node:http` whose errors reach the program's last resort. The runtime drops what it
 * throws if it is called from below, as for a connection or a request.
 */
export function reported<A extends unknown[]>(
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
