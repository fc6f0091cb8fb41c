import { describeError, SentinelError } from "../core/errors.ts";

/** The runtime's message about a missing permission: its kind and the resource. */
const REQUIRES =
  /^Requires (\w+) access(?: to (.+?))?(?:, (?:run again|specify the required)\b.*)?$/s;

/** Describes anything that was thrown in one line. */
export function describeFault(error: unknown): string {
  if (!(error instanceof Deno.errors.NotCapable)) return describeError(error);
  const [, kind, what] = REQUIRES.exec(describeError(error)) ?? [];
  if (kind === undefined) return describeError(error);
  return `permission denied: this sentinel was built without --allow-${kind}` +
    (what === undefined ? "" : ` for ${what}`);
}

interface ExitStatus {
  readonly status: number;
  /** First parts of the error codes that lead to it. */
  readonly codes?: readonly string[];
  /** For the manual. */
  readonly meaning: string;
}

/** Every exit status in the order of the manual. Operators' scripts rely on the numbers. */
const STATUSES = {
  ok: { status: 0, meaning: "done; for run: the software exited with 0" },
  unhealthy: {
    status: 1,
    codes: ["unhealthy"],
    meaning: "for ipc health: the software does not run, or is unhealthy",
  },
  usage: { status: 2, codes: ["usage", "config"], meaning: "usage or configuration" },
  internal: { status: 70, meaning: "internal error (please report it)" },
  license: { status: 80, codes: ["license"], meaning: "the license file is not valid" },
  // by an activation or a heartbeat, or by the status that one of them returned
  refused: {
    status: 81,
    codes: ["refused"],
    meaning:
      "refused by the license server (revoked, suspended, expired, machine limit, decommissioned)",
  },
  unreachable: {
    status: 82,
    codes: ["unreachable"],
    meaning: "the license server cannot be reached and no grace is left",
  },
  hardware: { status: 83, codes: ["hardware"], meaning: "the license is for other hardware" },
  software: {
    status: 84,
    codes: ["software"],
    meaning: "the software cannot be launched, or its checksum differs",
  },
  alreadyRunning: { status: 85, codes: ["running"], meaning: "already running" },
  permission: { status: 86, codes: ["permission"], meaning: "permission denied" },
  absent: {
    status: 87,
    codes: ["absent"],
    meaning: "nobody there: daemon, socket or server does not answer",
  },
  processNotFound: { status: 88, codes: ["process"], meaning: "process not found" },
  tampered: {
    status: 137,
    codes: ["tamper"],
    meaning: "killed after tampering, such as a debugger or a foreign library",
  },
} as const satisfies Readonly<Record<string, ExitStatus>>;

type ExitName = keyof typeof STATUSES;

const ROWS: readonly ExitStatus[] = Object.values(STATUSES);

/** The exit statuses by name. */
export const EXIT = Object.fromEntries(
  Object.entries(STATUSES).map(([name, { status }]) => [name, status]),
) as { readonly [Name in ExitName]: (typeof STATUSES)[Name]["status"] };

/** The exit status for an error; `internal` for anything but a {@linkcode SentinelError} or a missing permission. */
export function getExitCode(error: unknown): number {
  if (error instanceof Deno.errors.NotCapable) return EXIT.permission;
  const code = error instanceof SentinelError ? error.code.split(".")[0]! : "";
  return ROWS.find(({ codes }) => codes?.includes(code))?.status ?? EXIT.internal;
}

/** Each exit status with its meaning, in the order of the manual. */
export const EXIT_MEANINGS: readonly (readonly [status: string, meaning: string])[] = ROWS
  .map(({ status, meaning }) => [String(status), meaning] as const)
  .toSpliced(1, 0, ["N", "for run: the software's own status; 128 + S if signal S ended it"]);
