import { libc } from "../../ffi/libc.ts";
import type { ProcessLimits } from "./process_control.ts";

/** <asm-generic/resource.h>; getrlimit(2). */
const RESOURCES: Readonly<Record<keyof ProcessLimits, number>> = {
  fileBytes: 1,
  coreBytes: 4,
  processes: 6,
  openFiles: 7,
  addressSpaceBytes: 9,
};

/** Sets limits of a running process by prlimit(2); the names of those that were refused. */
export function limitProcess(pid: number, limits: ProcessLimits): (keyof ProcessLimits)[] {
  const refused: (keyof ProcessLimits)[] = [];
  for (const name of Object.keys(RESOURCES) as (keyof ProcessLimits)[]) {
    const value = limits[name];
    if (value === undefined) continue;
    // struct rlimit { rlim_t rlim_cur; rlim_t rlim_max; }, 64 bits each
    const both = new BigUint64Array([BigInt(value), BigInt(value)]);
    const old = new BigUint64Array(2);
    if (libc().prlimit(pid, RESOURCES[name], both, old) !== 0) refused.push(name);
  }
  return refused;
}
