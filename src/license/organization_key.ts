import { describeError, SentinelError } from "../core/errors.ts";
import { readSmallText } from "../core/files.ts";
import { decodePem } from "../signing/pem.ts";
import {
  exportPublicKeyPem,
  importPublicKeyPem,
  makeVerifier,
  type Verify,
} from "../signing/ecdsa.ts";

/** The organization's public key cannot be read or used (exit status 2). */
export class OrganizationKeyError extends SentinelError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("config.org_key", message, options);
  }
}

/** The organization's public key: a file's path, or the built-in PEM text. */
export type OrganizationKeySource = { readonly path: string } | { readonly pem: string };

/** Makes a verifier with the organization's public key. @throws {OrganizationKeyError} */
export async function loadOrganizationKey(source: OrganizationKeySource): Promise<Verify> {
  if ("path" in source) return makeVerifier(await readOrganizationKey(source.path));
  const key = await importPublicKeyPem(source.pem);
  if (key !== undefined) return makeVerifier(key);
  throw new OrganizationKeyError("the built-in organization key is not a P-256 public key");
}

/** Reads an extractable public key (PEM, SubjectPublicKeyInfo, P-256). @throws {OrganizationKeyError} */
export async function readOrganizationKey(path: string): Promise<CryptoKey> {
  const key = await importPublicKeyPem(await readKeyFile(path));
  if (key !== undefined) return key;
  throw new OrganizationKeyError(`organization key is not a P-256 public key (PEM): ${path}`);
}

const FINGERPRINT_PREFIX = "sha256:";

/** SHA-256 of the key's DER (SubjectPublicKeyInfo), as `sha256:` and 64 hex digits. */
export async function fingerprintOrganizationKey(pem: string): Promise<string> {
  const der = decodePem(pem, "PUBLIC KEY") ?? new Uint8Array();
  return `${FINGERPRINT_PREFIX}${
    new Uint8Array(await crypto.subtle.digest("SHA-256", der)).toHex()
  }`;
}

/** SHA-256 of the key's SubjectPublicKeyInfo, in hex. @throws {OrganizationKeyError} */
export async function digestOrganizationKey(source: OrganizationKeySource): Promise<string> {
  const pem = "pem" in source
    ? source.pem
    : await exportPublicKeyPem(await readOrganizationKey(source.path));
  return (await fingerprintOrganizationKey(pem)).slice(FINGERPRINT_PREFIX.length);
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return (await readSmallText(path)).text;
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotFound ? "not found" : describeError(cause);
    throw new OrganizationKeyError(`organization key cannot be read: ${path} (${reason})`, {
      cause,
    });
  }
}
