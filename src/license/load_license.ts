import type { Verify } from "../signing/ecdsa.ts";
import { checkDates } from "./dates.ts";
import type { License } from "./payload.ts";
import { readLicenseFile } from "./read_license_file.ts";
import { verifyLicense } from "./verify_license.ts";

/** A licence from a file: genuine and well-formed; its dates may be over. @throws {LicenseError} */
export async function loadLicense(path: string, verify: Verify): Promise<License> {
  return await verifyLicense(await readLicenseFile(path), verify);
}

/** A licence from a file that is valid at this time. @throws {LicenseError} */
export async function loadValidLicense(
  path: string,
  { verify, wallMs }: { verify: Verify; wallMs: number },
): Promise<License> {
  const license = await loadLicense(path, verify);
  checkDates(license, wallMs);
  return license;
}
