import { describeError, SentinelError } from "../core/errors.ts";
import { createPrivateKey, X509Certificate } from "node:crypto";

/** First runtime release whose TLS servers verify client certificates. */
const FIRST_VERIFYING = [2, 7, 14] as const;

/**
 * Rejects a runtime that does not verify client certificates.
 *
 * @param version The runtime's version, such as `2.9.6`.
 * @throws {SentinelError} `config.runtime`.
 */
export function requireClientVerification(version: string): void {
  const parts = version.split(/[.+-]/).slice(0, 3).map(Number);
  for (const [i, least] of FIRST_VERIFYING.entries()) {
    const part = parts[i] ?? NaN;
    if (part > least) return;
    if (part < least || Number.isNaN(part)) throw createVersionError(version);
  }
}

function createVersionError(version: string): SentinelError {
  return new SentinelError(
    "config.runtime",
    `this runtime does not verify client certificates: Deno ${
      FIRST_VERIFYING.join(".")
    } or later is needed, ` +
      `this is ${version}`,
  );
}

/** The server's certificate and the CA that it trusts; PEM. */
export interface TlsMaterial {
  /** The server's certificate, with its chain. */
  readonly certificate: string;
  readonly key: string;
  /** CA of the clients' certificates. */
  readonly certificateAuthority: string;
}

/**
 * Checks that certificate, key and CA are valid and match. The runtime accepts anything and fails at the first handshake.
 *
 * @throws {SentinelError} `config.tls`.
 */
export function checkMaterial({ certificate, key, certificateAuthority }: TlsMaterial): void {
  checkKeyPair({ certificate, key });
  parseMaterial("CA", () => new X509Certificate(certificateAuthority));
}

/**
 * The same for a server that asks no client for a certificate.
 *
 * @throws {SentinelError} `config.tls`.
 */
export function checkKeyPair(
  { certificate, key }: Pick<TlsMaterial, "certificate" | "key">,
): void {
  const own = parseMaterial("certificate", () => new X509Certificate(certificate));
  const privateKey = parseMaterial("key", () => createPrivateKey(key));
  if (!own.checkPrivateKey(privateKey)) {
    throw new SentinelError("config.tls", "certificate and key do not belong together");
  }
}

function parseMaterial<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const message = `${what} cannot be used: ${describeError(error)}`;
    throw new SentinelError("config.tls", message, { cause: error });
  }
}
