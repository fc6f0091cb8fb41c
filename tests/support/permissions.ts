import { PERMISSION_SETS, permissionFlags } from "../../src/packaging/compile_program.ts";

/**
 * What Sentinel runs with: the customers' set. Not `--allow-all`, which opens `/proc` and would hide that something is read
 * there.
 */
export const PERMISSIONS: readonly string[] = permissionFlags(PERMISSION_SETS.customer);
