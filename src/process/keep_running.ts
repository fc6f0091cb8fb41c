import type { Clock } from "../core/clock.ts";
import {
  decideRestart,
  FRESH_RESTART_STATE,
  type RestartPolicy,
  type RunEnd,
} from "./restart_policy.ts";

/** One run of what is kept running. */
export interface Run {
  /** Resolves once it has ended, with all that it brought forth; never rejects. */
  readonly ended: Promise<Exclude<RunEnd, { kind: "not_launched" }>>;
}

export interface KeepRunningOptions {
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
export type KeepRunningEnd =
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
