import type { SocketClaim } from "../../../src/ipc/socket_owner.ts";

export * from "../../../src/ipc/socket_owner.ts";

/** For `src/ipc/socket_owner.ts`: accepts any path, whoever owns it. */
export function claimSocket(path: string): Promise<SocketClaim> {
  return Promise.resolve({
    path,
    readRecord: () => Promise.resolve(undefined),
    writeRecord() {},
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}
