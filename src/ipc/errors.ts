import { SentinelError } from "../core/errors.ts";

/** The socket's path, folder or lock file cannot be used, due to the configuration or to permissions (`code`). */
export class SocketPathError extends SentinelError {
  constructor(code: "config.ipc_path" | "permission.ipc_path", message: string) {
    super(code, message);
  }
}

/** Another process holds the socket's lock or listens on it. */
export class AlreadyServingError extends SentinelError {
  constructor(readonly path: string) {
    super("running.ipc", `another sentinel is already serving ${path}`);
  }
}

/** Messages of {@linkcode IpcClientError} by code. */
export const CLIENT_FAULTS = {
  "absent.socket": "sentinel daemon not running (socket not found)",
  "absent.listener": "sentinel daemon not accepting connections",
  "absent.connect_timeout": "sentinel daemon connection timeout",
  "absent.read_timeout": "sentinel daemon read timeout",
  "absent.closed": "connection closed by sentinel daemon",
  "absent.too_long": "response exceeds 10 MiB",
  "absent.malformed": "malformed response from sentinel daemon",
  "permission.socket": "permission denied by the socket of the sentinel daemon",
  "permission.server": "the socket is served by another user",
} as const;

/** There is no valid answer; `code` is a key of {@linkcode CLIENT_FAULTS}. */
export class IpcClientError extends SentinelError {
  constructor(code: keyof typeof CLIENT_FAULTS, options?: { cause?: unknown }) {
    super(code, CLIENT_FAULTS[code], options);
  }
}
