import type { Clock } from "../core/clock.ts";
import type { ProbeSpec } from "../core/health_probe.ts";
import {
  type CheckResult,
  type Health,
  type HealthCheck,
  memoryCheck,
  openProbe,
  type ProbeFunctions,
  watchHealth,
} from "../process/health.ts";
import type { ProcessTree } from "../process/process_tree.ts";

/** How it is told whether the software is well. */
export interface HealthSettings {
  /** Between two rounds of checks, and the time that each has; that is a second at least. */
  readonly intervalMs: number;
  readonly probe: ProbeSpec;
  /** Resident memory of the whole tree, MiB. */
  readonly memoryLimitMb?: number | undefined;
  /** A program that ends with 0 where all is well. */
  readonly script?: string | undefined;
}

/** A check has the time of an interval, but never less than this. */
const SHORTEST_TIMEOUT_MS = 1_000;

interface HealthWatchOptions {
  readonly settings: HealthSettings;
  readonly tree: ProcessTree;
  /** Whether as many connections are open as may be. */
  readonly isQueueFull: () => boolean;
  readonly probes: ProbeFunctions;
  /** Where commands without a slash are looked for. */
  readonly searchPath: string | undefined;
  readonly clock: Clock;
  /** Whether the watch is over when the software is unhealthy. */
  readonly endsUnhealthy: boolean;
  readonly onChecked: (health: Health) => void;
}

/** Looks after the software until `signal` is aborted, or it is unhealthy where that ends it. */
export async function watchSoftwareHealth(
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
    process: () => leaderCheck(tree),
    probe: openProbe(probe, { functions, searchPath }),
    memory: memoryLimitMb === undefined ? undefined : memoryCheck(tree, memoryLimitMb),
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

function leaderCheck({ root: { leader }, dependencies: { control } }: ProcessTree): CheckResult {
  return control.identify(leader.pid)?.startTime === leader.startTime
    ? undefined
    : "the software has ended";
}
