import { readProcFile } from "./proc.ts";

/** The map of the namespace that the system boots with; user_namespaces(7). */
const IDENTITY_MAP = /^\s*0\s+0\s+4294967295\s*$/;

/** Whether root of this process's user namespace is the machine's; true if the kernel has no such namespaces. */
export function isInitialUserNamespace(): boolean {
  const map = readProcFile("/proc/self/uid_map");
  return map === undefined || IDENTITY_MAP.test(map);
}
