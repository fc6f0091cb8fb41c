import { ifExists } from "../core/files.ts";
import type { Host } from "../platform/host.ts";
import { lstatIfExists } from "../core/files.ts";
import { type CredentialStoreError, findKeyWrapping, type KeyWrapping } from "./key_wrapping.ts";
import { Keystore } from "./keystore.ts";

/** Name of the keystore in a state folder. */
/** Whether a folder has a keystore, readable or not. */
export async function hasKeystore(folder: string): Promise<boolean> {
  return await ifExists(Deno.lstat(`${folder}/${KEYSTORE_FILE}`)) !== undefined;
}

export const KEYSTORE_FILE = "keystore.bin";

/** The keystore of a state folder, as this machine and user see it. */
export type FoundKeystore =
  | { readonly kind: "absent"; readonly keyWrapping: KeyWrapping | undefined }
  | { readonly kind: "opened"; readonly keystore: Keystore; readonly keyWrapping: KeyWrapping }
  /** Another machine's or user's, or damaged. */
  | { readonly kind: "unreadable"; readonly keyWrapping: KeyWrapping | undefined }
  /** The credential store does not return its key. */
  | { readonly kind: "closed"; readonly error: CredentialStoreError };

/** Looks for a keystore and tries to open it; creates, moves and locks nothing. */
export async function findKeystore(
  folder: string,
  { platform, env, clock: { timeout } }: Pick<Host, "platform" | "env" | "clock">,
): Promise<FoundKeystore> {
  const path = `${folder}/${KEYSTORE_FILE}`;
  const found = await findKeyWrapping(folder, { platform, env, timeout });
  if (found.kind === "closed") return found;
  const keyWrapping = found.kind === "found" ? found.keyWrapping : undefined;
  if (await lstatIfExists(path) === undefined) return { kind: "absent", keyWrapping };
  if (keyWrapping === undefined) return { kind: "unreadable", keyWrapping };
  const keystore = new Keystore(path, { keyWrapping, guardMemory: platform.guardMemory });
  return await keystore.probe() === "opened"
    ? { kind: "opened", keystore, keyWrapping }
    : { kind: "unreadable", keyWrapping };
}
