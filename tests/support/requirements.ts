import { IS_WINDOWS } from "./system.ts";

/** Whether a program is on the PATH. */
export function hasProgram(name: string): boolean {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.some((folder) => {
    try {
      return Deno.statSync(`${folder}/${name}`).isFile;
    } catch {
      return false;
    }
  });
}

/** What a test needs beyond Deno: the reason it is skipped for, and whether it is here. */
export interface Requirement {
  readonly reason: string;
  readonly met: boolean;
}

export function needsProgram(name: string): Requirement {
  return { reason: `${name} is not installed`, met: hasProgram(name) };
}

export const NEEDS_ROOT: Requirement = { reason: "not root", met: Deno.uid() === 0 };

/** For what is said of files that local sockets are. */
export const UNIX_SOCKETS: Requirement = { reason: "sockets are pipes here", met: !IS_WINDOWS };

/** For what only Windows has. */
export const WINDOWS: Requirement = { reason: "not Windows", met: IS_WINDOWS };

/** For ending one direction of a connection. */
export const HALF_CLOSE: Requirement = { reason: "pipes have no half close", met: !IS_WINDOWS };

/** For programs, paths and signals as POSIX has them. */
export const POSIX: Requirement = { reason: "not a POSIX system", met: !IS_WINDOWS };

/** Defines a test that is skipped, with the reason in its name, where something it needs is missing. */
export function testWith(
  requirements: readonly Requirement[],
  name: string,
  fn: () => void | Promise<void>,
): void {
  const missing = requirements.filter(({ met }) => !met).map(({ reason }) => reason);
  const suffix = missing.length === 0 ? "" : ` (skipped: ${missing.join(", ")})`;
  Deno.test({ name: name + suffix, ignore: missing.length > 0, fn });
}
