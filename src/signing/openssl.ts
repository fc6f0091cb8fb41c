import { type Libcrypto, libcrypto } from "../../ffi/libcrypto.ts";
import { LruCache } from "../core/lru_cache.ts";
import {
  decodeSignature,
  generateKeyPairDer,
  importPrivateKey,
  importPublicKeyPem,
  makeSigner,
  makeVerifier,
  type Sign,
  type Verify,
} from "./ecdsa.ts";
import { decodePem, encodePem } from "./pem.ts";

/** Public keys that stay open, at about 3 KiB each. */
const OPEN_KEYS = 4096;

const DIGEST_BYTES = 32n;

/** A P-256 signature in DER has at most 72 bytes. */
const MAX_SIGNATURE_BYTES = 72;

type Context = Deno.PointerObject;

/**
 * ECDSA-P256-SHA256 by OpenSSL's libcrypto. Signs some twenty times as fast as WebCrypto and verifies ten times as fast.
 *
 * For a vendor's server only: if a customer's program used it, `LD_LIBRARY_PATH` could replace the verifier.
 */
export class OpenSsl implements Disposable {
  readonly #lib: Libcrypto;
  readonly #digest = new Uint8Array(Number(DIGEST_BYTES));
  readonly #signature = new Uint8Array(MAX_SIGNATURE_BYTES);
  readonly #length = new BigUint64Array(1);
  readonly #privateKeys: Context[] = [];
  /** By PEM. A key is opened and used within one call, so that no other call can free it in between. */
  readonly #publicKeys: LruCache<string, Context>;

  /** Such as `OpenSSL 3.0.17`. */
  readonly name: string;

  /**
   * @param openKeys Number of public keys that stay open.
   * @throws {Error} The library is not installed.
   * @throws {Deno.errors.NotCapable} The program may not open it.
   */
  constructor(openKeys = OPEN_KEYS) {
    this.#lib = libcrypto();
    this.#publicKeys = new LruCache(openKeys, (context) => this.#lib.EVP_PKEY_CTX_free(context));
    // opens all of it now: the program gives up the permission before it serves
    for (const name of Object.keys(this.#lib)) void this.#lib[name as keyof Libcrypto];
    this.name = `OpenSSL ${formatVersion(Number(this.#lib.OpenSSL_version_num()))}`;
  }

  /**
   * Opens a private key (PKCS#8 DER, P-256); `undefined` for anything else.
   *
   * @param der Stays the caller's, which wipes it.
   */
  async importSigner(der: Uint8Array<ArrayBuffer>): Promise<Sign | undefined> {
    if (await importPrivateKey(der) === undefined) return undefined;
    const { d2i_PrivateKey_bio, EVP_PKEY_sign_init } = this.#lib;
    const context = this.#open(d2i_PrivateKey_bio, EVP_PKEY_sign_init, der);
    this.#privateKeys.push(context);
    return (data) => Promise.try(() => this.#sign(context, data));
  }

  /** Reads a public key (PEM, SubjectPublicKeyInfo, P-256); `undefined` for anything else. */
  async importVerifier(pem: string): Promise<Verify | undefined> {
    if (await importPublicKeyPem(pem) === undefined) return undefined;
    return (data, der) =>
      Promise.try(() => decodeSignature(der) !== undefined && this.#verify(pem, data, der));
  }

  #sign(context: Context, data: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const digest = this.#hash(data);
    this.#length[0] = BigInt(this.#signature.length);
    const signed = this.#lib.EVP_PKEY_sign(
      ...[context, this.#signature, this.#length, digest, DIGEST_BYTES] as const,
    );
    if (signed !== 1) throw this.#explain("EVP_PKEY_sign");
    return this.#signature.slice(0, Number(this.#length[0]));
  }

  #verify(pem: string, data: Uint8Array<ArrayBuffer>, der: Uint8Array): boolean {
    let context = this.#publicKeys.get(pem);
    if (context === undefined) {
      const { d2i_PUBKEY_bio, EVP_PKEY_verify_init } = this.#lib;
      context = this.#open(d2i_PUBKEY_bio, EVP_PKEY_verify_init, decodePem(pem, "PUBLIC KEY")!);
      this.#publicKeys.set(pem, context);
    }
    const signature = der as Uint8Array<ArrayBuffer>;
    const digest = this.#hash(data);
    const verified = this.#lib.EVP_PKEY_verify(
      ...[context, signature, BigInt(signature.length), digest, DIGEST_BYTES] as const,
    );
    if (verified === 1) return true;
    this.#lib.ERR_clear_error();
    return false;
  }

  #hash(data: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.#lib.SHA256(data, BigInt(data.length), this.#digest);
    return this.#digest;
  }

  /** Opens a key and a context, which owns it from then on. */
  #open(
    decode: Libcrypto["d2i_PUBKEY_bio" | "d2i_PrivateKey_bio"],
    init: Libcrypto["EVP_PKEY_sign_init" | "EVP_PKEY_verify_init"],
    der: Uint8Array<ArrayBuffer>,
  ): Context {
    const { BIO_new_mem_buf, BIO_free } = this.#lib;
    const source = BIO_new_mem_buf(der, der.length);
    const key = decode(source, null);
    BIO_free(source);
    if (key === null) throw this.#explain("d2i");
    const context = this.#lib.EVP_PKEY_CTX_new(key, null);
    // the context has a reference of its own
    this.#lib.EVP_PKEY_free(key);
    if (context === null || init(context) !== 1) throw this.#explain("EVP_PKEY_CTX_new");
    return context;
  }

  #explain(name: string): Error {
    this.#lib.ERR_clear_error();
    return new Error(`${name} of ${this.name} failed`);
  }

  /** Closes all keys; the signers and verifiers must not be used any more. */
  [Symbol.dispose](): void {
    for (const context of this.#privateKeys.splice(0)) this.#lib.EVP_PKEY_CTX_free(context);
    this.#publicKeys.clear();
  }
}

/** Formats OPENSSL_VERSION_NUMBER, `0xMNN00PP0` of version 3 and `0xMNNFFPPS` before; OpenSSL_version_num(3). */
function formatVersion(number: number): string {
  const major = number >>> 28, minor = number >>> 20 & 0xff;
  const patch = major >= 3 ? number >>> 4 & 0xff : number >>> 12 & 0xff;
  return `${major}.${minor}.${patch}`;
}

/** Whether OpenSSL and WebCrypto accept each other's signatures, and OpenSSL refuses one over other bytes. */
export async function agreesWithWebCrypto(
  openSsl: Pick<OpenSsl, "importSigner" | "importVerifier">,
): Promise<boolean> {
  const pair = await generateKeyPairDer();
  const pem = encodePem(pair.publicKey, "PUBLIC KEY");
  const data = crypto.getRandomValues(new Uint8Array(100)), other = data.toReversed();
  const theirs = {
    sign: await openSsl.importSigner(pair.privateKey),
    verify: await openSsl.importVerifier(pem),
  };
  const ours = {
    sign: makeSigner((await importPrivateKey(pair.privateKey))!),
    verify: makeVerifier((await importPublicKeyPem(pem))!),
  };
  pair.privateKey.fill(0);
  if (theirs.sign === undefined || theirs.verify === undefined) return false;
  const signature = await ours.sign(data);
  return await ours.verify(data, await theirs.sign(data)) &&
    await theirs.verify(data, signature) && !await theirs.verify(other, signature);
}
