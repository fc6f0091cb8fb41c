import type { LicenseInfo } from "../ipc/license_answers.ts";
import type { License } from "../license/payload.ts";

/** What the licensed software is told of its licence. */
export function licenseInfo(license: License): LicenseInfo {
  const { license_key, license_type, expiry_date, features, org_id, software_id } = license;
  return { license_key, license_type, expiry_date, features, org_id, software_id };
}
