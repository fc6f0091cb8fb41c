import type { Env } from "../../core/process.ts";
import type { Surrounding, TamperChecks } from "../contract.ts";
import { executableWatch } from "../executable_watch.ts";
import { readProcFile } from "./proc.ts";
import { findPreload } from "../unix/preload_variables.ts";
import { findInspector } from "../runtime_inspector.ts";

/** Variables with which ld.so(8) loads foreign code into a program. */
const PRELOADS = ["LD_PRELOAD", "LD_AUDIT"] as const;

/** What there is to see of tampering on Linux; the executable at `path` is held against what it is now. */
export async function openTamperChecks(
  env: Env,
  path?: string,
): Promise<TamperChecks> {
  const executable = await executableWatch(path);
  return {
    async look() {
      return [
        tracer() ?? await findInspector(),
        findPreload(PRELOADS, env),
        await executable.look(),
      ].filter((found) => found !== undefined);
    },
  };
}

/** TracerPid of proc_pid_status(5): the process that traces us, 0 for none. */
function tracer(): Surrounding | undefined {
  const [, pid] = /^TracerPid:\s*(\d+)/m.exec(readProcFile("/proc/self/status") ?? "") ?? [];
  if (pid === undefined || pid === "0") return undefined;
  const name = readProcFile(`/proc/${pid}/comm`)?.trim() ?? "unknown";
  return {
    kind: "debugger",
    message: "debugger attached",
    evidence: `process ${pid} (${name}) traces us`,
  };
}
