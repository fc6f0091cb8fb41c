import { readIfThere, writeAtomically } from "./atomic_file.ts";

/**
 * Where the key of the keystore file comes from. Each system's own safe (DPAPI, Keychain, Secret Service) is one of
 * these; the derived key is what is left where none answers.
 */
export interface KeyProtector {
  readonly kind: "dpapi" | "keychain" | "secret-service" | "derived";
  /** What a thief of the state folder must still have, for people. */
  readonly protects: string;
  /** The AES-256-GCM key, non-extractable; made at the first call, the same at every later one. */
  unlock(): Promise<CryptoKey>;
}

/** The salt file's length; one of another length is replaced. */
export const SALT_BYTES = 32;

/**
 * A key derived (HKDF-SHA256, RFC 5869) from the machine's and the user's id and a random salt beside the keystore. It
 * binds the files to machine and user: a copy of the folder is of no use elsewhere. Whoever can run programs as this
 * user on this machine can derive it too.
 */
export function derivedKey(
  { saltPath, machineId, userId }: {
    saltPath: string;
    machineId: () => Promise<string | undefined>;
    userId: string;
  },
): KeyProtector {
  return {
    kind: "derived",
    protects: "a copy of the state folder cannot be used on another machine or by another user",
    async unlock() {
      const [salt, id] = await Promise.all([readOrMakeSalt(saltPath), machineId()]);
      const utf8 = new TextEncoder();
      const material = await crypto.subtle.importKey("raw", utf8.encode(id ?? ""), "HKDF", false, [
        "deriveKey",
      ]);
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

async function readOrMakeSalt(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const salt = await readIfThere(path);
  if (salt?.length === SALT_BYTES) return salt;
  const fresh = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  await writeAtomically(path, fresh);
  return fresh;
}
