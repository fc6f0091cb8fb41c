import { SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import {
  importPrivateKey,
  importPublicKeyPem,
  makeSigner,
  makeVerifier,
  type Sign,
  type Verify,
} from "../signing/ecdsa.ts";

/** The values of `--crypto`. */
export type CryptoChoice = "auto" | "openssl" | "webcrypto";

/** Makes ECDSA-P256-SHA256 signers and verifiers. */
export interface Signatures {
  /** Such as `WebCrypto` or `OpenSSL 3.0.17`. */
  readonly name: string;
  /** Opens a private key (PKCS#8 DER); `undefined` unless it is one of P-256. The caller wipes `der`. */
  importSigner(der: Uint8Array<ArrayBuffer>): Promise<Sign | undefined>;
  /** Reads a public key (PEM, SubjectPublicKeyInfo); `undefined` unless it is one of P-256. */
  importVerifier(pem: string): Promise<Verify | undefined>;
}

/** Signatures by the runtime. */
export const WEB_CRYPTO: Signatures = {
  name: "WebCrypto",
  async importSigner(der) {
    const key = await importPrivateKey(der);
    return key && makeSigner(key);
  },
  async importVerifier(pem) {
    const key = await importPublicKeyPem(pem);
    return key && makeVerifier(key);
  },
};

/** Opens OpenSSL and checks it; tests pass a fake. */
interface OpenSslSource {
  open(): Promise<Signatures & Disposable>;
  /** Whether it and WebCrypto accept each other's signatures. */
  check(openSsl: Signatures): Promise<boolean>;
}

const LIBCRYPTO: OpenSslSource = {
  open: async () => new (await import("../signing/openssl.ts")).OpenSsl(),
  check: async (openSsl) =>
    await (await import("../signing/openssl.ts")).agreesWithWebCrypto(openSsl),
};

/**
 * Opens the implementation of signatures: OpenSSL if it is installed and agrees with WebCrypto, else WebCrypto.
 *
 * @returns A result that the caller disposes of after the last signature.
 * @throws {SentinelError} `config.crypto` OpenSSL was asked for and cannot be used.
 */
export async function openSignatures(
  choice: CryptoChoice,
  { log, source = LIBCRYPTO }: { log: Logger; source?: OpenSslSource },
): Promise<Signatures & Disposable> {
  const useWebCrypto = (name = WEB_CRYPTO.name) => ({ ...WEB_CRYPTO, name, [Symbol.dispose]() {} });
  if (choice === "webcrypto") return useWebCrypto();
  let openSsl: Awaited<ReturnType<OpenSslSource["open"]>>;
  try {
    openSsl = await source.open();
  } catch (error) {
    const why = error instanceof Deno.errors.NotCapable
      ? "the program may not open libraries"
      : "libcrypto is not installed";
    if (choice === "openssl") throw refuse(`OpenSSL cannot be used: ${why}`, error);
    return useWebCrypto(`WebCrypto, as ${why}`);
  }
  if (await source.check(openSsl)) return openSsl;
  openSsl[Symbol.dispose]();
  const why = `${openSsl.name} and WebCrypto disagree about signatures`;
  if (choice === "openssl") throw refuse(`OpenSSL cannot be used: ${why}`);
  log.warn(`signatures by WebCrypto: ${why}`);
  return useWebCrypto();
}

function refuse(message: string, cause?: unknown): SentinelError {
  return new SentinelError("config.crypto", message, { cause });
}
