import { ifExists } from "../core/files.ts";
import { SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { isSameSecret } from "../core/text.ts";
import type { Platform } from "../platform/contract.ts";
import {
  CREDENTIAL_STORE_NAMES,
  type CredentialStoreDependencies,
  type CredentialStoreKind,
} from "../platform/secret_tool.ts";
import { removeDurably, writeAtomically } from "./atomic_file.ts";

/**
 * What makes the key of the keystore file. Each system's own safe (DPAPI, Keychain, Secret Service) is one of these; the
 * derived key is what is left where none answers.
 */
export interface KeyWrapping {
  readonly kind: "dpapi" | "keychain" | "secret-service" | "derived";
  /** What a thief of the state folder must still have, for people. */
  readonly protects: string;
  /** The AES-256-GCM key, non-extractable; the same at every call. */
  unlock(): Promise<CryptoKey>;
}

/** Random bytes that go into the key. */
const SALT_BYTES = 32;

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

interface BoundKeyOptions {
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
export function boundKey({ kind, salt, machineId, userId }: BoundKeyOptions): KeyWrapping {
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

/** The safe that holds a part of the machine's key does not give it (exit status 2). */
export class CredentialStoreError extends SentinelError {
  constructor(readonly why: string, { name, mark }: { name: string; mark: string }) {
    super(
      "config.key_safe",
      `the machine's key is in ${name}, which does not give it (${why}): unlock it, or start in its session; ` +
        `to have a new key made, remove ${mark}`,
    );
  }
}

/** What tells where the keystore's key comes from. */
type FoundKeyWrapping =
  | { kind: "found"; keyWrapping: KeyWrapping }
  /** Nothing was chosen yet. */
  | { kind: "none" }
  /** The safe answers, and no longer has its part. */
  | { kind: "lost" }
  | { kind: "closed"; error: CredentialStoreError };

interface KeyWrappingDependencies extends CredentialStoreDependencies {
  readonly platform: Platform;
}

/** The part of the key that is kept beside the keystore. */
const SALT = "keystore.salt";
/** The id under which the safe holds that part. */
const MARK = "keystore.safe";
/** That part, sealed by the system. */
const SEALED = "keystore.sealed";

/** Looks where the key of a state folder's keystore comes from; makes nothing. */
export async function findKeyWrapping(
  folder: string,
  deps: KeyWrappingDependencies,
): Promise<FoundKeyWrapping> {
  const salt = await ifExists(Deno.readFile(`${folder}/${SALT}`));
  if (salt?.length === SALT_BYTES) {
    return { kind: "found", keyWrapping: bound("derived", salt, deps) };
  }
  const sealed = await ifExists(Deno.readFile(`${folder}/${SEALED}`));
  if (sealed !== undefined) return openSealed(sealed, deps);
  const mark = await ifExists(Deno.readFile(`${folder}/${MARK}`));
  if (mark === undefined) return { kind: "none" };
  const safe = await deps.platform.openCredentialStore(deps);
  const found = await safe?.find(new TextDecoder().decode(mark).trim());
  if (found?.kind === "absent") return { kind: "lost" };
  if (found?.kind !== "found") {
    const why = found?.why ?? "there is none on this system";
    const name = safe === undefined ? "this user's safe" : CREDENTIAL_STORE_NAMES[safe.kind];
    return {
      kind: "closed",
      error: new CredentialStoreError(why, { name, mark: `${folder}/${MARK}` }),
    };
  }
  const secret = parseSecret(found.secret);
  return safe === undefined || secret === undefined
    ? { kind: "lost" }
    : { kind: "found", keyWrapping: bound(safe.kind, secret, deps) };
}

/**
 * Where the key comes from, chosen at the first run and kept to: a safe where one answers, else a file beside the keystore.
 * A part of the key that the safe has lost is made anew: the keystore cannot be read then.
 *
 * @throws {KeySafeError} where the safe that was chosen does not answer. It may tomorrow, so nothing is thrown away.
 */
export async function chooseKeyWrapping(
  folder: string,
  deps: KeyWrappingDependencies & { readonly log: Logger },
): Promise<KeyWrapping> {
  const found = await findKeyWrapping(folder, deps);
  if (found.kind === "found") return found.keyWrapping;
  if (found.kind === "closed") throw found.error;
  if (found.kind === "lost") {
    for (const name of [MARK, SEALED]) await removeDurably(`${folder}/${name}`);
  }
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const { dataProtection } = deps.platform;
  const sealed = dataProtection?.seal(salt);
  if (dataProtection !== undefined && sealed !== undefined) {
    await writeAtomically(`${folder}/${SEALED}`, sealed);
    return bound(dataProtection.kind, salt, deps);
  }
  const kept = await keepInSafe(folder, salt, deps);
  if ("kind" in kept) return bound(kept.kind, salt, deps);
  deps.log.debug(`the key of the keystore is derived: ${kept.why}`);
  await writeAtomically(`${folder}/${SALT}`, salt);
  return bound("derived", salt, deps);
}

/** What another user, or another machine, sealed is as good as lost. */
function openSealed(
  sealed: Uint8Array<ArrayBuffer>,
  deps: KeyWrappingDependencies,
): FoundKeyWrapping {
  const { dataProtection } = deps.platform;
  const salt = dataProtection?.open(sealed);
  return dataProtection === undefined || salt?.length !== SALT_BYTES
    ? { kind: "lost" }
    : { kind: "found", keyWrapping: bound(dataProtection.kind, salt, deps) };
}

/** What the safe took must come back, as what is lost with it is the machine's identity. */
async function keepInSafe(
  folder: string,
  salt: Uint8Array,
  deps: KeyWrappingDependencies,
): Promise<{ readonly kind: CredentialStoreKind } | { readonly why: string }> {
  const { platform, env } = deps;
  const kind = platform.announcedCredentialStore(env);
  if (kind === undefined) return { why: "this session has no safe" };
  const safe = await platform.openCredentialStore(deps);
  const id = crypto.randomUUID(), secret = salt.toHex();
  const why = safe === undefined ? "there is no safe" : await safe.keep(id, secret);
  if (why !== undefined) return { why: `the safe does not keep it (${why})` };
  const found = await safe!.find(id);
  if (found.kind !== "found" || !isSameSecret(found.secret, secret)) {
    return { why: "the safe does not give it back" };
  }
  await writeAtomically(`${folder}/${MARK}`, new TextEncoder().encode(id));
  return { kind };
}

function parseSecret(hex: string): Uint8Array<ArrayBuffer> | undefined {
  return /^[0-9a-f]{64}$/.test(hex) ? Uint8Array.fromHex(hex) : undefined;
}

function bound(
  kind: BoundKeyOptions["kind"],
  salt: Uint8Array<ArrayBuffer>,
  { platform }: KeyWrappingDependencies,
): KeyWrapping {
  return boundKey({ kind, salt, machineId: platform.machineId, userId: platform.userId() });
}
