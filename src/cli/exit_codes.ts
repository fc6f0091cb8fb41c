import { SentinelError } from "../core/errors.ts";

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
