// before the library, which needs it
import "reflect-metadata";
import { BasicConstraintsExtension, PemConverter, X509Certificate } from "@peculiar/x509";
import { SentinelError } from "../core/errors.ts";

/** Whoever signs certificates that are believed. */
export interface Authority {
  readonly certificate: X509Certificate;
  readonly key: CryptoKey;
}

/**
 * The authorities of a PEM file.
 *
 * @throws {SentinelError} `config.tls` where there is none, or one is no CA.
 */
export async function readAuthorities(pem: string): Promise<readonly Authority[]> {
  let authorities: Authority[];
  try {
    const certificates = PemConverter.decode(pem).map((der) => new X509Certificate(der));
    authorities = await Promise.all(certificates.map(async (certificate) => ({
      certificate,
      key: await certificate.publicKey.export(),
    })));
  } catch (error) {
    throw new SentinelError("config.tls", "CA cannot be used: it is no certificate (PEM)", {
      cause: error,
    });
  }
  if (authorities.length === 0) {
    throw new SentinelError("config.tls", "CA cannot be used: the file has no certificate");
  }
  for (const { certificate } of authorities) {
    if (certificate.getExtension(BasicConstraintsExtension)?.ca !== true) {
      throw new SentinelError("config.tls", `CA cannot be used: no CA: ${certificate.subject}`);
    }
  }
  return authorities;
}
