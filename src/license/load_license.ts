import type { Verify } from "../signing/ecdsa.ts";
import { checkDates } from "./dates.ts";
import { LicenseError } from "./errors.ts";
import type { License } from "./payload.ts";
import { readLicenseFile } from "./read_license_file.ts";
import { verifyLicense } from "./verify_license.ts";

/** A licence from a file: genuine and well-formed; its dates may be over. @throws {LicenseError} */
export async function loadLicense(path: string, verify: Verify): Promise<License> {
  return await verifyLicense(await readLicenseFile(path), verify);
}

/** What a licence has to fulfil besides being genuine. */
export interface LicenseTerms {
  readonly verify: Verify;
  readonly wallMs: number;
  /** The only software that it may be for (default: any). */
  readonly softwareId?: string | undefined;
}

/** A licence from a file that is valid at this time, and for this software. @throws {LicenseError} */
export async function loadValidLicense(
  path: string,
  { verify, wallMs, softwareId }: LicenseTerms,
): Promise<License> {
  const license = await loadLicense(path, verify);
  checkSoftware(license, softwareId);
  checkDates(license, wallMs);
  return license;
}

/** @throws {LicenseError} where it is for another software. */
export function checkSoftware(license: License, softwareId: string | undefined): void {
  if (softwareId === undefined || license.software_id === softwareId) return;
  throw new LicenseError(
    "license.software",
    `license is for another software: ${license.software_id}, not ${softwareId}`,
  );
}
