import type { Env } from "../../core/process.ts";
import type { Libsystem } from "../../../ffi/libsystem.ts";
import type { TamperChecks, TamperDetection } from "../contract.ts";
import { watchExecutable } from "../file_changes.ts";
import { isTraced } from "./process_control.ts";
import { findPreload } from "../unix/preload_variables.ts";
import { findInspector } from "../runtime_inspector.ts";

/** Variables that make dyld(1) load foreign code. */
const PRELOADS = ["DYLD_INSERT_LIBRARIES"] as const;

/** Opens the tamper checks of macOS. */
export async function openTamperChecks(
  lib: Libsystem,
  env: Env,
): Promise<TamperChecks> {
  const executable = await watchExecutable();
  return {
    async look() {
      return [
        findTracer(lib) ?? await findInspector(),
        findPreload(PRELOADS, env),
        await executable.look(),
      ].filter((found) => found !== undefined);
    },
  };
}

/** Detects a tracer; the kernel does not identify it. */
function findTracer(lib: Libsystem): TamperDetection | undefined {
  return !isTraced(lib, Deno.pid) ? undefined : {
    kind: "debugger",
    message: "debugger attached",
    evidence: "the kernel reports that a process traces sentinel",
  };
}
