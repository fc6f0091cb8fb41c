import type { Clock } from "../core/clock.ts";

/** Decides whether and when an ended process is restarted. */
export interface RestartPolicy {
  /** If false, every end is final. */
  readonly restartOnFailure: boolean;
  /** Exit statuses that are not restarted: success, or a failure that a restart cannot fix. */
  readonly finalExitCodes: readonly number[];
  /** Shortest delay before a restart. */
  readonly restartDelayMs: number;
  /** Most restarts in a row without a stable run between them. */
  readonly maxRestartAttempts: number;
}

interface RestartState {
  /** Restarts since the last stable run. */
  readonly attempts: number;
}

/** How a run ended; `healthyMs` is how long it ran and was healthy. */
export type RunEnd =
  | { readonly kind: "exited"; readonly code: number; readonly healthyMs: number }
  /** By a signal; `code` is 128 + its number. */
  | { readonly kind: "killed"; readonly code: number; readonly healthyMs: number }
  | { readonly kind: "unhealthy"; readonly healthyMs: number }
  /** It was stopped for a requested restart. */
  | { readonly kind: "asked"; readonly healthyMs: number }
  /** It could not be launched. */
  | { readonly kind: "not_launched" };

type RestartDecision =
  | { readonly kind: "restart"; readonly delayMs: number; readonly state: RestartState }
  | { readonly kind: "final" }
  /** `maximum recovery attempts reached` */
  | { readonly kind: "give_up"; readonly attempts: number };

/** A run of this length is stable and resets the attempts. */
const STABLE_RUN_MS = 10_000;

const FIRST_BACK_OFF_MS = 100, LONGEST_BACK_OFF_MS = 60_000;

/** Delays are shortened by a random share of up to a quarter, so that restarts do not coincide. */
const JITTER = 0.25;

/**
 * Decides what follows the end of a run. The first restart is immediate; later ones wait 100 ms, doubled each time, at most
 * 60 s, and at least `restartDelayMs`. A requested restart is immediate and does not count as an attempt.
 *
 * @param random Uniform in [0, 1).
 */
function decideRestart(
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
    delayMs: Math.max(policy.restartDelayMs, drawBackOffMs(attempts, random)),
    state: { attempts: attempts + 1 },
  };
}

function drawBackOffMs(attempts: number, random: () => number): number {
  if (attempts === 0) return 0;
  const full = Math.min(FIRST_BACK_OFF_MS * 2 ** (attempts - 1), LONGEST_BACK_OFF_MS);
  return full * (1 - JITTER * random());
}

/** One run of a process that {@linkcode keepRunning} restarts. */
export interface ProcessRun {
  /** Resolves when the process and its descendants have ended; never rejects. */
  readonly ended: Promise<Exclude<RunEnd, { kind: "not_launched" }>>;
}

interface KeepRunningOptions {
  /** Called at every end, as the policy may change. */
  readonly policy: () => RestartPolicy;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Starts a run; `undefined` if the launch fails. The caller stops it when `signal` aborts. */
  readonly start: () => Promise<ProcessRun | undefined>;
  /** Called at every end; aborting the returned signal ends the delay before the next restart. */
  readonly wake?: (() => AbortSignal) | undefined;
  /** Called before each restart. */
  readonly onRestart?:
    | ((restart: { attempt: number; delayMs: number; end: RunEnd }) => void)
    | undefined;
}

/** Why {@linkcode keepRunning} returned. */
type KeepRunningEnd =
  | { readonly kind: "final"; readonly end: RunEnd }
  | { readonly kind: "give_up"; readonly attempts: number; readonly end: RunEnd }
  | { readonly kind: "asked" };

/** Runs a process and restarts it until the policy says otherwise or `signal` aborts. One run at a time. */
export async function keepRunning(
  { policy, clock, random, start, wake, onRestart }: KeepRunningOptions,
  signal: AbortSignal,
): Promise<KeepRunningEnd> {
  let state: RestartState = { attempts: 0 };
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
