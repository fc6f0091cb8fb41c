import type { Clock } from "../core/clock.ts";
import type { ProbeSpec } from "../core/health_probe.ts";
import {
  type CheckResult,
  createMemoryCheck,
  type Health,
  type HealthCheck,
  openProbe,
  type ProbeFunctions,
  watchHealth,
} from "../process/health.ts";
import type { ProcessTree } from "../process/process_tree.ts";

export interface HealthSettings {
  /** Time between two rounds of checks, and the timeout of each check, which is at least one second. */
  readonly intervalMs: number;
  readonly probe: ProbeSpec;
  /** Limit of the process tree's resident memory, MiB. */
  readonly memoryLimitMb?: number | undefined;
  /** A program that exits with 0 if the child is healthy. */
  readonly script?: string | undefined;
}

const SHORTEST_TIMEOUT_MS = 1_000;

interface HealthWatchOptions {
  readonly settings: HealthSettings;
  readonly tree: ProcessTree;
  /** Whether the socket has its maximum of connections. */
  readonly isQueueFull: () => boolean;
  readonly probes: ProbeFunctions;
  /** `PATH` for commands without a slash. */
  readonly searchPath: string | undefined;
  readonly clock: Clock;
  /** Whether the watch ends when the child is unhealthy. */
  readonly endsUnhealthy: boolean;
  readonly onChecked: (health: Health) => void;
}

/** Checks the child's health until `signal` is aborted or, with `endsUnhealthy`, the child is unhealthy. */
export async function watchChildHealth(
  options: HealthWatchOptions,
  signal: AbortSignal,
): Promise<Health> {
  const { settings: { intervalMs }, clock, endsUnhealthy, onChecked } = options;
  const checks = openChecks(options);
  const timeoutMs = Math.max(intervalMs, SHORTEST_TIMEOUT_MS);
  return await watchHealth(
    { checks, clock, intervalMs, timeoutMs, endsUnhealthy, onChecked },
    signal,
  );
}

function openChecks(options: HealthWatchOptions): Record<string, HealthCheck> {
  const { settings: { probe, memoryLimitMb, script }, tree, isQueueFull } = options;
  const { probes: functions, searchPath } = options;
  const checks: Record<string, HealthCheck | undefined> = {
    process: () => checkLeader(tree),
    probe: openProbe(probe, { functions, searchPath }),
    memory: memoryLimitMb === undefined ? undefined : createMemoryCheck(tree, memoryLimitMb),
    queue: () => isQueueFull() ? "the queue of requests is full" : undefined,
    script: script === undefined
      ? undefined
      : openProbe({ kind: "exec", command: script, args: [] }, { functions, searchPath }),
  };
  return Object.fromEntries(
    Object.entries(checks).filter((entry): entry is [string, HealthCheck] =>
      entry[1] !== undefined
    ),
  );
}

function checkLeader({ root: { leader }, dependencies: { control } }: ProcessTree): CheckResult {
  return control.identify(leader.pid)?.startTime === leader.startTime
    ? undefined
    : "the software has ended";
}
