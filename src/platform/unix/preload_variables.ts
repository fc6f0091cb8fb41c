import type { Env } from "../../core/process.ts";
import type { Surrounding } from "../contract.ts";

/** Options of Node's that load a module first, or let a debugger in; other options do neither. */
const LOADING_OPTION =
  /(?:^|\s)["']?(?:-r|--require|--import|--(?:experimental-)?loader|--inspect)/;

/**
 * Says which of these variables, with which the loader takes foreign code into a program, are set; from source, also what the
 * runtime is told to load by Node's own (a compiled program does not look at it).
 */
export function findPreload(
  names: readonly string[],
  env: Env,
): Surrounding | undefined {
  const set = names.flatMap((name) => {
    const value = env(name);
    return value === undefined || value === "" ? [] : [`${name}=${value}`];
  });
  const options = Deno.build.standalone ? undefined : env("NODE_OPTIONS");
  if (options !== undefined && LOADING_OPTION.test(options)) set.push(`NODE_OPTIONS=${options}`);
  return set.length === 0 ? undefined : {
    kind: "preload",
    message: "foreign code is loaded into sentinel",
    evidence: set.join(", "),
  };
}
