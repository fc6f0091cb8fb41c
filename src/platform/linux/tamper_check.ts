import type { Env } from "../../core/process.ts";
import type { Surrounding, TamperChecks } from "../contract.ts";
import { executableWatch } from "../executable_watch.ts";
import { listKernelFolder, readProcFile } from "./proc.ts";
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

/** The process that traces one of our threads: each has a tracer of its own (ptrace(2)). */
function tracer(): Surrounding | undefined {
  const pid = listKernelFolder("/proc/self/task").map(tracerOf).find((pid) => pid !== "0");
  if (pid === undefined) return undefined;
  const name = readProcFile(`/proc/${pid}/comm`)?.trim() ?? "unknown";
  return {
    kind: "debugger",
    message: "debugger attached",
    evidence: `process ${pid} (${name}) traces us`,
  };
}

/** TracerPid of proc_pid_status(5), 0 for none. */
function tracerOf(thread: string): string {
  const status = readProcFile(`/proc/self/task/${thread}/status`) ?? "";
  return /^TracerPid:\s*(\d+)/m.exec(status)?.[1] ?? "0";
}
