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
