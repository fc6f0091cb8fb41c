import type { HealthCheck } from "./health_monitor.ts";
import type { ProcessTree } from "./process_tree.ts";

const MEBIBYTE = 2 ** 20;

/** Fails where a tree's resident memory is above the limit; pages that members share are counted for each of them. */
export function memoryCheck(
  tree: Pick<ProcessTree, "residentBytes">,
  limitMb: number,
): HealthCheck {
  return () => {
    const usedMb = Math.ceil(tree.residentBytes() / MEBIBYTE);
    return usedMb > limitMb ? `uses ${usedMb} MiB of ${limitMb} MiB` : undefined;
  };
}
