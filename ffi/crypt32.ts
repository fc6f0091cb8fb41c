import { openSystemLibrary } from "./windows_library.ts";

/** crypt32.dll: DPAPI. DATA_BLOB is a length (DWORD, four bytes of padding) and an address. */
export const crypt32 = openSystemLibrary("crypt32.dll", {
  // BOOL CryptProtectData(DATA_BLOB *In, LPCWSTR, DATA_BLOB *Entropy, PVOID, CRYPTPROTECT_PROMPTSTRUCT *, DWORD, DATA_BLOB *Out)
  CryptProtectData: {
    parameters: ["buffer", "buffer", "buffer", "usize", "buffer", "u32", "buffer"],
    result: "i32",
  },
  // BOOL CryptUnprotectData(DATA_BLOB *In, LPWSTR *, DATA_BLOB *Entropy, PVOID, CRYPTPROTECT_PROMPTSTRUCT *, DWORD, DATA_BLOB *Out)
  CryptUnprotectData: {
    parameters: ["buffer", "buffer", "buffer", "usize", "buffer", "u32", "buffer"],
    result: "i32",
  },
});
