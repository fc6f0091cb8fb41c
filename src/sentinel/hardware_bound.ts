import { SentinelError } from "../core/errors.ts";
import { compareFingerprint, type FingerprintMatch, readHardware } from "../license/fingerprint.ts";
import { type Fingerprint, parseFingerprint } from "../license/fingerprint_form.ts";
import type { HardwareBoundLicense } from "../license/payload.ts";
import type { RunDependencies, RunRequest } from "./run.ts";
import { serveAndSupervise } from "./serve_and_supervise.ts";
import { dateWatch } from "./watches.ts";

/** This is not the machine that the licence is for (exit status 83). */
export class HardwareMismatchError extends SentinelError {
  constructor(readonly match: Extract<FingerprintMatch, { kind: "mismatch" }>) {
    super(
      "hardware.mismatch",
      "hardware fingerprint mismatch: this license is not valid for this machine",
    );
  }
}

/**
 * Runs software under a licence that belongs to this machine: no server, no keystore, no state; the dates are all that may
 * end it besides the software itself.
 *
 * @throws {HardwareMismatchError} on another machine; which components differ is in the log.
 */
export async function runHardwareBound(
  license: HardwareBoundLicense,
  request: RunRequest,
  deps: RunDependencies,
): Promise<number> {
  const { clock, log, platform } = deps;
  // the licence was not read if it had no fingerprint
  const expected = parseFingerprint(license.hardware_fingerprint)!;
  const hardware = await readHardware(await platform.fingerprintSources());
  const match = await compareFingerprint(expected, hardware);
  if (match.kind === "mismatch") {
    log.warn(describeMismatch(expected, match));
    for (const name of match.unreadable) {
      const component = hardware[name];
      if (component.kind === "unreadable") log.warn(`${name} cannot be read: ${component.why}`);
    }
    throw new HardwareMismatchError(match);
  }
  return await serveAndSupervise(request, deps, {
    license,
    machineId: await socketId(expected, license.hardware_fingerprint),
    watches: [dateWatch(license, clock, () => clock.wallMs())],
    status: () => ({ license_status: "ACTIVE" }),
  });
}

/** For the vendor's support: a part was replaced, or it is another machine. */
function describeMismatch(
  expected: Fingerprint,
  { differing, unreadable }: HardwareMismatchError["match"],
): string {
  const faults = [
    differing.length > 0 ? `${differing.join(", ")} differ` : "",
    unreadable.length > 0 ? `${unreadable.join(", ")} cannot be read` : "",
  ].filter((fault) => fault !== "").join("; ");
  if (expected.form === "v1") return `hardware: ${faults || "cpu, disk or machine_id differs"}`;
  const matching = expected.hashes.size - differing.length - unreadable.length;
  return `hardware: ${matching} of ${expected.hashes.size} components match, ${expected.threshold} must: ${faults}`;
}

/** Digits of the digest in a socket's name: with all of v2's text, the path would not fit. */
const SOCKET_ID_DIGITS = 32;

async function socketId(expected: Fingerprint, text: string): Promise<string> {
  if (expected.form === "v1") return expected.digest;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, SOCKET_ID_DIGITS);
}
