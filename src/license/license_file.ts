import { describeError } from "../core/errors.ts";
import { decodeUtf8, isObject, parseStrictJson } from "../core/strict_json.ts";
import { LicenseError, MALFORMED_PAYLOAD, payloadError } from "./errors.ts";
import type { Verify } from "../signing/ecdsa.ts";
import { type Envelope, isEnvelopeGenuine, readPayload } from "../signing/envelope.ts";
import { checkDates, type License, parsePayload } from "./payload.ts";

/** Limit of a license file. */
export const MAX_LICENSE_BYTES = 1024 * 1024;

/**
 * The text of a license file. Never reads more than the limit, whatever the file system says of its size, and never
 * waits for a writer: what is no regular file is not opened.
 *
 * @throws {LicenseError}
 */
export async function readLicenseFile(path: string): Promise<string> {
  const bytes = await readBounded(path);
  if (bytes.length > MAX_LICENSE_BYTES) {
    throw new LicenseError("license.too_large", "license file is larger than 1 MiB");
  }
  const text = decodeUtf8(bytes);
  if (text === undefined) {
    throw new LicenseError("license.malformed", "invalid license file: malformed JSON");
  }
  return text;
}

async function readBounded(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const info = await Deno.stat(path);
    if (!info.isFile) {
      const kind = info.isDirectory ? "a folder" : "not a regular file";
      throw new LicenseError(
        "license.unreadable",
        `license file cannot be read: ${path} is ${kind}`,
      );
    }
    using file = await Deno.open(path);
    const buffer = new Uint8Array(Math.min(info.size, MAX_LICENSE_BYTES) + 1);
    let length = 0;
    while (length < buffer.length) {
      const count = await file.read(buffer.subarray(length));
      if (count === null) break;
      length += count;
    }
    return buffer.subarray(0, length);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): LicenseError {
  if (error instanceof LicenseError) return error;
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    return new LicenseError("license.not_found", `license file not found: ${path}`);
  }
  const reason = error instanceof Deno.errors.PermissionDenied
    ? "permission denied"
    : describeError(error);
  return new LicenseError(
    "license.unreadable",
    `license file cannot be read: ${path} (${reason})`,
    {
      cause: error,
    },
  );
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
