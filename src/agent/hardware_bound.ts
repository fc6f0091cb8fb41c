import { SentinelError } from "../core/errors.ts";
import { type AnnouncedDays, LicenseTerm } from "../enforcement/term.ts";
import type { HardwareBoundLicense } from "../license/payload.ts";
import {
  compareFingerprint,
  findFingerprintWeakness,
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

/** The license is for another machine (exit status 83). */
class HardwareMismatchError extends SentinelError {
  constructor(readonly match: Extract<FingerprintMatch, { kind: "mismatch" }>) {
    super(
      "hardware.mismatch",
      "hardware fingerprint mismatch: this license is not valid for this machine",
    );
  }
}

/** Licenses bound to this machine's hardware. They need no server, keystore or state; only their dates can end a run. */
export class HardwareBoundLicensing implements Licensing<HardwareBoundLicense> {
  readonly findings: TamperFindings;
  readonly machineId: string;
  readonly #deps: RunDependencies;
  /** Detects a clock that is set back within a run; nothing is saved for the next one. */
  readonly #time: TrustedTime;

  readonly #announced: AnnouncedDays = new WeakMap();

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
    const machineId = await computeSocketId(
      parseLicensedFingerprint(license),
      license.hardware_fingerprint,
    );
    return new HardwareBoundLicensing(machineId, deps);
  }

  /** @throws {HardwareMismatchError} on another machine; the log names the components that differ. */
  async prove(license: HardwareBoundLicense): Promise<ProvenLicense> {
    const { platform, log, clock } = this.#deps;
    const expected = parseLicensedFingerprint(license);
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
    const weakness = findFingerprintWeakness(expected, hardware);
    if (weakness?.kind === "unbound") log.warn(weakness.message);
    const term = new LicenseTerm(license, {
      log,
      announced: this.#announced,
      nowMs: () => this.#time.nowMs(),
    });
    term.check();
    return {
      license,
      watches: [
        createDateWatch(term, clock),
        createClockWatch(this.#time, { findings: this.findings, clock }),
      ],
      status: () => ({ license_status: "ACTIVE" }),
      nowMs: () => this.#time.nowMs(),
      daysLeft: () => term.daysLeft,
      onEnding: (listener) => term.onEnding(listener),
      machineId: this.machineId,
      end: () => Promise.resolve(),
    };
  }

  [Symbol.dispose](): void {}
}

/** The payload's parser has validated the fingerprint. */
function parseLicensedFingerprint({ hardware_fingerprint }: HardwareBoundLicense): Fingerprint {
  return parseFingerprint(hardware_fingerprint)!;
}

/** Tells the vendor's support a replaced part from another machine. */
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
  const count = `${matching} of ${expected.hashes.size} components match`;
  return matching < expected.threshold
    ? `hardware: ${count}, ${expected.threshold} must: ${faults}`
    : `hardware: ${count}, but none of those that tell this machine from similar ones: ${faults}`;
}

/** Hex digits of the digest in the socket's name; the whole v2 fingerprint would be too long for a path. */
const SOCKET_ID_DIGITS = 32;

async function computeSocketId(expected: Fingerprint, text: string): Promise<string> {
  if (expected.form === "v1") return expected.digest;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, SOCKET_ID_DIGITS);
}
