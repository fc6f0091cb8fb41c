import { VerifiedExecutable } from "./agent.ts";
import type { RunHost } from "./run_host.ts";
import {
  checkIpcPath,
  loadRequestedLicense,
  type RunDependencies,
  type RunRequest,
} from "./run_request.ts";
import type { ChosenLicense } from "./kept_license.ts";
import type { SignedLicense } from "../license/license_file.ts";
import { checkDates, hasBegun, type License } from "../license/payload.ts";
import { SentinelError } from "../core/errors.ts";
import { CurrentLicense, type Licensing, type ProvenLicense } from "../enforcement/licensing.ts";
import { claimSocketPlace, logStopRequest, serveAndSupervise } from "./serve.ts";

/**
 * Proves the license, launches the software and waits until it ends.
 *
 * @returns The software's exit status; 0 after a request to stop.
 * @throws {SentinelError} Why nothing was launched, or why the software was stopped.
 */
export async function runSentinel(
  request: RunRequest,
  deps: RunDependencies,
  host: RunHost,
): Promise<number> {
  const { log, stopRequest: { stop } } = deps;
  checkIpcPath(request, deps);
  let given: SignedLicense;
  try {
    given = await loadRequestedLicense(request, deps);
  } catch (error) {
    // a request to stop ends the wait for a pipe
    if (!stop.aborted) throw error;
    logStopRequest(log, String(stop.reason));
    return 0;
  }
  const { present, next } = await chooseFirst(given, request, deps);
  const { license } = present;
  const software = new VerifiedExecutable(request.softwarePath, deps.platform);
  // whatever can fail comes before the activation, which would take a seat in vain
  await software.check(license.software_checksum);
  using licensing = await openLicensing({ license, next: next?.license }, request, deps);
  await using claims = new AsyncDisposableStack();
  const claim = async () => claims.use(await claimSocketPlace(licensing.machineId, request, deps));
  // hardware is compared without a server, and first
  const early = license.license_type === "STANDARD" ? await claim() : undefined;
  let first: ProvenLicense;
  try {
    first = await licensing.prove(license, stop);
  } catch (error) {
    // a request to stop aborts the request to the server; that it failed is no news then
    if (!(stop.aborted && isUnreachable(error))) throw error;
    logStopRequest(log, String(stop.reason));
    return 0;
  }
  await using current = new CurrentLicense(first, licensing);
  await current.keep(present.envelope);
  return await serveAndSupervise(request, deps, {
    ...{ licensing, current, envelope: present.envelope, software, host, next },
    claim: early ?? await claim(),
  });
}

/** Imports the search for another license only if the given one begins later. */
async function chooseFirst(
  given: SignedLicense,
  request: RunRequest,
  deps: RunDependencies,
): Promise<ChosenLicense> {
  if (hasBegun(given.license, deps.clock.wallMs())) return { present: given };
  const { chooseLicense } = await import("./kept_license.ts");
  return await chooseLicense(given, request, deps);
}

/** Whether it is an `UnreachableError`, which is loaded only if a license needs a server. */
function isUnreachable(error: unknown): boolean {
  return error instanceof SentinelError && error.code.startsWith("unreachable.");
}

/** @param next The license that was given, if another one is to run until its first day. */
async function openLicensing(
  { license, next }: { license: License; next: License | undefined },
  request: RunRequest,
  deps: RunDependencies,
): Promise<Licensing> {
  // each kind loads its own code only
  if (license.license_type === "STANDARD") {
    const { StandardLicensing } = await import("./standard.ts");
    using stack = new DisposableStack();
    const licensing = stack.use(await StandardLicensing.open(license, request, deps));
    // only a license that has run here stands in for the one that was given
    if (next !== undefined && !licensing.isActivated(license)) {
      checkDates(next, deps.clock.wallMs());
    }
    stack.move();
    return licensing;
  }
  const { HardwareBoundLicensing } = await import("./hardware_bound.ts");
  return await HardwareBoundLicensing.open(license, deps);
}
