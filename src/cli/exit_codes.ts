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

/** Exit statuses, as operators' scripts rely on them. */
export const EXIT = {
  ok: 0,
  usage: 2,
  internal: 70,
  license: 80,
  refused: 81,
  unreachable: 82,
  hardware: 83,
  software: 84,
  alreadyRunning: 85,
  permission: 86,
  nobodyThere: 87,
  processNotFound: 88,
  tampered: 137,
} as const;

/** The first part of an error's code decides. */
const BY_ROOM: Readonly<Record<string, number>> = {
  usage: EXIT.usage,
  config: EXIT.usage,
  license: EXIT.license,
  refused: EXIT.refused,
  unreachable: EXIT.unreachable,
  hardware: EXIT.hardware,
  software: EXIT.software,
  running: EXIT.alreadyRunning,
  permission: EXIT.permission,
  absent: EXIT.nobodyThere,
  process: EXIT.processNotFound,
  tamper: EXIT.tampered,
};

/** The exit status for whatever was thrown; what nobody foresaw is a fault of ours. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Deno.errors.NotCapable) return EXIT.permission;
  if (!(error instanceof SentinelError)) return EXIT.internal;
  return BY_ROOM[error.code.split(".")[0]!] ?? EXIT.internal;
}

/** What each exit status means to whoever called, in the order of the manual. */
export const EXIT_MEANINGS: readonly (readonly [status: string, meaning: string])[] = [
  ["0", "done; of run: the software ended with 0"],
  ["N", "of run: the software's own status; 128 + S where signal S ended it"],
  ["2", "usage or configuration"],
  ["70", "a fault of ours (please report it)"],
  ["80", "the licence file is not valid"],
  [
    "81",
    "refused by the licence server (revoked, suspended, expired, machine limit, decommissioned)",
  ],
  ["82", "the licence server cannot be reached, and there is no grace"],
  ["83", "the hardware is not the licence's"],
  ["84", "the software cannot be launched, or its checksum differs"],
  ["85", "already running"],
  ["86", "permission denied"],
  ["87", "nobody there: daemon, socket or server does not answer"],
  ["88", "there is no such process"],
  ["137", "killed for tampering, as a debugger or a foreign library was found"],
];
