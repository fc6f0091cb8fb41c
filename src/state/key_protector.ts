/**
 * What makes the key of the keystore file. Each system's own safe (DPAPI, Keychain, Secret Service) is one of these; the
 * derived key is what is left where none answers.
 */
export interface KeyProtector {
  readonly kind: "dpapi" | "keychain" | "secret-service" | "derived";
  /** What a thief of the state folder must still have, for people. */
  readonly protects: string;
  /** The AES-256-GCM key, non-extractable; the same at every call. */
  unlock(): Promise<CryptoKey>;
}

/** Random bytes that go into the key. */
export const SALT_BYTES = 32;

/** Where the salt is kept, beside the keystore or in the user's keyring, and what that protects against. */
export const PROTECTS = {
  "derived": "a copy of the state folder cannot be used on another machine or by another user",
  "dpapi":
    "a copy of the state folder cannot be used on another machine or by another user, nor without " +
    "this user's password",
  "secret-service":
    "a copy of the state folder cannot be used on another machine, by another user, or while " +
    "this user's keyring is locked",
  "keychain":
    "a copy of the state folder cannot be used on another machine, by another user, or while " +
    "this user's keychain is locked",
} as const;

export interface BoundKeyOptions {
  readonly kind: keyof typeof PROTECTS;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly machineId: () => Promise<string | undefined>;
  readonly userId: string;
}

/**
 * A key derived (HKDF-SHA256, RFC 5869) from the machine's and the user's id and a random salt. It binds the files to
 * machine and user: a copy of the folder is of no use elsewhere. Whoever can run programs as this user on this machine can
 * derive it too, where the salt lies beside the keystore or the keyring that has it is open.
 */
export function boundKey({ kind, salt, machineId, userId }: BoundKeyOptions): KeyProtector {
  return {
    kind,
    protects: PROTECTS[kind],
    async unlock() {
      const utf8 = new TextEncoder();
      const material = await crypto.subtle.importKey(
        "raw",
        utf8.encode(await machineId() ?? ""),
        "HKDF",
        false,
        ["deriveKey"],
      );
      return await crypto.subtle.deriveKey(
        {
          name: "HKDF",
          hash: "SHA-256",
          salt,
          info: utf8.encode(`sentinel-keystore-v1\0${userId}`),
        },
        material,
        { name: "AES-GCM", length: 256 },
        false,
        ["encrypt", "decrypt"],
      );
    },
  };
}
