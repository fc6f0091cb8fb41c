import { kernel32 } from "../../ffi/kernel32.ts";

/** How many handles this process has; on Windows alone. */
export function handleCount(): number {
  const count = new Uint32Array(1);
  const { GetCurrentProcess, GetProcessHandleCount } = kernel32();
  if (GetProcessHandleCount(GetCurrentProcess(), count) === 0) {
    throw new Error("Cannot count our handles");
  }
  return count[0]!;
}
