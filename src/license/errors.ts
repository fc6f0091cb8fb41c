import { SentinelError } from "../core/errors.ts";

/** The check that a license file failed; each ends with exit status 80. */
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

/** An invalid license file; the message is the line that the contract fixes. */
export class LicenseError extends SentinelError {
  declare readonly code: LicenseErrorCode;

  constructor(code: LicenseErrorCode, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
  }
}

/** Message for a payload that is not strict JSON. */
export const MALFORMED_PAYLOAD = "invalid license payload: malformed JSON";

export function makePayloadError(field: string, reason: string): LicenseError {
  return new LicenseError("license.payload", `invalid license payload: ${field} ${reason}`);
}
