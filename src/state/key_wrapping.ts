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
import { removeDurably, writeAtomically } from "./state_folder.ts";

/** Source of the keystore file's key: a credential store (DPAPI, Keychain, Secret Service), or a derived key without one. */
export interface KeyWrapping {
  readonly kind: "dpapi" | "keychain" | "secret-service" | "derived";
  /** Returns the AES-256-GCM key: non-extractable, and the same at every call. */
  unlock(): Promise<CryptoKey>;
}

/** Length of the random part of the key. */
const SALT_BYTES = 32;

/** The protection that each kind of key gives on a machine that has an id. */
const PROTECTS = {
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

const UNBOUND =
  "this machine has no id (/etc/machine-id): a copy of the state folder can be used " +
  "by the same user on any machine that has none";

/** Describes the protection against a copied state folder, for people. */
export async function describeProtection(
  kind: KeyWrapping["kind"],
  { machineId }: Pick<Platform, "machineId">,
): Promise<string> {
  if (await machineId() !== undefined) return PROTECTS[kind];
  return kind === "derived" ? UNBOUND : `${UNBOUND}, together with a copy of this user's keyring`;
}

interface BoundKeyOptions {
  readonly kind: keyof typeof PROTECTS;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly machineId: () => Promise<string | undefined>;
  readonly userId: string;
}

/**
 * Returns a key derived (HKDF-SHA256, RFC 5869) from machine id, user id and a random salt. The files only open on this
 * machine and for this user. Any program of the same user can derive the key while it can read the salt.
 */
export function createBoundKey({ kind, salt, machineId, userId }: BoundKeyOptions): KeyWrapping {
  return {
    kind,
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

/** The credential store that holds a part of the machine's key does not return it (exit status 2). */
export class CredentialStoreError extends SentinelError {
  constructor(readonly why: string, { name, idFile }: { name: string; idFile: string }) {
    super(
      "config.key_safe",
      `${name} holds the machine's key but does not return it (${why}): unlock it, or start in its session; ` +
        `to create a new key, remove ${idFile}`,
    );
  }
}

type FoundKeyWrapping =
  | { kind: "found"; keyWrapping: KeyWrapping }
  /** No source is chosen yet. */
  | { kind: "none" }
  /** The credential store responds but no longer has the key's part. */
  | { kind: "lost" }
  | { kind: "closed"; error: CredentialStoreError };

interface KeyWrappingDependencies extends CredentialStoreDependencies {
  readonly platform: Platform;
}

/** Salt of a derived key. */
const SALT_FILE = "keystore.salt";
/** Id of the salt in the credential store. */
const ID_FILE = "keystore.safe";
/** Salt encrypted by DPAPI. */
const SEALED_FILE = "keystore.sealed";

/** Finds the source of the key of a state folder's keystore; creates nothing. */
export async function findKeyWrapping(
  folder: string,
  deps: KeyWrappingDependencies,
): Promise<FoundKeyWrapping> {
  const salt = await ifExists(Deno.readFile(`${folder}/${SALT_FILE}`));
  if (salt?.length === SALT_BYTES) {
    return { kind: "found", keyWrapping: bindKey("derived", salt, deps) };
  }
  const sealed = await ifExists(Deno.readFile(`${folder}/${SEALED_FILE}`));
  if (sealed !== undefined) return openSealed(sealed, deps);
  const id = await ifExists(Deno.readTextFile(`${folder}/${ID_FILE}`));
  if (id === undefined) return { kind: "none" };
  const store = await deps.platform.openCredentialStore(deps);
  const found = await store?.find(id.trim());
  if (found?.kind === "absent") return { kind: "lost" };
  if (found?.kind !== "found") {
    const why = found?.why ?? "this system has none";
    const name = store === undefined ? "a credential store" : CREDENTIAL_STORE_NAMES[store.kind];
    return {
      kind: "closed",
      error: new CredentialStoreError(why, { name, idFile: `${folder}/${ID_FILE}` }),
    };
  }
  const secret = parseSecret(found.secret);
  return store === undefined || secret === undefined
    ? { kind: "lost" }
    : { kind: "found", keyWrapping: bindKey(store.kind, secret, deps) };
}

/**
 * Finds the key's source, or chooses it at the first run: a credential store if one responds, else a file beside the
 * keystore. If the store has lost its part, a new one is created and the old keystore becomes unreadable.
 *
 * @throws {CredentialStoreError} The chosen store does not respond. Nothing is deleted, as it may respond later.
 */
export async function chooseKeyWrapping(
  folder: string,
  deps: KeyWrappingDependencies & { readonly log: Logger },
): Promise<KeyWrapping> {
  const found = await findKeyWrapping(folder, deps);
  if (found.kind === "found") return found.keyWrapping;
  if (found.kind === "closed") throw found.error;
  if (found.kind === "lost") {
    for (const name of [ID_FILE, SEALED_FILE]) await removeDurably(`${folder}/${name}`);
  }
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const { dataProtection } = deps.platform;
  const sealed = dataProtection?.seal(salt);
  if (dataProtection !== undefined && sealed !== undefined) {
    await writeAtomically(`${folder}/${SEALED_FILE}`, sealed);
    return bindKey(dataProtection.kind, salt, deps);
  }
  const kept = await keepInStore(folder, salt, deps);
  if ("kind" in kept) return bindKey(kept.kind, salt, deps);
  deps.log.debug(`the key of the keystore is derived: ${kept.why}`);
  await writeAtomically(`${folder}/${SALT_FILE}`, salt);
  return bindKey("derived", salt, deps);
}

/** A seal of another user or machine counts as lost. */
function openSealed(
  sealed: Uint8Array<ArrayBuffer>,
  deps: KeyWrappingDependencies,
): FoundKeyWrapping {
  const { dataProtection } = deps.platform;
  const salt = dataProtection?.open(sealed);
  return dataProtection === undefined || salt?.length !== SALT_BYTES
    ? { kind: "lost" }
    : { kind: "found", keyWrapping: bindKey(dataProtection.kind, salt, deps) };
}

/** Stores the salt and reads it back: losing it loses the machine's identity. */
async function keepInStore(
  folder: string,
  salt: Uint8Array,
  deps: KeyWrappingDependencies,
): Promise<{ readonly kind: CredentialStoreKind } | { readonly why: string }> {
  const { platform, env } = deps;
  const kind = platform.announcedCredentialStore(env);
  if (kind === undefined) return { why: "this session has no credential store" };
  const store = await platform.openCredentialStore(deps);
  const id = crypto.randomUUID(), secret = salt.toHex();
  const why = store === undefined ? "not found" : await store.keep(id, secret);
  if (why !== undefined) return { why: `the credential store does not keep it (${why})` };
  const found = await store!.find(id);
  if (found.kind !== "found" || !isSameSecret(found.secret, secret)) {
    return { why: "the credential store does not return it" };
  }
  await writeAtomically(`${folder}/${ID_FILE}`, new TextEncoder().encode(id));
  return { kind };
}

function parseSecret(hex: string): Uint8Array<ArrayBuffer> | undefined {
  return /^[0-9a-f]{64}$/.test(hex) ? Uint8Array.fromHex(hex) : undefined;
}

function bindKey(
  kind: BoundKeyOptions["kind"],
  salt: Uint8Array<ArrayBuffer>,
  { platform }: KeyWrappingDependencies,
): KeyWrapping {
  return createBoundKey({ kind, salt, ...selectBinding(platform) });
}

type BindingPlatform = Pick<Platform, "machineId" | "userId">;

/** Machine and user: only for them a keystore's key can be derived. */
function selectBinding(platform: BindingPlatform): Pick<BoundKeyOptions, "machineId" | "userId"> {
  return { machineId: platform.machineId, userId: platform.userId() };
}

/** Hex digits that name a machine's binding. */
const BINDING_DIGITS = 16;

/** Names the machine and user that keystores are bound to, so that machines that share a folder keep apart. */
export async function identifyMachine(platform: BindingPlatform): Promise<string> {
  const { machineId, userId } = selectBinding(platform);
  const text = new TextEncoder().encode(`${await machineId() ?? ""}\0${userId}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return digest.toHex().slice(0, BINDING_DIGITS);
}

/** The files beside a keystore, of which one leads to its key. */
export const KEY_WRAPPING_FILES: readonly string[] = [SALT_FILE, ID_FILE, SEALED_FILE];
