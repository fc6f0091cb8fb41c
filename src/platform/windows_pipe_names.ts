import { advapi32 } from "../../ffi/advapi32.ts";
import { kernel32 } from "../../ffi/kernel32.ts";
import { ntdll } from "../../ffi/ntdll.ts";
import { objectAttributes } from "./windows_object.ts";
import { wideText } from "./windows_text.ts";

/** What every named pipe's name begins with. */
export const PIPE_PREFIX = "\\\\.\\pipe\\";

/** winnt.h and ntifs.h. */
const GENERIC_READ = 0x8000_0000, GENERIC_WRITE = 0x4000_0000, SYNCHRONIZE = 0x0010_0000;
const SHARE_READ_AND_WRITE = 3, OPEN = 1, CREATE = 2;
const REJECT_REMOTE_CLIENTS = 2, BYTE_STREAM = 0, QUEUE = 0;
const SDDL_REVISION = 1;

/** As many instances of one pipe as memory has room for, and bytes that either end may be ahead of the other. */
const UNLIMITED_INSTANCES = 0xFFFF_FFFF, QUOTA_BYTES = 64 * 1024;

/** FILE_GENERIC_READ and FILE_GENERIC_WRITE but for FILE_CREATE_PIPE_INSTANCE: enough to connect, not to serve. */
const CLIENT_RIGHTS = "0x12019b";

/** Fifty milliseconds, as a relative time in units of 100 ns; asked for by clients that wait for an instance. */
const DEFAULT_TIMEOUT = -500_000n;

export interface PipeOpening {
  /** NTSTATUS. */
  readonly status: number;
  /** Where that is no error. */
  readonly handle: bigint;
}

/**
 * Makes an instance of a pipe, not for other machines. The first makes the pipe, for the user with this SID and the system
 * alone, and fails where there is one of this name; the others join what is there.
 */
export function createPipe(
  name: string,
  { sid, isFirst }: { sid: string; isFirst: boolean },
): PipeOpening {
  if (!isFirst) return createInstance(name, { disposition: OPEN, descriptor: 0n });
  // to make further instances, this user needs the right to
  const access = `(A;;${CLIENT_RIGHTS};;;SY)(A;;GA;;;${sid})`;
  using descriptor = securityDescriptor(`O:${sid}D:P${access}`);
  return createInstance(name, { disposition: CREATE, descriptor: descriptor.address });
}

function createInstance(
  name: string,
  { disposition, descriptor }: { disposition: number; descriptor: bigint },
): PipeOpening {
  const handle = new BigUint64Array(1);
  const status = ntdll().NtCreateNamedPipeFile(
    handle,
    GENERIC_READ + GENERIC_WRITE + SYNCHRONIZE,
    objectAttributes(nativeName(name), { descriptor }),
    new ArrayBuffer(16),
    SHARE_READ_AND_WRITE,
    disposition,
    0,
    BYTE_STREAM | REJECT_REMOTE_CLIENTS,
    BYTE_STREAM,
    QUEUE,
    UNLIMITED_INSTANCES,
    QUOTA_BYTES,
    QUOTA_BYTES,
    new BigInt64Array([DEFAULT_TIMEOUT]),
  );
  return { status, handle: handle[0]! };
}

/** Opens the client's end of a pipe. */
export function openPipe(name: string): PipeOpening {
  const handle = new BigUint64Array(1);
  const access = GENERIC_READ + GENERIC_WRITE + SYNCHRONIZE;
  const attributes = objectAttributes(nativeName(name), { descriptor: 0n });
  const status = ntdll().NtCreateFile(
    ...[handle, access, attributes, new ArrayBuffer(16), null, 0, SHARE_READ_AND_WRITE] as const,
    ...[OPEN, 0, null, 0] as const,
  );
  return { status, handle: handle[0]! };
}

/** As the kernel itself has it. */
function nativeName(name: string): string {
  return `\\??\\pipe\\${name.slice(PIPE_PREFIX.length)}`;
}

function securityDescriptor(sddl: string): Disposable & { readonly address: bigint } {
  const address = new BigUint64Array(1);
  const { ConvertStringSecurityDescriptorToSecurityDescriptorW: convert } = advapi32();
  if (convert(wideText(sddl), SDDL_REVISION, address, null) === 0) {
    throw new Error(`Cannot make the security descriptor ${sddl}`);
  }
  return { address: address[0]!, [Symbol.dispose]: () => void kernel32().LocalFree(address[0]!) };
}
