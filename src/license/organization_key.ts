import { describeError, SentinelError } from "../core/errors.ts";
import { importPublicKeyPem, verifierOf, type Verify } from "../signing/ecdsa.ts";

/** The file named as the organisation's public key is none (exit status 2). */
export class OrganizationKeyError extends SentinelError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("config.org_key", message, options);
  }
}

/**
 * The verifier of the organisation whose public key (SubjectPublicKeyInfo, P-256, PEM) is in this file.
 *
 * @throws {OrganizationKeyError}
 */
export async function readOrganizationKey(path: string): Promise<Verify> {
  const key = await importPublicKeyPem(await readKeyFile(path));
  if (key !== undefined) return verifierOf(key);
  throw new OrganizationKeyError(`organization key is no P-256 public key (PEM): ${path}`);
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
