import { isTarget, type Target, TARGETS } from "../vendor/build/targets.ts";
import { nearest } from "./nearest.ts";
import { UsageError } from "./usage_error.ts";

/**
 * The targets that are named, each once; `all` is all of them, and none is this machine.
 *
 * @throws {UsageError} for one that there is not.
 */
export function chosenTargets(named: readonly string[]): Target[] {
  if (named.includes("all")) return [...TARGETS];
  if (named.length === 0) return chosenTargets([Deno.build.target]);
  return [...new Set(named)].map((name) => {
    if (isTarget(name)) return name;
    throw new UsageError(
      `unknown target: ${name}${nearest(name, TARGETS)} (there are ${TARGETS.join(", ")}, all)`,
    );
  });
}
