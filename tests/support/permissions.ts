import { PERMISSION_SETS, permissionFlags } from "../../src/vendor/build/permissions.ts";

/**
 * What Sentinel runs with: the customers' set. Not `--allow-all`, which opens `/proc` and would hide that something is read
 * there.
 */
export const PERMISSIONS: readonly string[] = permissionFlags(PERMISSION_SETS.customer);
