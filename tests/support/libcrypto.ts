import { libcrypto } from "../../ffi/libcrypto.ts";
import type { Requirement } from "./requirements.ts";

/** OpenSSL's library, whose functions stay open for the life of the process. */
export const LIBCRYPTO: Requirement = {
  need: "libcrypto (package libssl3)",
  met: opensLibcrypto(),
};

function opensLibcrypto(): boolean {
  try {
    return Object.values(libcrypto()).length > 0;
  } catch {
    return false;
  }
}
