import type { Clock } from "../core/clock.ts";

/** When a process that ended is started again. */
export interface RestartPolicy {
  /** False: whatever ended it is final. */
  readonly restartOnFailure: boolean;
  /** Exit statuses that are final: done as it should be, or not worth another try. */
  readonly finalExitCodes: readonly number[];
  /** No restart comes sooner than this after the one before. */
  readonly restartDelayMs: number;
  /** Restarts without a stable run between them. */
  readonly maxRestartAttempts: number;
}

/** What the policy remembers between two ends. */
interface RestartState {
  /** Restarts since the last stable run. */
  readonly attempts: number;
}

/** How a run ended; `healthyMs` is how long it was up and healthy before that. */
export type RunEnd =
  | { readonly kind: "exited"; readonly code: number; readonly healthyMs: number }
  /** By a signal; `code` is 128 + its number. */
  | { readonly kind: "killed"; readonly code: number; readonly healthyMs: number }
  | { readonly kind: "unhealthy"; readonly healthyMs: number }
  /** It was stopped because somebody asked for a restart. */
  | { readonly kind: "asked"; readonly healthyMs: number }
  /** It could not be launched. */
  | { readonly kind: "not_launched" };

type RestartDecision =
  | { readonly kind: "restart"; readonly delayMs: number; readonly state: RestartState }
  /** It stays as it ended. */
  | { readonly kind: "final" }
  /** `maximum recovery attempts reached` */
  | { readonly kind: "give_up"; readonly attempts: number };

export const FRESH_RESTART_STATE: RestartState = { attempts: 0 };

/** A run of this length is stable: what went before is forgotten. */
const STABLE_RUN_MS = 10_000;

const FIRST_BACK_OFF_MS = 100, LONGEST_BACK_OFF_MS = 60_000;

/** Delays are spread downwards by up to a quarter, so that many do not start at once. */
const JITTER = 0.25;

/**
 * Decides what follows the end of a run: the first restart at once, then after 100 ms, twice as long each time, 60 s at
 * most; never sooner than the cool-down. A restart that was asked for is at once, and no attempt.
 *
 * @param random Uniform in [0, 1).
 */
export function decideRestart(
  state: RestartState,
  end: RunEnd,
  { policy, random }: { policy: RestartPolicy; random: () => number },
): RestartDecision {
  if (end.kind === "asked") return { kind: "restart", delayMs: 0, state };
  const isFinal = end.kind === "exited" && policy.finalExitCodes.includes(end.code);
  if (isFinal || !policy.restartOnFailure) return { kind: "final" };
  const wasStable = end.kind !== "not_launched" && end.healthyMs >= STABLE_RUN_MS;
  const attempts = wasStable ? 0 : state.attempts;
  if (attempts >= policy.maxRestartAttempts) return { kind: "give_up", attempts };
  return {
    kind: "restart",
    delayMs: Math.max(policy.restartDelayMs, backOffMs(attempts, random)),
    state: { attempts: attempts + 1 },
  };
}

function backOffMs(attempts: number, random: () => number): number {
  if (attempts === 0) return 0;
  const full = Math.min(FIRST_BACK_OFF_MS * 2 ** (attempts - 1), LONGEST_BACK_OFF_MS);
  return full * (1 - JITTER * random());
}

/** One run of what is kept running. */
export interface Run {
  /** Resolves once it has ended, with all that it brought forth; never rejects. */
  readonly ended: Promise<Exclude<RunEnd, { kind: "not_launched" }>>;
}

interface KeepRunningOptions {
  /** Asked for at every end, as it may change. */
  readonly policy: () => RestartPolicy;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Starts a run; `undefined` where it could not be launched. Stopping it when told to is the caller's. */
  readonly start: () => Promise<Run | undefined>;
  /** Aborted when the next restart is not to wait any longer; asked for at every end. */
  readonly wake?: (() => AbortSignal) | undefined;
  /** Called before each restart. */
  readonly onRestart?:
    | ((restart: { attempt: number; delayMs: number; end: RunEnd }) => void)
    | undefined;
}

/** Why nothing runs any more. */
type KeepRunningEnd =
  | { readonly kind: "final"; readonly end: RunEnd }
  | { readonly kind: "give_up"; readonly attempts: number; readonly end: RunEnd }
  | { readonly kind: "asked" };

/** Starts it, and again as the policy says, until that says otherwise or `signal` is aborted. Never two at a time. */
export async function keepRunning(
  { policy, clock, random, start, wake, onRestart }: KeepRunningOptions,
  signal: AbortSignal,
): Promise<KeepRunningEnd> {
  let state = FRESH_RESTART_STATE;
  while (!signal.aborted) {
    const run = await start();
    const end: RunEnd = run === undefined ? { kind: "not_launched" } : await run.ended;
    if (signal.aborted) break;
    const decision = decideRestart(state, end, { policy: policy(), random });
    if (decision.kind !== "restart") return { ...decision, end };
    state = decision.state;
    onRestart?.({ attempt: state.attempts, delayMs: decision.delayMs, end });
    await clock.sleep(decision.delayMs, wake ? AbortSignal.any([signal, wake()]) : signal);
  }
  return { kind: "asked" };
}
