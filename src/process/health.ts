import type { Clock } from "../core/clock.ts";
import { describeError } from "../core/errors.ts";
import type { ProcessTree } from "./process_tree.ts";
import type { ProbeSpec } from "../core/health_probe.ts";
import { findProgram, launch } from "./launch.ts";

/** How one check went: `undefined` where it found nothing wrong, else what. */
export type CheckResult = string | undefined;

/** What is known of a process's health; times are the wall clock's milliseconds. */
export interface Health {
  readonly status: "unknown" | "healthy" | "unhealthy";
  readonly consecutiveFailures: number;
  readonly lastCheckMs: number | undefined;
  readonly lastError: string | undefined;
  /** The last round, by the checks' names. */
  readonly checks: Readonly<Record<string, "ok" | string>>;
}

export const UNKNOWN_HEALTH: Health = {
  status: "unknown",
  consecutiveFailures: 0,
  lastCheckMs: undefined,
  lastError: undefined,
  checks: {},
};

/** So many failed rounds in a row make it unhealthy. */
const FAILURES_TO_UNHEALTHY = 3;

/** Health after one round of checks; one failed round alone changes no status. */
export function judgeHealth(
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

/** Looks at one thing; `signal` is aborted when its time is over. What it throws is a failure, too. */
export type HealthCheck = (signal: AbortSignal) => Promise<CheckResult> | CheckResult;

interface HealthMonitorOptions {
  /** By name: `process`, `memory`, `probe`, `queue`, `script` or whatever the caller has. */
  readonly checks: Readonly<Record<string, HealthCheck>>;
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Of each check; the interval by default. */
  readonly timeoutMs?: number | undefined;
  /** Whether the watch ends with the round that makes it unhealthy (default: it does). */
  readonly endsUnhealthy?: boolean | undefined;
  /** Called after each round. */
  readonly onChecked?: ((health: Health) => void) | undefined;
}

/**
 * Checks at every interval until it is unhealthy or told to stop. Checks of a round run side by side, and no round begins
 * before the one before is over; one that does not end in time has failed.
 *
 * @returns The health that is `unhealthy`, or the last one known where `signal` was aborted.
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

/** Fails where a tree's resident memory is above the limit; pages that members share are counted for each of them. */
export function memoryCheck(
  tree: Pick<ProcessTree, "residentBytes">,
  limitMb: number,
): HealthCheck {
  return () => {
    const usedMb = Math.ceil(tree.residentBytes() / MEBIBYTE);
    return usedMb > limitMb ? `uses ${usedMb} MiB of ${limitMb} MiB` : undefined;
  };
}

/** Probes that speak over a network or a socket; passed in, as nothing here does. */
export interface ProbeFunctions {
  readonly ipc: HealthCheck;
  readonly tcp: (hostname: string, port: number) => HealthCheck;
  readonly http: (url: string) => HealthCheck;
}

/** The check of a probe; `undefined` for none. */
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
 * Runs a program and drops what it says; it is killed with its group when its time is over. Fails where it does not end
 * with 0. What it leaves in its group goes with it.
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

/** In the very turn in which its end is told, at the latest, so that the number is still its own. */
function killGroup(leader: number): void {
  try {
    Deno.kill(-leader, "SIGKILL");
  } catch {
    // it is gone, or another user's by now, as with sudo(8); kill(2)
  }
}
