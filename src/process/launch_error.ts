import { SentinelError } from "../core/errors.ts";

/** The software is not there or cannot be run (exit status 84). */
export class LaunchError extends SentinelError {
  constructor(
    code:
      | "not_found"
      | "not_a_file"
      | "not_executable"
      | "wrong_architecture"
      | "wrong_format"
      | "working_folder"
      | "out_of_processes"
      | "limits"
      | "failed",
    message: string,
    cause?: unknown,
  ) {
    super(`software.${code}`, message, { cause });
  }
}
