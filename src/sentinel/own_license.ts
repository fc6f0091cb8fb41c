import { LicenseError } from "../license/errors.ts";
import { loadValidLicense } from "../license/load_license.ts";
import type { License } from "../license/payload.ts";
import type { RunDependencies, RunRequest } from "./run.ts";

/**
 * The licence in a file, valid now and for the software that this program is for.
 *
 * @throws {LicenseError}
 */
export async function loadLicenseOf(
  { licensePath, softwareId }: Pick<RunRequest, "licensePath" | "softwareId">,
  { verify, clock }: Pick<RunDependencies, "verify" | "clock">,
): Promise<License> {
  const license = await loadValidLicense(licensePath, { verify, wallMs: clock.wallMs() });
  if (softwareId === undefined || license.software_id === softwareId) return license;
  throw new LicenseError(
    "license.software",
    `license is for another software: ${license.software_id}, not ${softwareId}`,
  );
}
