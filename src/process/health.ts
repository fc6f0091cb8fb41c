import type { Clock } from "../core/clock.ts";
import { describeError } from "../core/errors.ts";
import type { ProcessTree } from "./process_tree.ts";
import type { ProbeSpec } from "../core/health_probe.ts";
import { findProgram, launch } from "./launch.ts";

/** Result of one check: the fault, or `undefined` if it passed. */
export type CheckResult = string | undefined;

/** Health of a process; times are wall-clock milliseconds. */
export interface Health {
  readonly status: "unknown" | "healthy" | "unhealthy";
  readonly consecutiveFailures: number;
  readonly lastCheckMs: number | undefined;
  readonly lastError: string | undefined;
  /** Results of the last round by check name. */
  readonly checks: Readonly<Record<string, "ok" | string>>;
}

export const UNKNOWN_HEALTH: Health = {
  status: "unknown",
  consecutiveFailures: 0,
  lastCheckMs: undefined,
  lastError: undefined,
  checks: {},
};

/** Consecutive failed rounds that make a process unhealthy. */
const FAILURES_TO_UNHEALTHY = 3;

/** Health after a round of checks; the status changes only after {@linkcode FAILURES_TO_UNHEALTHY} failed rounds in a row. */
function judgeHealth(
  before: Health,
  { results, atMs }: { results: Readonly<Record<string, CheckResult>>; atMs: number },
): Health {
  const failed = Object.entries(results).filter(([, fault]) => fault !== undefined);
  const checks = Object.fromEntries(
    Object.entries(results).map(([name, fault]) => [name, fault ?? "ok"]),
  );
  if (failed.length === 0) {
    return { ...before, status: "healthy", consecutiveFailures: 0, lastCheckMs: atMs, checks };
  }
  const consecutiveFailures = before.consecutiveFailures + 1;
  const [name, fault] = failed[0]!;
  return {
    status: consecutiveFailures >= FAILURES_TO_UNHEALTHY ? "unhealthy" : before.status,
    consecutiveFailures,
    lastCheckMs: atMs,
    lastError: `${name}: ${fault}`,
    checks,
  };
}

/** A check; `signal` aborts at its timeout. Throwing counts as a failure. */
export type HealthCheck = (signal: AbortSignal) => Promise<CheckResult> | CheckResult;

interface HealthMonitorOptions {
  /** Checks by name, such as `process`, `memory` or `probe`. */
  readonly checks: Readonly<Record<string, HealthCheck>>;
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Timeout of each check; default: the interval. */
  readonly timeoutMs?: number | undefined;
  /** Whether to stop watching once the process is unhealthy; true by default. */
  readonly endsUnhealthy?: boolean | undefined;
  /** Called after each round. */
  readonly onChecked?: ((health: Health) => void) | undefined;
}

/**
 * Runs the checks at every interval until the process is unhealthy or `signal` aborts. The checks of a round run
 * concurrently, rounds do not overlap, and a check that exceeds its timeout fails.
 *
 * @returns The last known health.
 */
export async function watchHealth(
  options: HealthMonitorOptions,
  signal: AbortSignal,
): Promise<Health> {
  const { checks, clock, intervalMs, timeoutMs = intervalMs, endsUnhealthy = true } = options;
  let health = UNKNOWN_HEALTH;
  while (!signal.aborted) {
    await clock.sleep(intervalMs, signal);
    if (signal.aborted) break;
    const results = await checkAll(checks, { clock, timeoutMs, signal });
    if (signal.aborted) break;
    health = judgeHealth(health, { results, atMs: clock.wallMs() });
    options.onChecked?.(health);
    if (endsUnhealthy && health.status === "unhealthy") break;
  }
  return health;
}

async function checkAll(
  checks: Readonly<Record<string, HealthCheck>>,
  limits: { clock: Clock; timeoutMs: number; signal: AbortSignal },
): Promise<Record<string, CheckResult>> {
  const entries = Object.entries(checks).map(async ([name, check]) =>
    [name, await checkInTime(check, limits)] as const
  );
  return Object.fromEntries(await Promise.all(entries));
}

/** Never rejects. */
async function checkInTime(
  check: HealthCheck,
  { clock, timeoutMs, signal }: { clock: Clock; timeoutMs: number; signal: AbortSignal },
): Promise<CheckResult> {
  const over = new AbortController();
  const isOver = new AbortController();
  const onAbort = () => isOver.abort();
  signal.addEventListener("abort", onAbort);
  const timer = clock.sleep(timeoutMs, isOver.signal).then(() => {
    over.abort();
    return `no answer within ${timeoutMs} ms`;
  });
  try {
    return await Promise.race([Promise.resolve().then(() => check(over.signal)), timer]);
  } catch (error) {
    return describeError(error);
  } finally {
    isOver.abort();
    signal.removeEventListener("abort", onAbort);
    await timer;
  }
}

const MEBIBYTE = 2 ** 20;

/** A check that fails if a tree's resident memory exceeds the limit; shared pages count once per process. */
export function createMemoryCheck(
  tree: Pick<ProcessTree, "residentBytes">,
  limitMb: number,
): HealthCheck {
  return () => {
    const usedMb = Math.ceil(tree.residentBytes() / MEBIBYTE);
    return usedMb > limitMb ? `uses ${usedMb} MiB of ${limitMb} MiB` : undefined;
  };
}

/** Creates the probes that use a socket; provided by the caller. */
export interface ProbeFunctions {
  readonly ipc: HealthCheck;
  readonly tcp: (hostname: string, port: number) => HealthCheck;
  readonly http: (url: string) => HealthCheck;
}

/** Creates the check of a probe; `undefined` for `none`. */
export function openProbe(
  spec: ProbeSpec,
  { functions, searchPath }: { functions: ProbeFunctions; searchPath?: string | undefined },
): HealthCheck | undefined {
  switch (spec.kind) {
    case "none":
      return undefined;
    case "ipc":
      return functions.ipc;
    case "tcp":
      return functions.tcp(spec.hostname, spec.port);
    case "http":
      return functions.http(spec.url);
    case "exec":
      return (signal) => runCommand(spec, { searchPath, signal });
  }
}

/**
 * Runs a program, discards its output and fails unless it exits with 0. Kills its process group when it exits or when
 * `signal` aborts.
 */
async function runCommand(
  { command, args }: Extract<ProbeSpec, { kind: "exec" }>,
  { searchPath, signal }: { searchPath: string | undefined; signal: AbortSignal },
): Promise<string | undefined> {
  const path = await findProgram(command, searchPath);
  const child = await launch({ path, args, env: {}, output: "pipe" });
  const { stdout, stderr } = child.output!;
  const over = new AbortController();
  const draining = [stdout, stderr].map((stream) =>
    stream.pipeTo(new WritableStream(), { signal: over.signal })
  );
  const kill = () => killGroup(child.pid);
  signal.addEventListener("abort", kill);
  if (signal.aborted) kill();
  const { code, signal: cause } = await child.exited;
  signal.removeEventListener("abort", kill);
  kill();
  over.abort();
  await Promise.allSettled(draining);
  if (cause !== undefined) return `killed: ${cause}`;
  return code === 0 ? undefined : `exited: ${code}`;
}

/** Must run in the turn in which the leader's exit is reported, at the latest: afterwards its pid may be reused. */
function killGroup(leader: number): void {
  try {
    Deno.kill(-leader, "SIGKILL");
  } catch {
    // kill(2): the group no longer exists, or runs as another user, as with sudo(8)
  }
}
