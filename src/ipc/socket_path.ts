import { selectPlatform } from "../platform/select.ts";
import { SocketPlaceError } from "./errors.ts";

/** What decides where the socket is. */
export interface SocketPathOptions {
  /** The machine's id; becomes part of the file's name. */
  readonly machineId: string;
  /** The login session's folder for sockets (`$XDG_RUNTIME_DIR`), where there is one. */
  readonly runtimeFolder?: string | undefined;
  /** `runtime` insists on that folder, `tmp` on `/tmp`, `auto` (default) takes the first where there is one. */
  readonly location?: "runtime" | "tmp" | "auto" | undefined;
  /** What the names of pipes begin with, where local sockets are these; the places above are none then. */
  readonly pipePrefix?: string | undefined;
  /** A path named outright; beats everything else. */
  readonly path?: string | undefined;
  /** The longest path a socket can have, in bytes (default: the system's). */
  readonly maxBytes?: number | undefined;
}

/** The folder for everybody's sockets where the login session has none. */
export const SHARED_FOLDER = "/tmp";

/**
 * Where the socket is to be.
 *
 * @throws {SocketPlaceError} `config.ipc_path` where the runtime folder is asked for and there is none, the path is longer
 * than a socket's can be, or the machine's id is no file name.
 */
export function socketPath(options: SocketPathOptions): string {
  const path = options.path ?? defaultPath(options);
  if (!path.startsWith(options.pipePrefix ?? "")) {
    throw new SocketPlaceError(
      "config.ipc_path",
      `Cannot use the pipe ${path}: its name must begin with ${options.pipePrefix}`,
    );
  }
  const length = new TextEncoder().encode(path).length;
  const maxBytes = options.maxBytes ?? selectPlatform().maxSocketPathBytes;
  if (length <= maxBytes) return path;
  throw new SocketPlaceError(
    "config.ipc_path",
    `Cannot use the socket path ${path}: it has ${length} bytes, the system's limit is ${maxBytes}`,
  );
}

function defaultPath(
  { machineId, runtimeFolder, pipePrefix, location = "auto" }: SocketPathOptions,
): string {
  if (!/^[\w.:+=-]+$/.test(machineId)) {
    throw new SocketPlaceError(
      "config.ipc_path",
      `Cannot name a socket after the machine id: current value is ${JSON.stringify(machineId)}`,
    );
  }
  const name = `sentinel-${machineId}.sock`;
  if (pipePrefix !== undefined) return `${pipePrefix}sentinel-${machineId}`;
  if (location === "tmp") return `${SHARED_FOLDER}/${name}`;
  if (runtimeFolder !== undefined) return `${runtimeFolder}/sentinel/${name}`;
  if (location === "auto") return `${SHARED_FOLDER}/${name}`;
  throw new SocketPlaceError("config.ipc_path", "XDG_RUNTIME_DIR not set");
}
