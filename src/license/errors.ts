import { SentinelError } from "../core/errors.ts";

/** Where a license file failed; all of them end with exit status 80. */
type LicenseErrorCode =
  | "license.not_found"
  | "license.unreadable"
  | "license.too_large"
  | "license.malformed"
  | "license.algorithm"
  | "license.signature"
  | "license.payload"
  | "license.version"
  | "license.missing_field"
  | "license.not_yet_active"
  | "license.software"
  | "license.expired";

/** A license file that is not valid; the message is the contract's line. */
export class LicenseError extends SentinelError {
  declare readonly code: LicenseErrorCode;

  constructor(code: LicenseErrorCode, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
  }
}

/** The payload's JSON is no JSON, or has a key twice. */
export const MALFORMED_PAYLOAD = "invalid license payload: malformed JSON";

export function payloadError(field: string, reason: string): LicenseError {
  return new LicenseError("license.payload", `invalid license payload: ${field} ${reason}`);
}
