import { kernel32 } from "../../../ffi/kernel32.ts";
import type { TamperChecks, TamperDetection } from "../contract.ts";
import { watchExecutable } from "../file_changes.ts";

/** Opens the tamper checks of Windows, which has no preload variables. */
export async function openTamperChecks(): Promise<TamperChecks> {
  const executable = await watchExecutable();
  return {
    async look() {
      return [findDebugger(), await executable.look()].filter((found) => found !== undefined);
    },
  };
}

/** Detects a debugger from this process's record or from the kernel (debugapi.h). */
function findDebugger(): TamperDetection | undefined {
  const { IsDebuggerPresent, CheckRemoteDebuggerPresent, GetCurrentProcess } = kernel32();
  const isRemote = new Int32Array(1);
  CheckRemoteDebuggerPresent(GetCurrentProcess(), isRemote);
  const isLocal = IsDebuggerPresent() !== 0;
  if (!isLocal && isRemote[0] === 0) return undefined;
  return {
    kind: "debugger",
    message: "debugger attached",
    evidence: `reported by ${isLocal ? "IsDebuggerPresent" : "CheckRemoteDebuggerPresent"}`,
  };
}
