import { kernel32 } from "../../../ffi/kernel32.ts";
import type { Surrounding, TamperChecks } from "../contract.ts";
import { executableWatch } from "../executable_watch.ts";

/** What there is to see of tampering on Windows; there is no variable that loads foreign code. */
export async function openTamperChecks(): Promise<TamperChecks> {
  const executable = await executableWatch();
  return {
    async look() {
      return [debuggerOf(), await executable.look()].filter((found) => found !== undefined);
    },
  };
}

/** A debugger in this process's own record, or one that the kernel knows of (debugapi.h). */
function debuggerOf(): Surrounding | undefined {
  const { IsDebuggerPresent, CheckRemoteDebuggerPresent, GetCurrentProcess } = kernel32();
  const isRemote = new Int32Array(1);
  CheckRemoteDebuggerPresent(GetCurrentProcess(), isRemote);
  const isLocal = IsDebuggerPresent() !== 0;
  if (!isLocal && isRemote[0] === 0) return undefined;
  return {
    kind: "debugger",
    message: "debugger attached",
    evidence: isLocal ? "IsDebuggerPresent says so" : "CheckRemoteDebuggerPresent says so",
  };
}
