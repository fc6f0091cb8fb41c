import type { Env } from "../../core/process.ts";
import type { Libsystem } from "../../../ffi/libsystem.ts";
import type { Surrounding, TamperChecks } from "../contract.ts";
import { executableWatch } from "../executable_watch.ts";
import { isTraced } from "./process_control.ts";
import { findPreload } from "../unix/preload_variables.ts";
import { findInspector } from "../runtime_inspector.ts";

/** Variables with which dyld(1) loads foreign code into a program. */
const PRELOADS = ["DYLD_INSERT_LIBRARIES"] as const;

/** What there is to see of tampering on macOS. */
export async function openTamperChecks(
  lib: Libsystem,
  env: Env,
): Promise<TamperChecks> {
  const executable = await executableWatch();
  return {
    async look() {
      return [
        tracer(lib) ?? await findInspector(),
        findPreload(PRELOADS, env),
        await executable.look(),
      ].filter((found) => found !== undefined);
    },
  };
}

/** The kernel says that somebody does, not who. */
function tracer(lib: Libsystem): Surrounding | undefined {
  return !isTraced(lib, Deno.pid) ? undefined : {
    kind: "debugger",
    message: "debugger attached",
    evidence: "the kernel says that a process traces us",
  };
}
