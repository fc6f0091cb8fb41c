import { SentinelError } from "../core/errors.ts";
import { loadLicense } from "../license/license_file.ts";
import type { LicenseSource } from "../license/license_source.ts";
import { hasBegun, type License, type StandardLicense } from "../license/payload.ts";
import { AlreadyRunningError } from "../state/state_folder.ts";
import { findKeptLicense } from "./kept_license.ts";
import type { LicenseRequest, RunDependencies } from "./run_request.ts";
import { StandardLicensing } from "./standard.ts";

/** The place that a machine gave back. */
export interface Deactivation {
  readonly licenseKey: string;
  readonly machineId: string;
}

export interface DeactivationRequest extends LicenseRequest {
  readonly license: LicenseSource;
  readonly orgKey: NonNullable<LicenseRequest["orgKey"]>;
}

/**
 * Gives this machine's place on a license back to the vendor, and forgets the license's state. The license need not be valid
 * any more.
 *
 * @throws {SentinelError} Nothing was changed.
 */
export async function deactivate(
  request: DeactivationRequest,
  deps: RunDependencies,
): Promise<Deactivation> {
  const { stop } = deps.stopRequest;
  const { license } = await loadLicense(request.license, { ...deps, stop });
  if (license.license_type !== "STANDARD") {
    throw new SentinelError(
      "usage.deactivate",
      "a hardware-bound license is not activated: there is nothing to give back",
    );
  }
  using licensing = await openStopped(() => StandardLicensing.openExisting(license, request, deps));
  const licenses = [license, ...await findPresent(license, request, deps)];
  for (const each of licenses) {
    if (licensing !== undefined && await licensing.release(each, stop)) {
      return { licenseKey: each.license_key, machineId: licensing.machineId };
    }
  }
  throw new SentinelError(
    "usage.deactivate",
    `license ${license.license_key} is not activated here: run this as the user that runs the software, ` +
      "with the same --state-dir",
  );
}

/** The license that runs until the given one begins, if any. */
async function findPresent(
  given: License,
  request: DeactivationRequest,
  deps: RunDependencies,
): Promise<StandardLicense[]> {
  if (hasBegun(given, deps.clock.wallMs())) return [];
  const kept = await findKeptLicense(given, request, deps);
  return kept.kind === "found" ? [kept.license] : [];
}

/** Says what to do if the software still runs. */
async function openStopped<T>(open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof AlreadyRunningError)) throw error;
    const message = `${error.message} — stop it first; nothing was changed`;
    throw new SentinelError(error.code, message, { cause: error });
  }
}
