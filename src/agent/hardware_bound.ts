import { SentinelError } from "../core/errors.ts";
import { checkDates, type HardwareBoundLicense } from "../license/payload.ts";
import {
  compareFingerprint,
  type Fingerprint,
  type FingerprintMatch,
  parseFingerprint,
  readHardware,
} from "../license/fingerprint.ts";
import { TamperFindings } from "../enforcement/tamper_findings.ts";
import { TrustedTime } from "../enforcement/trusted_time.ts";
import type { Licensing, ProvenLicense } from "../enforcement/licensing.ts";
import type { RunDependencies } from "./run_request.ts";
import { createClockWatch, createDateWatch } from "../enforcement/watches.ts";

/** This is not the machine that the license is for (exit status 83). */
class HardwareMismatchError extends SentinelError {
  constructor(readonly match: Extract<FingerprintMatch, { kind: "mismatch" }>) {
    super(
      "hardware.mismatch",
      "hardware fingerprint mismatch: this license is not valid for this machine",
    );
  }
}

/** Licenses that belong to this machine: no server, no keystore, no state; the dates are all that may end a run. */
export class HardwareBoundLicensing implements Licensing<HardwareBoundLicense> {
  readonly findings: TamperFindings;
  readonly machineId: string;
  readonly #deps: RunDependencies;
  /** Nothing is remembered of earlier runs, but within one the clock cannot be set back unseen. */
  readonly #time: TrustedTime;

  private constructor(machineId: string, deps: RunDependencies) {
    this.machineId = machineId;
    this.findings = new TamperFindings(deps.log);
    this.#deps = deps;
    this.#time = new TrustedTime(deps.clock, deps.clock.wallMs());
  }

  static async open(
    license: HardwareBoundLicense,
    deps: RunDependencies,
  ): Promise<HardwareBoundLicensing> {
    const machineId = await socketId(fingerprintOf(license), license.hardware_fingerprint);
    return new HardwareBoundLicensing(machineId, deps);
  }

  /** @throws {HardwareMismatchError} on another machine; which components differ is in the log. */
  async prove(license: HardwareBoundLicense): Promise<ProvenLicense> {
    const { platform, log, clock } = this.#deps;
    const expected = fingerprintOf(license);
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
    checkDates(license, this.#time.nowMs());
    return {
      license,
      watches: [
        createDateWatch(license, clock, () => this.#time.nowMs()),
        createClockWatch(this.#time, { findings: this.findings, clock }),
      ],
      status: () => ({ license_status: "ACTIVE" }),
      end: () => Promise.resolve(),
    };
  }

  [Symbol.dispose](): void {}
}

/** The license was not read if it had none. */
function fingerprintOf({ hardware_fingerprint }: HardwareBoundLicense): Fingerprint {
  return parseFingerprint(hardware_fingerprint)!;
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
