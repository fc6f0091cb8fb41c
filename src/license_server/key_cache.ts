import { LruCache } from "../core/lru_cache.ts";
import { importPublicKeyPem, makeVerifier, type Verify } from "../signing/ecdsa.ts";

/** Imported public keys by their PEM; importing one costs a curve check. */
export class KeyCache {
  readonly #verifiers: LruCache<string, Verify>;

  /** @param capacity How many keys are kept, at least 1. */
  constructor(capacity: number) {
    this.#verifiers = new LruCache(capacity);
  }

  /** The verifier of a key (SubjectPublicKeyInfo, P-256), or `undefined` where the text is anything else. */
  async find(pem: string): Promise<Verify | undefined> {
    const known = this.#verifiers.get(pem);
    if (known !== undefined) return known;
    const key = await importPublicKeyPem(pem);
    if (key === undefined) return undefined;
    const verify = makeVerifier(key);
    this.#verifiers.set(pem, verify);
    return verify;
  }
}
