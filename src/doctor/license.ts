import { describeError, SentinelError } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import { checkDates, type HardwareBoundLicense, type License } from "../license/payload.ts";
import {
  compareFingerprint,
  findFingerprintWeakness,
  parseFingerprint,
  readHardware,
} from "../license/fingerprint.ts";
import { countDaysLeft } from "../enforcement/term.ts";
import { checkSoftware, loadLicense } from "../license/license_file.ts";
import type { LicenseSource } from "../license/license_source.ts";
import { loadOrganizationKey, type OrganizationKeySource } from "../license/organization_key.ts";
import type { Platform } from "../platform/contract.ts";
import type { Verify } from "../signing/ecdsa.ts";
import { type Diagnostic, fail, pass, skip } from "./diagnostic.ts";

/** The key and the license, if they are valid, and the diagnostics. */
interface LicenseExamination {
  readonly license: License | undefined;
  readonly verify: Verify | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** As long before its end a license is said to end. */
const NOTICE_DAYS = 30;

/** Checks key, license, dates and hardware. */
export async function examineLicense(
  { license: source, orgKey, softwareId }: {
    license: LicenseSource | undefined;
    orgKey: OrganizationKeySource | undefined;
    softwareId?: string | undefined;
  },
  { clock, platform }: { clock: Clock; platform: Platform },
): Promise<LicenseExamination> {
  const { verify, diagnostic: key } = await examineKey(orgKey);
  const { license, diagnostic } = await examineFile(source, { verify, softwareId, clock });
  const rest = license === undefined
    ? [skip("dates", "no license was read"), skip("hardware", "no license was read")]
    : [examineDates(license, clock.wallMs()), await examineHardware(license, platform)];
  return { license, verify, diagnostics: [key, diagnostic, ...rest] };
}

async function examineKey(
  source: OrganizationKeySource | undefined,
): Promise<{ verify?: Verify; diagnostic: Diagnostic }> {
  const fault = (found: string) =>
    fail("key", found, {
      advice: "give the vendor's org_public_key.pem as --org-key or SENTINEL_ORG_KEY",
      code: "config.org_key",
    });
  if (source === undefined) return { diagnostic: fault("no organization key is given") };
  try {
    const verify = await loadOrganizationKey(source);
    const place = "path" in source ? `in ${source.path}` : "built in";
    return { verify, diagnostic: pass("key", `P-256 public key ${place}`) };
  } catch (error) {
    return { diagnostic: fault(describeError(error)) };
  }
}

async function examineFile(
  source: LicenseSource | undefined,
  { verify, softwareId, clock }: {
    verify: Verify | undefined;
    softwareId: string | undefined;
    clock: Clock;
  },
): Promise<{ license?: License; diagnostic: Diagnostic }> {
  if (source === undefined) return { diagnostic: skip("license", "no --license is given") };
  if (verify === undefined) {
    return { diagnostic: skip("license", "cannot be verified without the organization's key") };
  }
  try {
    const { license } = await loadLicense(source, { verify, clock });
    checkSoftware(license, softwareId);
    const { license_key, license_type, software_id } = license;
    return {
      license,
      diagnostic: pass("license", `${license_key}: ${license_type} for ${software_id}, genuine`),
    };
  } catch (error) {
    if (!(error instanceof SentinelError)) throw error;
    return {
      diagnostic: fail("license", error.message, { advice: adviseOn(error), code: error.code }),
    };
  }
}

function adviseOn({ code }: SentinelError): string {
  switch (code) {
    case "license.not_found":
      return "check the path";
    case "license.unreadable":
      return "make the file readable for this user";
    case "license.signature":
      return "check that the key is this vendor's, then ask the vendor for the file again";
    case "license.software":
      return "use the sentinel that came with that software";
    case "license.version":
    case "license.algorithm":
      return "update sentinel, or ask the vendor for a license of this version";
    default:
      return "ask the vendor for the file again";
  }
}

function examineDates(license: License, wallMs: number): Diagnostic {
  try {
    checkDates(license, wallMs);
  } catch (error) {
    if (!(error instanceof SentinelError)) throw error;
    return fail("dates", error.message, {
      advice: error.code === "license.expired"
        ? "ask the vendor for a new license"
        : "wait until then, or set this machine's clock if it is wrong",
      code: error.code,
    });
  }
  const { issue_date, expiry_date } = license;
  const days = countDaysLeft(expiry_date, wallMs);
  const advice = days <= NOTICE_DAYS ? ": ask the vendor for the next license" : "";
  return pass(
    "dates",
    `valid from ${issue_date} to ${expiry_date} UTC (days after today: ${days})${advice}`,
  );
}

async function examineHardware(license: License, platform: Platform): Promise<Diagnostic> {
  if (license.license_type !== "HARDWARE_BOUND") {
    return skip("hardware", "the license is not bound to hardware");
  }
  return await compareHardware(license, platform);
}

async function compareHardware(
  { hardware_fingerprint }: HardwareBoundLicense,
  platform: Platform,
): Promise<Diagnostic> {
  const hardware = await readHardware(await platform.fingerprintSources());
  const expected = parseFingerprint(hardware_fingerprint)!;
  const match = await compareFingerprint(expected, hardware);
  if (match.kind === "match") {
    const weakness = findFingerprintWeakness(expected, hardware);
    const remark = weakness?.kind === "unbound" ? `, but ${weakness.message}` : "";
    return pass("hardware", `this is the license's machine${remark}`);
  }
  const faults = [
    ...match.differing.map((name) => `${name} differs`),
    ...match.unreadable.map((name) => `${name} cannot be read`),
  ];
  const detail = faults.length === 0 ? "cpu, disk or machine_id differs" : faults.join(", ");
  return fail("hardware", `the license is for another machine: ${detail}`, {
    advice: "send the vendor the output of `sentinel fingerprint --explain`",
    code: "hardware.mismatch",
  });
}
