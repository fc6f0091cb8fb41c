import { openLazily } from "./lazy_symbols.ts";

/** OpenSSL's crypto library 3 and 1.1 on Linux, with the prototype of each symbol. */
const SYMBOLS = {
  // const char *OpenSSL_version(int type); OpenSSL_version(3)
  OpenSSL_version: { parameters: ["i32"], result: "pointer" },
  // unsigned char *SHA256(const unsigned char *data, size_t count, unsigned char *md_buf); SHA256(3)
  SHA256: { parameters: ["buffer", "usize", "buffer"], result: "pointer" },
  // EVP_PKEY *d2i_AutoPrivateKey(EVP_PKEY **a, const unsigned char **pp, long length); d2i_PrivateKey(3)
  d2i_AutoPrivateKey: { parameters: ["pointer", "buffer", "isize"], result: "pointer" },
  // EVP_PKEY *d2i_PUBKEY(EVP_PKEY **a, const unsigned char **pp, long length); d2i_PUBKEY(3)
  d2i_PUBKEY: { parameters: ["pointer", "buffer", "isize"], result: "pointer" },
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

let symbols: Libcrypto | undefined;

/** Returns the library's functions; see {@linkcode openLazily}. */
export function libcrypto(): Libcrypto {
  return symbols ??= openLazily(SYMBOLS, ["libcrypto.so.3", "libcrypto.so.1.1"]);
}
