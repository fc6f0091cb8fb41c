// before the library, which needs it
import "reflect-metadata";
import { PublicKey } from "@peculiar/x509";
import { generateKeyPairDer, importPrivateKey } from "../signing/ecdsa.ts";
import { encodePem } from "../signing/pem.ts";

/** A new P-256 key. */
export interface MadeKey {
  readonly publicKey: PublicKey;
  readonly privateKey: CryptoKey;
  /** The private key, PKCS#8. */
  readonly pem: string;
}

export async function makeKey(): Promise<MadeKey> {
  const { publicKey, privateKey } = await generateKeyPairDer();
  try {
    return {
      publicKey: new PublicKey(publicKey),
      privateKey: (await importPrivateKey(privateKey))!,
      pem: encodePem(privateKey, "PRIVATE KEY"),
    };
  } finally {
    privateKey.fill(0);
  }
}
