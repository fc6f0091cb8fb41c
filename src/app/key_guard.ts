import type { Logger } from "../core/log.ts";
import { describeError } from "../core/errors.ts";
import { selectPlatform } from "../platform/select.ts";
import { keepDebuggersOut, type ProgramName } from "./signals.ts";

/**
 * Closes this process's memory to the other processes of its user, before it reads a private key: no debugger, no core dump,
 * no inspector. Needs the permission for libraries, and only here.
 */
export function guardPrivateKey(program: ProgramName, log: Logger): void {
  keepDebuggersOut(program, log);
  try {
    selectPlatform().protectMemory();
  } catch (error) {
    log.warn(`other processes of this user may read the private key: ${describeError(error)}`);
  }
}

/** Kinds of permission that a process can give up. */
export type Permission = Exclude<Deno.PermissionName, "import">;

const PERMISSIONS: readonly Permission[] = ["read", "write", "env", "net", "run", "ffi", "sys"];

/** Gives up all other permissions of this process, for its lifetime. */
export function keepOnly(kept: readonly Permission[]): void {
  for (const name of PERMISSIONS) {
    if (!kept.includes(name)) Deno.permissions.revokeSync({ name });
  }
}
