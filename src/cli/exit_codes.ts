import { describeError, SentinelError } from "../core/errors.ts";

/** What the runtime says: what was asked for, and what it was given too little of. */
const REQUIRES =
  /^Requires (\w+) access(?: to (.+?))?(?:, (?:run again|specify the required)\b.*)?$/s;

/** Whatever was thrown, as one line for people. */
export function describeFault(error: unknown): string {
  if (!(error instanceof Deno.errors.NotCapable)) return describeError(error);
  const [, kind, what] = REQUIRES.exec(describeError(error)) ?? [];
  if (kind === undefined) return describeError(error);
  return `permission denied: this sentinel was made without --allow-${kind}` +
    (what === undefined ? "" : ` for ${what}`);
}

/** An exit status. */
interface ExitStatus {
  readonly status: number;
  /** The first parts of the error codes that end with it. */
  readonly codes?: readonly string[];
  /** For the manual. */
  readonly meaning: string;
}

/** Every exit status, as operators' scripts rely on them, in the order of the manual. */
const STATUSES = {
  ok: { status: 0, meaning: "done; of run: the software ended with 0" },
  usage: { status: 2, codes: ["usage", "config"], meaning: "usage or configuration" },
  internal: { status: 70, meaning: "a fault of ours (please report it)" },
  license: { status: 80, codes: ["license"], meaning: "the license file is not valid" },
  // an activation, a heartbeat, or the status that one of them has
  refused: {
    status: 81,
    codes: ["refused"],
    meaning:
      "refused by the license server (revoked, suspended, expired, machine limit, decommissioned)",
  },
  unreachable: {
    status: 82,
    codes: ["unreachable"],
    meaning: "the license server cannot be reached, and there is no grace",
  },
  hardware: { status: 83, codes: ["hardware"], meaning: "the hardware is not the license's" },
  software: {
    status: 84,
    codes: ["software"],
    meaning: "the software cannot be launched, or its checksum differs",
  },
  alreadyRunning: { status: 85, codes: ["running"], meaning: "already running" },
  permission: { status: 86, codes: ["permission"], meaning: "permission denied" },
  nobodyThere: {
    status: 87,
    codes: ["absent"],
    meaning: "nobody there: daemon, socket or server does not answer",
  },
  processNotFound: { status: 88, codes: ["process"], meaning: "there is no such process" },
  tampered: {
    status: 137,
    codes: ["tamper"],
    meaning: "killed for tampering, as a debugger or a foreign library was found",
  },
} as const satisfies Readonly<Record<string, ExitStatus>>;

type ExitName = keyof typeof STATUSES;

const ROWS: readonly ExitStatus[] = Object.values(STATUSES);

/** The exit statuses by name. */
export const EXIT = Object.fromEntries(
  Object.entries(STATUSES).map(([name, { status }]) => [name, status]),
) as { readonly [Name in ExitName]: (typeof STATUSES)[Name]["status"] };

/** The exit status for an error; one that is not ours is a fault of ours. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Deno.errors.NotCapable) return EXIT.permission;
  const code = error instanceof SentinelError ? error.code.split(".")[0]! : "";
  return ROWS.find(({ codes }) => codes?.includes(code))?.status ?? EXIT.internal;
}

/** What each exit status means to the caller, in the order of the manual. */
export const EXIT_MEANINGS: readonly (readonly [status: string, meaning: string])[] = ROWS
  .map(({ status, meaning }) => [String(status), meaning] as const)
  .toSpliced(1, 0, ["N", "of run: the software's own status; 128 + S where signal S ended it"]);
