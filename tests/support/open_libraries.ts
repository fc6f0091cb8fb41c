import { libc } from "../../ffi/libc.ts";

/** Opens every function of the C library: they are kept for the life of the process, so no test may be the one that does. */
export function openLibraries(): void {
  Object.values(libc());
}
