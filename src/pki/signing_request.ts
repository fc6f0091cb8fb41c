// must precede @peculiar/x509
import "reflect-metadata";
import {
  PemConverter,
  Pkcs10CertificateRequest,
  type PublicKey,
  SubjectAlternativeNameExtension,
} from "@peculiar/x509";
import { SentinelError } from "../core/errors.ts";
import type { Holder } from "./holder.ts";
import { parseHostName } from "./holder.ts";

const MIN_RSA_BITS = 2048;
const CURVES = ["P-256", "P-384"];

/**
 * Reads the public key of a certificate request (PEM, PKCS#10). The request may not ask for a CN, OU or name that the holder
 * does not have; other requested fields, such as usages, are ignored and not granted.
 *
 * @throws {SentinelError} `config.request` if it is malformed, not signed with its own key, has a weak key, or asks for more.
 */
export async function readSigningRequest(pem: string, holder: Holder): Promise<PublicKey> {
  const request = parse(pem);
  if (!await request.verify().catch(() => false)) {
    throw new SentinelError("config.request", "request refused: its signature is not its key's");
  }
  const fault = findKeyFault(request.publicKey) ?? findSubjectFault(request, holder) ??
    findNameFault(request, holder);
  if (fault !== undefined) throw new SentinelError("config.request", `request refused: ${fault}`);
  return request.publicKey;
}

function parse(pem: string): Pkcs10CertificateRequest {
  try {
    const [der, ...others] = PemConverter.decode(pem);
    if (der !== undefined && others.length === 0) return new Pkcs10CertificateRequest(der);
  } catch { /* reported below */ }
  throw new SentinelError("config.request", "request cannot be read: it is none (PEM, PKCS#10)");
}

function findKeyFault({ algorithm }: PublicKey): string | undefined {
  const { name, namedCurve, modulusLength = 0 } = algorithm as Algorithm & {
    namedCurve?: string;
    modulusLength?: number;
  };
  const isStrong = CURVES.includes(namedCurve ?? "") || name === "Ed25519" ||
    name.startsWith("RSA") && modulusLength >= MIN_RSA_BITS;
  const strong = `${CURVES.join(", ")}, Ed25519 or RSA of ${MIN_RSA_BITS} bits`;
  return isStrong ? undefined : `its key is not ${strong}`;
}

function findSubjectFault(
  { subjectName }: Pkcs10CertificateRequest,
  { name, role }: Holder,
): string | undefined {
  const granted = { CN: name, OU: role };
  for (const field of ["CN", "OU"] as const) {
    const asked = subjectName.getField(field);
    if (asked.length > 1) return `it has ${field} more than once`;
    if (asked.length === 1 && asked[0] !== granted[field]) {
      const instead = granted[field] === undefined ? "none is" : `${granted[field]} is`;
      return `it asks for ${field}=${JSON.stringify(asked[0])}, but ${instead} granted`;
    }
  }
  return undefined;
}

function findNameFault(request: Pkcs10CertificateRequest, { hosts }: Holder): string | undefined {
  const asked = request.extensions.filter((extension) =>
    extension instanceof SubjectAlternativeNameExtension
  );
  for (const { type, value } of asked.flatMap(({ names }) => names.items)) {
    const host = parseHostName(value);
    const isGranted = host?.type === type && hosts.some((granted) => granted.value === host.value);
    if (!isGranted) return `it asks for the name ${JSON.stringify(value)}, which is not granted`;
  }
  return undefined;
}
