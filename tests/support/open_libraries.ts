import { advapi32 } from "../../ffi/advapi32.ts";
import { crypt32 } from "../../ffi/crypt32.ts";
import { iphlpapi } from "../../ffi/iphlpapi.ts";
import { kernel32 } from "../../ffi/kernel32.ts";
import { libc } from "../../ffi/libc.ts";
import { ntdll } from "../../ffi/ntdll.ts";
import { IS_WINDOWS } from "./system.ts";

/** Opens every function of the system's libraries: they are kept for the life of the process, so no test may be the one that does. */
export function openLibraries(): void {
  const libraries = IS_WINDOWS ? [advapi32, crypt32, iphlpapi, kernel32, ntdll] : [libc];
  for (const library of libraries) Object.values(library());
}
