import type { Env } from "../../core/process.ts";
import type { TamperChecks, TamperDetection } from "../contract.ts";
import { watchExecutable } from "../file_changes.ts";
import { openClockCheck } from "./clock_check.ts";
import { findForeignClock, findForeignLibrary, readLoadedCode } from "./loaded_code.ts";
import { findNamespace } from "./namespaces.ts";
import { mayListenOnNetwork } from "./listening_socket.ts";
import { listKernelFolder, readProcFile } from "./proc.ts";
import { findPreload } from "../unix/preload_variables.ts";
import { findInspector } from "../runtime_inspector.ts";

/** Variables that make ld.so(8) load foreign code. */
const PRELOADS = ["LD_PRELOAD", "LD_AUDIT"] as const;

/** Opens the tamper checks of Linux. @param path Executable to watch (default: the running one). */
export async function openTamperChecks(
  env: Env,
  path?: string,
): Promise<TamperChecks> {
  const executable = await watchExecutable(path);
  const clocks = openClockCheck();
  return {
    async look() {
      const code = readLoadedCode();
      return [
        findForeignClock(code) ?? clocks.look(),
        findTracer() ?? await findOpenInspector(),
        findPreload(PRELOADS, env) ?? findForeignLibrary(code),
        await executable.look(),
        ...findNamespace(),
      ].filter((found) => found !== undefined);
    },
  };
}

/** An inspector listens on the network: without a listener there, Node's code need not be loaded to ask for it. */
async function findOpenInspector(): Promise<TamperDetection | undefined> {
  return Deno.build.standalone || !mayListenOnNetwork() ? undefined : await findInspector();
}

/** Detects a tracer of any thread: each thread has a tracer of its own (ptrace(2)). */
function findTracer(): TamperDetection | undefined {
  const pid = listKernelFolder("/proc/self/task").map(readTracer).find((pid) => pid !== "0");
  if (pid === undefined) return undefined;
  const name = readProcFile(`/proc/${pid}/comm`)?.trim() ?? "unknown";
  return {
    kind: "debugger",
    message: "debugger attached",
    evidence: `process ${pid} (${name}) traces sentinel`,
  };
}

/** TracerPid of proc_pid_status(5), 0 for none. */
function readTracer(thread: string): string {
  const status = readProcFile(`/proc/self/task/${thread}/status`) ?? "";
  return /^TracerPid:\s*(\d+)/m.exec(status)?.[1] ?? "0";
}
