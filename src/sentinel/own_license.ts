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
  return await loadValidLicense(licensePath, { verify, wallMs: clock.wallMs(), softwareId });
}
