import { openLazily } from "./lazy_symbols.ts";

/** OpenSSL's crypto library 3 and 1.1 on Linux, with the prototype of each symbol. */
const SYMBOLS = {
  // unsigned long OpenSSL_version_num(void); OpenSSL_version_num(3)
  OpenSSL_version_num: { parameters: [], result: "usize" },
  // BIO *BIO_new_mem_buf(const void *buf, int len); BIO_s_mem(3), reads the buffer in place
  BIO_new_mem_buf: { parameters: ["buffer", "i32"], result: "pointer" },
  // int BIO_free(BIO *a); BIO_new(3)
  BIO_free: { parameters: ["pointer"], result: "i32" },
  // unsigned char *SHA256(const unsigned char *data, size_t count, unsigned char *md_buf); SHA256(3)
  SHA256: { parameters: ["buffer", "usize", "buffer"], result: "pointer" },
  // EVP_PKEY *d2i_PrivateKey_bio(BIO *bp, EVP_PKEY **a); d2i_PrivateKey(3)
  d2i_PrivateKey_bio: { parameters: ["pointer", "pointer"], result: "pointer" },
  // EVP_PKEY *d2i_PUBKEY_bio(BIO *bp, EVP_PKEY **a); d2i_PUBKEY(3)
  d2i_PUBKEY_bio: { parameters: ["pointer", "pointer"], result: "pointer" },
  // void EVP_PKEY_free(EVP_PKEY *key); EVP_PKEY_new(3)
  EVP_PKEY_free: { parameters: ["pointer"], result: "void" },
  // EVP_PKEY_CTX *EVP_PKEY_CTX_new(EVP_PKEY *pkey, ENGINE *e); EVP_PKEY_CTX_new(3)
  EVP_PKEY_CTX_new: { parameters: ["pointer", "pointer"], result: "pointer" },
  // void EVP_PKEY_CTX_free(EVP_PKEY_CTX *ctx); EVP_PKEY_CTX_new(3)
  EVP_PKEY_CTX_free: { parameters: ["pointer"], result: "void" },
  // int EVP_PKEY_sign_init(EVP_PKEY_CTX *ctx); EVP_PKEY_sign(3)
  EVP_PKEY_sign_init: { parameters: ["pointer"], result: "i32" },
  // int EVP_PKEY_sign(EVP_PKEY_CTX *ctx, unsigned char *sig, size_t *siglen, const unsigned char *tbs, size_t tbslen)
  EVP_PKEY_sign: { parameters: ["pointer", "buffer", "buffer", "buffer", "usize"], result: "i32" },
  // int EVP_PKEY_verify_init(EVP_PKEY_CTX *ctx); EVP_PKEY_verify(3)
  EVP_PKEY_verify_init: { parameters: ["pointer"], result: "i32" },
  // int EVP_PKEY_verify(EVP_PKEY_CTX *ctx, const unsigned char *sig, size_t siglen, const unsigned char *tbs, size_t tbslen)
  EVP_PKEY_verify: {
    parameters: ["pointer", "buffer", "usize", "buffer", "usize"],
    result: "i32",
  },
  // void ERR_clear_error(void); ERR_clear_error(3)
  ERR_clear_error: { parameters: [], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

export type Libcrypto = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

const FOLDERS = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64", "/usr/lib", "/lib"];

/** Candidate paths of the library: the loader's search path would let variables replace it. */
export const LIBCRYPTO_PATHS: readonly string[] = ["libcrypto.so.3", "libcrypto.so.1.1"]
  .flatMap((name) => FOLDERS.map((folder) => `${folder}/${name}`));

let symbols: Libcrypto | undefined;

/** Returns the library's functions; see {@linkcode openLazily}. */
export function libcrypto(): Libcrypto {
  return symbols ??= openLazily(SYMBOLS, LIBCRYPTO_PATHS);
}
