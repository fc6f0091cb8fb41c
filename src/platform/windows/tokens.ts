import { advapi32 } from "../../../ffi/advapi32.ts";
import { kernel32 } from "../../../ffi/kernel32.ts";
import { ntdll } from "../../../ffi/ntdll.ts";
import { readWide } from "./handles.ts";

/** winnt.h: token access, TokenUser; accctrl.h: SE_KERNEL_OBJECT; OWNER_SECURITY_INFORMATION. */
const TOKEN_QUERY = 0x8, TOKEN_USER = 1, KERNEL_OBJECT = 6, OWNER = 1;

/** TOKEN_USER: an address and attributes, followed by the SID (SECURITY_MAX_SID_SIZE). */
const TOKEN_USER_BYTES = 16 + 68;

/** Returns the SID of this process's user, such as `S-1-5-21-…-1001`. */
export function readOwnSid(): string {
  const handle = new BigUint64Array(1);
  const { GetCurrentProcess } = kernel32();
  if (advapi32().OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, handle) === 0) {
    throw new Error("Cannot read the token of this process");
  }
  const sid = readTokenSid(handle[0]!);
  if (sid === undefined) throw new Error("Cannot read the user of this process's token");
  return sid;
}

/**
 * Returns the SID of a pipe's client; `undefined` if the system does not report it, which may last until the first read. The
 * thread impersonates the client meanwhile, so nothing here may await.
 */
export function readClientSid(pipe: bigint): string | undefined {
  // symbols are opened before the impersonation, as that may fail
  const { ImpersonateNamedPipeClient, OpenThreadToken, RevertToSelf } = advapi32();
  const thread = kernel32().GetCurrentThread(), token = new BigUint64Array(1);
  if (ImpersonateNamedPipeClient(pipe) === 0) return undefined;
  const isOpen = OpenThreadToken(thread, TOKEN_QUERY, 1, token) !== 0;
  // never continue with the client's rights
  if (RevertToSelf() === 0) throw new Error("Cannot end the impersonation of a client");
  return isOpen ? readTokenSid(token[0]!) : undefined;
}

/** Returns the SID of the owner of a kernel object, such as a pipe; `undefined` if access is denied. */
export function readOwnerSid(handle: bigint): string | undefined {
  const owner = new BigUint64Array(1), descriptor = new BigUint64Array(1);
  const { GetSecurityInfo } = advapi32();
  if (GetSecurityInfo(handle, KERNEL_OBJECT, OWNER, owner, null, null, null, descriptor) !== 0) {
    return undefined;
  }
  try {
    return formatSid(owner[0]!);
  } finally {
    kernel32().LocalFree(descriptor[0]!);
  }
}

function readTokenSid(token: bigint): string | undefined {
  try {
    // an ArrayBuffer, whose address is fixed: it points into itself
    const user = new ArrayBuffer(TOKEN_USER_BYTES), length = new Uint32Array(1);
    const { GetTokenInformation } = advapi32();
    const isRead = GetTokenInformation(token, TOKEN_USER, user, TOKEN_USER_BYTES, length) !== 0;
    return isRead ? formatSid(new DataView(user).getBigUint64(0, true)) : undefined;
  } finally {
    ntdll().NtClose(token);
  }
}

function formatSid(sid: bigint): string | undefined {
  const text = new BigUint64Array(1);
  if (advapi32().ConvertSidToStringSidW(sid, text) === 0) return undefined;
  try {
    return readWide(text[0]!);
  } finally {
    kernel32().LocalFree(text[0]!);
  }
}
