import { describeError } from "../core/errors.ts";
import { UnfitFileError } from "../core/files.ts";
import { isObject, parseStrictJson } from "../core/strict_json.ts";
import { LicenseError, makePayloadError, MALFORMED_PAYLOAD } from "./errors.ts";
import type { Verify } from "../signing/ecdsa.ts";
import { type Envelope, isEnvelopeGenuine, readPayload } from "../signing/envelope.ts";
import {
  LICENSE_TEXT_VARIABLE,
  type LicenseSource,
  type PipeWait,
  readSource,
} from "./license_source.ts";
import { decodeLicense, parseLicenseJson, removeBlanks } from "./license_text.ts";
import { checkDates, type License, parsePayload } from "./payload.ts";

export const MAX_LICENSE_BYTES = 1024 * 1024;

/**
 * Reads a license's text, at most {@linkcode MAX_LICENSE_BYTES}.
 *
 * @throws {LicenseError}
 * @example
 * ```ts
 * const text = await readLicense({ path: "/etc/rocket/rocket.lic" }, { clock: systemClock });
 * ```
 */
export async function readLicense(source: LicenseSource, wait: PipeWait): Promise<string> {
  const bytes = await readLicenseBytes(source, wait);
  const text = decodeLicense(bytes);
  if (text === undefined) throw makeMalformedError("it is not text in UTF-8 or UTF-16");
  return text;
}

async function readLicenseBytes(
  source: LicenseSource,
  wait: PipeWait,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readSource(source, { ...wait, maxBytes: MAX_LICENSE_BYTES });
  } catch (cause) {
    throw explainReadFault("path" in source ? source.path : LICENSE_TEXT_VARIABLE, cause);
  }
}

function explainReadFault(path: string, cause: unknown): LicenseError {
  if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
    return new LicenseError("license.not_found", `license file not found: ${path}`);
  }
  const unreadable = `license file cannot be read: ${path}`;
  if (!(cause instanceof UnfitFileError)) {
    const isDenied = cause instanceof Deno.errors.PermissionDenied;
    const reason = isDenied ? "permission denied" : describeError(cause);
    return new LicenseError("license.unreadable", `${unreadable} (${reason})`, { cause });
  }
  return cause.fault === "too_large"
    ? new LicenseError("license.too_large", "license file is larger than 1 MiB")
    : new LicenseError("license.unreadable", `${unreadable} ${cause.message}`);
}

/** The only algorithm: named as in RFC 7518 section 3.4, but with a DER signature. */
export const LICENSE_ALGORITHM = "ES256";

/** A license file's fields, as the organization signed them. */
export interface LicenseEnvelope extends Envelope {
  readonly alg: string;
}

/** A genuine license, and the file that proves it. */
export interface SignedLicense {
  readonly license: License;
  readonly envelope: LicenseEnvelope;
}

/**
 * Verifies the text of a license file and parses its payload. Checks the signature before it parses the payload; does not
 * check the dates.
 *
 * @param verify Verifies with the organization's public key.
 * @throws {LicenseError}
 * @example
 * ```ts
 * const verify = await loadOrganizationKey({ path: "org_public_key.pem" });
 * const { license_key, expiry_date } = await verifyLicense(fileText, verify);
 * ```
 */
export async function verifyLicense(fileText: string, verify: Verify): Promise<License> {
  return (await openLicense(fileText, verify)).license;
}

/** Like {@linkcode verifyLicense}, but keeps the proof. */
export async function openLicense(fileText: string, verify: Verify): Promise<SignedLicense> {
  const envelope = parseLicenseFile(fileText);
  if (!await isEnvelopeGenuine(envelope, verify)) {
    throw new LicenseError("license.signature", "license signature verification failed");
  }
  const text = readPayload(envelope);
  if (text === undefined) throw new LicenseError("license.malformed", MALFORMED_PAYLOAD);
  const json = parseStrictJson(text);
  if ("value" in json) return { license: parsePayload(json.value), envelope };
  if (json.fault.kind === "duplicate_key") {
    throw makePayloadError(json.fault.key, "must not appear twice");
  }
  throw new LicenseError("license.malformed", MALFORMED_PAYLOAD);
}

function parseLicenseFile(text: string): LicenseEnvelope {
  const json = parseLicenseJson(text);
  if (!("value" in json)) throw makeMalformedError(json.damage);
  if (!isObject(json.value)) throw makeMalformedError("it is not an object");
  const { alg, payload, sig } = json.value;
  if (typeof alg !== "string") throw makeMalformedError("alg is missing");
  if (typeof payload !== "string") throw makeMalformedError("payload is missing");
  if (typeof sig !== "string") throw makeMalformedError("sig is missing");
  if (alg !== LICENSE_ALGORITHM) {
    throw new LicenseError(
      "license.algorithm",
      `unsupported license algorithm: ${sanitizeForTerminal(alg)} (expected ${LICENSE_ALGORITHM})`,
    );
  }
  return { alg, payload: removeBlanks(payload), sig: removeBlanks(sig) };
}

/** @param damage What is wrong with the file, if that is known. */
function makeMalformedError(damage: string | undefined): LicenseError {
  const line = "invalid license file: malformed JSON";
  return new LicenseError("license.malformed", damage === undefined ? line : `${line} (${damage})`);
}

/** Untrusted text as at most 33 printable characters. */
function sanitizeForTerminal(text: string): string {
  const short = text.length > 32 ? text.slice(0, 32) + "…" : text;
  return short.replaceAll(/[^\x20-\x7e…]/g, "?");
}

/** How a license is loaded. */
export interface LicenseLoading extends PipeWait {
  readonly verify: Verify;
}

/**
 * Reads and verifies a license; does not check the dates. What is wrong with a text names the variable.
 *
 * @throws {LicenseError}
 * @example
 * ```ts
 * const { license } = await loadLicense({ path: "rocket.lic" }, { verify, clock: systemClock });
 * ```
 */
export async function loadLicense(
  source: LicenseSource,
  { verify, ...wait }: LicenseLoading,
): Promise<SignedLicense> {
  try {
    return await openLicense(await readLicense(source, wait), verify);
  } catch (error) {
    if ("path" in source || !(error instanceof LicenseError)) throw error;
    const message = `${LICENSE_TEXT_VARIABLE}: ${error.message}`;
    throw new LicenseError(error.code, message, { cause: error });
  }
}

/** What a license must meet. */
export interface LicenseRequirements extends LicenseLoading {
  /** Time at which the license must be in date, milliseconds since the Unix epoch. */
  readonly wallMs: number;
  /** The product that the license must be for (default: any). */
  readonly softwareId?: string | undefined;
}

/**
 * Reads a license and checks its signature, software and dates.
 *
 * @throws {LicenseError}
 * @example
 * ```ts
 * const terms = { verify, clock, wallMs: clock.wallMs(), softwareId: "rocket" };
 * const { license } = await loadValidLicense({ path: "rocket.lic" }, terms);
 * ```
 */
export async function loadValidLicense(
  source: LicenseSource,
  { wallMs, softwareId, ...loading }: LicenseRequirements,
): Promise<SignedLicense> {
  const signed = await loadLicense(source, loading);
  checkSoftware(signed.license, softwareId);
  checkDates(signed.license, wallMs);
  return signed;
}

/**
 * Checks that a license is for a product; any product passes if none is given.
 *
 * @throws {LicenseError} `license.software`
 * @example
 * ```ts
 * checkSoftware(license, "rocket");
 * ```
 */
export function checkSoftware(license: License, softwareId: string | undefined): void {
  if (softwareId === undefined || license.software_id === softwareId) return;
  throw new LicenseError(
    "license.software",
    `license is for another software: ${license.software_id}, not ${softwareId}`,
  );
}
