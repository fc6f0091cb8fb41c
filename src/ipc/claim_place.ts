import { lstatIfExistsSync } from "../core/files.ts";
import { describeError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { SocketPathError } from "./errors.ts";
import { dirname } from "../core/paths.ts";
import type { SocketPlaces } from "./socket.ts";
import { type ClaimOptions, claimSocket, type SocketClaim } from "./socket_owner.ts";

/**
 * Claims the socket's path or, if another user has put a file in its place, the one in a folder of our own. The latter is
 * chosen whenever its lock file exists, so that a second run finds the first one there, even after that file is gone.
 *
 * @throws as {@linkcode claimSocket}.
 */
export async function claimPlace(
  { path, refuge }: SocketPlaces,
  { log, ...options }: ClaimOptions & { readonly log: Logger },
): Promise<SocketClaim> {
  if (refuge === undefined) return await claimSocket(path, options);
  if (lstatIfExistsSync(`${refuge}.lock`) !== undefined) return await claimSocket(refuge, options);
  try {
    return await claimSocket(path, options);
  } catch (error) {
    if (!isOthersFault(error)) throw error;
    try {
      await Deno.mkdir(dirname(dirname(refuge)), { recursive: true, mode: 0o700 });
    } catch {
      // report the first error: the user can fix the usual place
      throw error;
    }
    const claim = await claimSocket(refuge, options);
    log.warn(`the socket is ${refuge}: ${describeError(error)}`);
    return claim;
  }
}

/** Whether other users can cause the error. */
export function isOthersFault(error: unknown): error is SocketPathError {
  return error instanceof SocketPathError && error.code === "permission.ipc_path";
}
