import { describeError, SentinelError } from "../core/errors.ts";
import { readSmallText } from "../core/files.ts";
import { decodePem } from "../signing/pem.ts";
import { importPublicKeyPem, verifierOf, type Verify } from "../signing/ecdsa.ts";

/** The file named as the organization's public key is none (exit status 2). */
export class OrganizationKeyError extends SentinelError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("config.org_key", message, options);
  }
}

/** Where the organization's public key is: in a file, or built in (PEM). */
export type OrganizationKeySource = { readonly path: string } | { readonly pem: string };

/**
 * The verifier of the organization, wherever its key is.
 *
 * @throws {OrganizationKeyError}
 */
export async function loadOrganizationKey(source: OrganizationKeySource): Promise<Verify> {
  if ("path" in source) return verifierOf(await readOrganizationKey(source.path));
  const key = await importPublicKeyPem(source.pem);
  if (key !== undefined) return verifierOf(key);
  throw new OrganizationKeyError("the organization key that is built in is no P-256 public key");
}

/**
 * The organization's public key (SubjectPublicKeyInfo, P-256, PEM) from a file; extractable.
 *
 * @throws {OrganizationKeyError}
 */
export async function readOrganizationKey(path: string): Promise<CryptoKey> {
  const key = await importPublicKeyPem(await readKeyFile(path));
  if (key !== undefined) return key;
  throw new OrganizationKeyError(`organization key is no P-256 public key (PEM): ${path}`);
}

/** SHA-256 of the key (SubjectPublicKeyInfo, DER), as `sha256:` and hex digits. */
export async function organizationKeyFingerprint(pem: string): Promise<string> {
  const der = decodePem(pem, "PUBLIC KEY") ?? new Uint8Array();
  return `sha256:${new Uint8Array(await crypto.subtle.digest("SHA-256", der)).toHex()}`;
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
