import { SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { Platform } from "../platform/contract.ts";
import { SAFE_NAMES, type SafeDependencies, type SafeKind } from "../platform/secret_safe.ts";
import { readIfThere, removeDurably, writeAtomically } from "./atomic_file.ts";
import { boundKey, type BoundKeyOptions, type KeyProtector, SALT_BYTES } from "./key_protector.ts";

/** The safe that holds a part of the machine's key does not give it (exit status 2). */
export class KeySafeError extends SentinelError {
  constructor(readonly why: string, { name, mark }: { name: string; mark: string }) {
    super(
      "config.key_safe",
      `the machine's key is in ${name}, which does not give it (${why}): unlock it, or start in its session; ` +
        `to have a new key made, remove ${mark}`,
    );
  }
}

/** What tells where the keystore's key comes from. */
export type FoundProtector =
  | { kind: "found"; protector: KeyProtector }
  /** Nothing was chosen yet. */
  | { kind: "none" }
  /** The safe answers, and no longer has its part. */
  | { kind: "lost" }
  | { kind: "closed"; error: KeySafeError };

export interface ProtectorDependencies extends SafeDependencies {
  readonly platform: Platform;
}

/** The part of the key that is kept beside the keystore. */
const SALT = "keystore.salt";
/** The id under which the safe holds that part. */
const MARK = "keystore.safe";
/** That part, sealed by the system. */
const SEALED = "keystore.sealed";

/** Looks where the key of a state folder's keystore comes from; makes nothing. */
export async function findProtector(
  folder: string,
  deps: ProtectorDependencies,
): Promise<FoundProtector> {
  const salt = await readIfThere(`${folder}/${SALT}`);
  if (salt?.length === SALT_BYTES) {
    return { kind: "found", protector: bound("derived", salt, deps) };
  }
  const sealed = await readIfThere(`${folder}/${SEALED}`);
  if (sealed !== undefined) return openSealed(sealed, deps);
  const mark = await readIfThere(`${folder}/${MARK}`);
  if (mark === undefined) return { kind: "none" };
  const safe = await deps.platform.openSafe(deps);
  const found = await safe?.find(new TextDecoder().decode(mark).trim());
  if (found?.kind === "absent") return { kind: "lost" };
  if (found?.kind !== "found") {
    const why = found?.why ?? "there is none on this system";
    const name = safe === undefined ? "this user's safe" : SAFE_NAMES[safe.kind];
    return { kind: "closed", error: new KeySafeError(why, { name, mark: `${folder}/${MARK}` }) };
  }
  const secret = parseSecret(found.secret);
  return safe === undefined || secret === undefined
    ? { kind: "lost" }
    : { kind: "found", protector: bound(safe.kind, secret, deps) };
}

/**
 * Where the key comes from, chosen at the first run and kept to: a safe where one answers, else a file beside the keystore.
 * A part of the key that the safe has lost is made anew: the keystore cannot be read then.
 *
 * @throws {KeySafeError} where the safe that was chosen does not answer. It may tomorrow, so nothing is thrown away.
 */
export async function chooseProtector(
  folder: string,
  deps: ProtectorDependencies & { readonly log: Logger },
): Promise<KeyProtector> {
  const found = await findProtector(folder, deps);
  if (found.kind === "found") return found.protector;
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
  deps: ProtectorDependencies,
): FoundProtector {
  const { dataProtection } = deps.platform;
  const salt = dataProtection?.open(sealed);
  return dataProtection === undefined || salt?.length !== SALT_BYTES
    ? { kind: "lost" }
    : { kind: "found", protector: bound(dataProtection.kind, salt, deps) };
}

/** What the safe took must come back, as what is lost with it is the machine's identity. */
async function keepInSafe(
  folder: string,
  salt: Uint8Array,
  deps: ProtectorDependencies,
): Promise<{ readonly kind: SafeKind } | { readonly why: string }> {
  const { platform, readVariable } = deps;
  const kind = platform.announcedSafe(readVariable);
  if (kind === undefined) return { why: "this session has no safe" };
  const safe = await platform.openSafe(deps);
  const id = crypto.randomUUID(), secret = salt.toHex();
  const why = safe === undefined ? "there is no safe" : await safe.keep(id, secret);
  if (why !== undefined) return { why: `the safe does not keep it (${why})` };
  const found = await safe!.find(id);
  if (found.kind !== "found" || found.secret !== secret) {
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
  { platform }: ProtectorDependencies,
): KeyProtector {
  return boundKey({ kind, salt, machineId: platform.machineId, userId: platform.userId() });
}
