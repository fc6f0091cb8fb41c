import { SentinelError } from "../core/errors.ts";

/** The server refused, or no usable answer came; the first part of `code` decides the exit status. */
export class RemoteClientError extends SentinelError {
  constructor(
    code:
      | "permission.certificate"
      | "permission.role"
      | "permission.server"
      | "process.not_found"
      | "software.remote"
      | "usage.remote"
      | "absent.remote",
    message: string,
    cause?: unknown,
  ) {
    super(code, message, { cause });
  }
}
