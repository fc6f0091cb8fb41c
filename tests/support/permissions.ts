import { PROFILES } from "../../src/core/build_info.ts";
import { formatPermissionFlags, PERMISSION_SETS } from "../../src/packaging/compile_program.ts";

/**
 * What Sentinel runs with: the customers' set. Not `--allow-all`, which opens `/proc` and would hide that something is read
 * there.
 */
export const PERMISSIONS: readonly string[] = formatPermissionFlags(PERMISSION_SETS.customer);

/**
 * What the program that ships for a command runs with: a vendor's, a server's or a customer's.
 */
export function permissionsFor(args: readonly string[]): readonly string[] {
  const profile = PROFILES.find((profile) => profile === args[0]) ?? "customer";
  return formatPermissionFlags(PERMISSION_SETS[profile]);
}
