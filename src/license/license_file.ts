import { describeError } from "../core/errors.ts";
import { readSmallText, UnfitFileError } from "../core/files.ts";
import { isObject, parseStrictJson } from "../core/strict_json.ts";
import { LicenseError, MALFORMED_PAYLOAD, payloadError } from "./errors.ts";
import type { Verify } from "../signing/ecdsa.ts";
import { type Envelope, isEnvelopeGenuine, readPayload } from "../signing/envelope.ts";
import { checkDates, type License, parsePayload } from "./payload.ts";

/** Limit of a license file. */
export const MAX_LICENSE_BYTES = 1024 * 1024;

/**
 * Reads the text of a license file, at most {@linkcode MAX_LICENSE_BYTES}. Opens regular files only, so that it never waits
 * for a writer.
 *
 * @throws {LicenseError}
 */
export async function readLicenseFile(path: string): Promise<string> {
  try {
    return (await readSmallText(path, MAX_LICENSE_BYTES)).text;
  } catch (cause) {
    throw explainReadFault(path, cause);
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
  switch (cause.fault) {
    case "not_a_file":
      return new LicenseError("license.unreadable", `${unreadable} ${cause.message}`);
    case "too_large":
      return new LicenseError("license.too_large", "license file is larger than 1 MiB");
    case "not_text":
      return new LicenseError("license.malformed", "invalid license file: malformed JSON");
  }
}

/** The one algorithm (RFC 7518 section 3.4's name; the signature is DER, not JWS's). */
export const LICENSE_ALGORITHM = "ES256";

/**
 * A license from the text of its file. The signature is checked before the payload is looked into; the dates are not
 * checked here.
 *
 * @param verify With the organization's public key.
 * @throws {LicenseError}
 */
export async function verifyLicense(fileText: string, verify: Verify): Promise<License> {
  const envelope = parseLicenseFile(fileText);
  if (!await isEnvelopeGenuine(envelope, verify)) {
    throw new LicenseError("license.signature", "license signature verification failed");
  }
  const text = readPayload(envelope);
  if (text === undefined) throw new LicenseError("license.malformed", MALFORMED_PAYLOAD);
  const json = parseStrictJson(text);
  if ("value" in json) return parsePayload(json.value);
  if (json.fault.kind === "duplicate_key") {
    throw payloadError(json.fault.key, "must not appear twice");
  }
  throw new LicenseError("license.malformed", MALFORMED_PAYLOAD);
}

function parseLicenseFile(text: string): Envelope {
  const json = parseStrictJson(text);
  if (!("value" in json) || !isObject(json.value)) throw malformedFile();
  const { alg, payload, sig } = json.value;
  if (typeof alg !== "string" || typeof payload !== "string" || typeof sig !== "string") {
    throw malformedFile();
  }
  if (alg !== LICENSE_ALGORITHM) {
    throw new LicenseError(
      "license.algorithm",
      `unsupported license algorithm: ${printable(alg)} (expected ${LICENSE_ALGORITHM})`,
    );
  }
  return { payload, sig };
}

function malformedFile(): LicenseError {
  return new LicenseError("license.malformed", "invalid license file: malformed JSON");
}

/** What a stranger's file says, fit for one line of a terminal. */
function printable(text: string): string {
  const short = text.length > 32 ? text.slice(0, 32) + "…" : text;
  return short.replaceAll(/[^\x20-\x7e…]/g, "?");
}

/** A license from a file: genuine and well-formed; its dates may be over. @throws {LicenseError} */
export async function loadLicense(path: string, verify: Verify): Promise<License> {
  return await verifyLicense(await readLicenseFile(path), verify);
}

/** What a license has to fulfill besides being genuine. */
export interface LicenseTerms {
  readonly verify: Verify;
  readonly wallMs: number;
  /** The only software that it may be for (default: any). */
  readonly softwareId?: string | undefined;
}

/** A license from a file that is valid at this time, and for this software. @throws {LicenseError} */
export async function loadValidLicense(
  path: string,
  { verify, wallMs, softwareId }: LicenseTerms,
): Promise<License> {
  const license = await loadLicense(path, verify);
  checkSoftware(license, softwareId);
  checkDates(license, wallMs);
  return license;
}

/** @throws {LicenseError} where it is for another software. */
export function checkSoftware(license: License, softwareId: string | undefined): void {
  if (softwareId === undefined || license.software_id === softwareId) return;
  throw new LicenseError(
    "license.software",
    `license is for another software: ${license.software_id}, not ${softwareId}`,
  );
}
