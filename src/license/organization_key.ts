import { describeError, SentinelError } from "../core/errors.ts";
import { importPublicKeyPem, verifierOf, type Verify } from "../signing/ecdsa.ts";

/** The file named as the organisation's public key is none (exit status 2). */
export class OrganizationKeyError extends SentinelError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("config.org_key", message, options);
  }
}

/** Where the organisation's public key is: in a file, or inside this very program. */
export type OrganizationKeySource = { readonly path: string } | { readonly pem: string };

/**
 * The verifier of the organisation whose public key (SubjectPublicKeyInfo, P-256, PEM) this is.
 *
 * @throws {OrganizationKeyError}
 */
export async function loadOrganizationKey(source: OrganizationKeySource): Promise<Verify> {
  const isEmbedded = "pem" in source;
  const key = await importPublicKeyPem(isEmbedded ? source.pem : await readKeyFile(source.path));
  if (key !== undefined) return verifierOf(key);
  const where = isEmbedded ? "inside this program" : source.path;
  throw new OrganizationKeyError(`organization key is no P-256 public key (PEM): ${where}`);
}

async function readKeyFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    const reason = cause instanceof Deno.errors.NotFound ? "not found" : describeError(cause);
    throw new OrganizationKeyError(`organization key cannot be read: ${path} (${reason})`, {
      cause,
    });
  }
}
