import { VerifiedExecutable } from "./agent.ts";
import type { RunHost } from "./run_host.ts";
import {
  checkIpcPath,
  loadRequestedLicense,
  type RunDependencies,
  type RunRequest,
} from "./run_request.ts";
import type { SignedLicense } from "../license/license_file.ts";
import type { License } from "../license/payload.ts";
import { UnreachableError } from "../enforcement/judgment.ts";
import { CurrentLicense, type Licensing, type ProvenLicense } from "../enforcement/licensing.ts";
import { logStopRequest, serveAndSupervise } from "./serve.ts";
import { StandardLicensing } from "./standard.ts";

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
  let signed: SignedLicense;
  try {
    signed = await loadRequestedLicense(request, deps);
  } catch (error) {
    // a request to stop ends the wait for a pipe
    if (!stop.aborted) throw error;
    logStopRequest(log, String(stop.reason));
    return 0;
  }
  const { license, envelope } = signed;
  const software = new VerifiedExecutable(request.softwarePath, deps.platform);
  // before the activation, which would take a seat in vain
  await software.check(license.software_checksum);
  using licensing = await openLicensing(license, request, deps);
  let first: ProvenLicense;
  try {
    first = await licensing.prove(license, stop);
  } catch (error) {
    // a request to stop aborts the request to the server; that it failed is no news then
    if (!(stop.aborted && error instanceof UnreachableError)) throw error;
    logStopRequest(log, String(stop.reason));
    return 0;
  }
  await using current = new CurrentLicense(first, licensing);
  return await serveAndSupervise(request, deps, { licensing, current, envelope, software, host });
}

async function openLicensing(
  license: License,
  request: RunRequest,
  deps: RunDependencies,
): Promise<Licensing> {
  if (license.license_type === "STANDARD") {
    return await StandardLicensing.open(license, request, deps);
  }
  const { HardwareBoundLicensing } = await import("./hardware_bound.ts");
  return await HardwareBoundLicensing.open(license, deps);
}
