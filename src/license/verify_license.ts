import { parseStrictJson } from "../core/strict_json.ts";
import type { Verify } from "../signing/ecdsa.ts";
import { type Envelope, isEnvelopeGenuine, readPayload } from "../signing/envelope.ts";
import { LicenseError, MALFORMED_PAYLOAD, payloadError } from "./errors.ts";
import { type License, parsePayload } from "./payload.ts";

/** The one algorithm (RFC 7518 section 3.4's name; the signature is DER, not JWS's). */
export const LICENSE_ALGORITHM = "ES256";

/**
 * A licence from the text of its file. The signature is checked before the payload is looked into; the dates are not
 * checked here.
 *
 * @param verify With the organisation's public key.
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
  if (!("value" in json) || typeof json.value !== "object" || json.value === null) {
    throw malformedFile();
  }
  const { alg, payload, sig } = json.value as Record<string, unknown>;
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
