import { advapi32 } from "../../../ffi/advapi32.ts";
import { kernel32 } from "../../../ffi/kernel32.ts";
import { ntdll } from "../../../ffi/ntdll.ts";
import { readWideText } from "./handles.ts";

/** winnt.h: the right to read a token, the class of information that is its user, and SE_KERNEL_OBJECT with its owner. */
const TOKEN_QUERY = 0x8, TOKEN_USER = 1, KERNEL_OBJECT = 6, OWNER = 1;

/** TOKEN_USER is an address and attributes, with the SID (SECURITY_MAX_SID_SIZE) behind it. */
const TOKEN_USER_BYTES = 16 + 68;

/** The SID of the user of this process, such as `S-1-5-21-…-1001`. */
export function readOwnSid(): string {
  const handle = new BigUint64Array(1);
  const { GetCurrentProcess } = kernel32();
  if (advapi32().OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, handle) === 0) {
    throw new Error("Cannot read our own token");
  }
  const sid = sidOfToken(handle[0]!);
  if (sid === undefined) throw new Error("Cannot read the user of our own token");
  return sid;
}

/**
 * The SID of the user at the other end of a pipe; `undefined` where the system does not tell, as it may do until something
 * was read from the pipe. We are that user from the first to the last line of this, in which nothing is awaited.
 */
export function readClientSid(pipe: bigint): string | undefined {
  // opened before, as that could fail
  const { ImpersonateNamedPipeClient, OpenThreadToken, RevertToSelf } = advapi32();
  const thread = kernel32().GetCurrentThread(), token = new BigUint64Array(1);
  if (ImpersonateNamedPipeClient(pipe) === 0) return undefined;
  const isOpen = OpenThreadToken(thread, TOKEN_QUERY, 1, token) !== 0;
  // nothing may go on with somebody else's rights
  if (RevertToSelf() === 0) throw new Error("Cannot be ourselves again after a look at a client");
  return isOpen ? sidOfToken(token[0]!) : undefined;
}

/** The SID of whoever owns a kernel object, a pipe for one; `undefined` where we may not know. */
export function readOwnerSid(handle: bigint): string | undefined {
  const owner = new BigUint64Array(1), descriptor = new BigUint64Array(1);
  const { GetSecurityInfo } = advapi32();
  if (GetSecurityInfo(handle, KERNEL_OBJECT, OWNER, owner, null, null, null, descriptor) !== 0) {
    return undefined;
  }
  try {
    return textOfSid(owner[0]!);
  } finally {
    kernel32().LocalFree(descriptor[0]!);
  }
}

function sidOfToken(token: bigint): string | undefined {
  try {
    // outside the heap, as it holds an address into itself
    const user = new ArrayBuffer(TOKEN_USER_BYTES), length = new Uint32Array(1);
    const { GetTokenInformation } = advapi32();
    const isRead = GetTokenInformation(token, TOKEN_USER, user, TOKEN_USER_BYTES, length) !== 0;
    return isRead ? textOfSid(new DataView(user).getBigUint64(0, true)) : undefined;
  } finally {
    ntdll().NtClose(token);
  }
}

function textOfSid(sid: bigint): string | undefined {
  const text = new BigUint64Array(1);
  if (advapi32().ConvertSidToStringSidW(sid, text) === 0) return undefined;
  try {
    return readWideText(text[0]!);
  } finally {
    kernel32().LocalFree(text[0]!);
  }
}
