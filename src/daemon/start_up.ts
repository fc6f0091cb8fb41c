import { describeError, firstError, SentinelError } from "../core/errors.ts";

/** The phases of a start, in their order. */
export type StartUpPhase = "environment" | "process" | "daemonise" | "privileges" | "core";

/** A start that failed; its exit status is the cause's. */
export class StartUpError extends SentinelError {
  override readonly details: readonly string[];

  constructor(readonly phase: StartUpPhase, thrown: unknown) {
    const cause = firstError(thrown);
    const isOurs = cause instanceof SentinelError;
    super(isOurs ? cause.code : "internal", `start-up failed (${phase}): ${describeError(cause)}`, {
      cause,
    });
    this.details = isOurs ? cause.details : [];
  }
}

/** Does one phase; what it throws names the phase. */
export async function inPhase<T>(phase: StartUpPhase, action: () => Promise<T> | T): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new StartUpError(phase, error);
  }
}
