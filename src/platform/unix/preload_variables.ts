import type { Env } from "../../core/process.ts";
import type { TamperDetection } from "../contract.ts";

/** Node options that preload a module or open the inspector. */
const LOADING_OPTION =
  /(?:^|\s)["']?(?:-r|--require|--import|--(?:experimental-)?loader|--inspect)/;

/** Detects variables that make the loader, or from source the runtime (NODE_OPTIONS), load foreign code. */
export function findPreload(
  names: readonly string[],
  env: Env,
): TamperDetection | undefined {
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
