import { describeError } from "../core/errors.ts";
import { lstatIfThereSync } from "../core/lstat_if_there.ts";
import type { AcceptedPeers, LocalListener, LocalPipes, Platform } from "../platform/contract.ts";
import { AlreadyServingError, SocketPlaceError } from "./errors.ts";
import { bindingPath } from "./socket_owner.ts";

/** A socket that listens under its final path. */
export interface BoundSocket {
  readonly listener: LocalListener;
  /** Tells who comes. */
  readonly peers: AcceptedPeers;
  /** Stops listening and removes the file at the path, if it is still this socket's; throws where that cannot be removed. */
  close(): void;
}

/**
 * Makes the socket.
 *
 * @throws {SocketPlaceError} `permission.ipc_path` where that fails.
 */
export function bindSocket(path: string, platform: Platform): BoundSocket {
  const { pipes } = platform;
  return pipes === undefined ? bindFile(path, platform) : bindPipe(path, pipes);
}

function bindPipe(path: string, pipes: LocalPipes): BoundSocket {
  const listener = pipes.listen(path);
  if (listener === undefined) throw new AlreadyServingError(path);
  return { listener, peers: listener, close: () => listener.close() };
}

/**
 * Makes the socket, 0600 from its first moment and complete when it appears at `path`: it is bound beside and renamed.
 */
function bindFile(path: string, platform: Platform): BoundSocket {
  const boundPath = bindingPath(path);
  const listener = listenPrivately(boundPath);
  try {
    Deno.renameSync(boundPath, path);
    const { ino, dev } = Deno.lstatSync(path);
    return {
      listener,
      // the address that the kernel knows it by
      peers: platform.acceptedPeers(boundPath),
      close() {
        try {
          removeIfSame(path, { ino, dev });
        } finally {
          listener.close();
        }
      },
    };
  } catch (error) {
    listener.close();
    throw unusable(path, error);
  }
}

function listenPrivately(path: string): Deno.UnixListener {
  const umask = Deno.umask(0o177);
  try {
    return Deno.listen({ transport: "unix", path });
  } catch (error) {
    throw unusable(path, error);
  } finally {
    Deno.umask(umask);
  }
}

function removeIfSame(path: string, { ino, dev }: { ino: number | null; dev: number }): void {
  const now = lstatIfThereSync(path);
  if (now !== undefined && now.ino === ino && now.dev === dev) Deno.removeSync(path);
}

function unusable(path: string, cause: unknown): SocketPlaceError {
  return new SocketPlaceError(
    "permission.ipc_path",
    `Cannot listen on ${path}: ${describeError(cause)}`,
  );
}
