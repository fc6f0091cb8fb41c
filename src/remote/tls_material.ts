import { createPrivateKey, X509Certificate } from "node:crypto";
import { describeError, SentinelError } from "../core/errors.ts";

/** What the server proves itself with and whom it believes; PEM. */
export interface TlsMaterial {
  /** The server's certificate, with its chain. */
  readonly certificate: string;
  readonly key: string;
  /** Whoever signs clients' certificates. */
  readonly certificateAuthority: string;
}

/**
 * Looks whether certificate, key and CA are such and belong together: the runtime takes anything, and fails at the first
 * handshake.
 *
 * @throws {SentinelError} `config.tls`.
 */
export function checkMaterial({ certificate, key, certificateAuthority }: TlsMaterial): void {
  const own = parsed("certificate", () => new X509Certificate(certificate));
  const privateKey = parsed("key", () => createPrivateKey(key));
  parsed("CA", () => new X509Certificate(certificateAuthority));
  if (!own.checkPrivateKey(privateKey)) {
    throw new SentinelError("config.tls", "certificate and key do not belong together");
  }
}

function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const message = `${what} cannot be used: ${describeError(error)}`;
    throw new SentinelError("config.tls", message, { cause: error });
  }
}
