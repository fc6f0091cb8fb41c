import { importPublicKeyPem, verifierOf, type Verify } from "../signing/ecdsa.ts";

/** Imported public keys by their PEM, the least recently used forgotten first; importing one costs a curve check. */
export class KeyCache {
  readonly #capacity: number;
  readonly #verifiers = new Map<string, Verify>();

  /** @param capacity How many keys are kept, at least 1. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The verifier of a key (SubjectPublicKeyInfo, P-256), or `undefined` where the text is anything else. */
  async find(pem: string): Promise<Verify | undefined> {
    const known = this.#verifiers.get(pem);
    if (known !== undefined) {
      this.#verifiers.delete(pem);
      this.#verifiers.set(pem, known);
      return known;
    }
    const key = await importPublicKeyPem(pem);
    if (key === undefined) return undefined;
    const verify = verifierOf(key);
    this.#verifiers.set(pem, verify);
    for (const oldest of this.#verifiers.keys()) {
      if (this.#verifiers.size <= this.#capacity) break;
      this.#verifiers.delete(oldest);
    }
    return verify;
  }
}
