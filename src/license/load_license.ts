import type { Verify } from "../signing/ecdsa.ts";
import { checkDates } from "./dates.ts";
import { LicenseError } from "./errors.ts";
import type { License } from "./payload.ts";
import { readLicenseFile } from "./read_license_file.ts";
import { verifyLicense } from "./verify_license.ts";

/** Which licences are accepted. */
export interface AcceptedLicenses {
  /** With the organisation's public key. */
  readonly verify: Verify;
  /** The one software that they may be for (default: whichever). */
  readonly softwareId?: string | undefined;
}

/** A licence from a file: genuine and well-formed; its dates may be over. @throws {LicenseError} */
export async function loadLicense(
  path: string,
  { verify, softwareId }: AcceptedLicenses,
): Promise<License> {
  const license = await verifyLicense(await readLicenseFile(path), verify);
  if (softwareId === undefined || license.software_id === softwareId) return license;
  throw new LicenseError(
    "license.software",
    `license is for other software: ${license.software_id} (expected ${softwareId})`,
  );
}

/** A licence from a file that is valid at this time. @throws {LicenseError} */
export async function loadValidLicense(
  path: string,
  accepted: AcceptedLicenses & { readonly wallMs: number },
): Promise<License> {
  const license = await loadLicense(path, accepted);
  checkDates(license, accepted.wallMs);
  return license;
}
