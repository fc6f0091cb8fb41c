import type { Host } from "../platform/host.ts";
import { getPermissionBits, ifExists } from "../core/files.ts";
import { findKeystore } from "./find_keystore.ts";
import { identifyMachine } from "./key_wrapping.ts";
import {
  openStateFolder,
  resolveStateFolder,
  type StateFolder,
  StateFolderError,
  WRITE_OF_GROUP_AND_OTHERS,
} from "./state_folder.ts";

/** A product of a vendor. */
export interface Product {
  readonly softwareId: string;
  /** SHA-256 of the organization's public key (SubjectPublicKeyInfo), in hex. */
  readonly organizationKeyDigest: string;
}

/** Where the state of products is kept. */
export interface StateSettings {
  /** Overrides the folder in the user's data folder. */
  readonly stateDir: string | undefined;
  /** Keeps a replica outside the folder even if `stateDir` is given. */
  readonly strictRollback?: boolean | undefined;
}

/** The folder of one product on this machine. Lock, keys, state and replicas follow it. */
export interface ProductFolder {
  readonly path: string;
  /** Name of the machine's binding; see {@linkcode identifyMachine}. */
  readonly machine: string;
  /** Keeps the replicas apart from those of other products; `undefined` for a given folder, as in version 0.1. */
  readonly scope: string | undefined;
  /** Whether a replica is kept outside the folder. */
  readonly keepsOuterReplica: boolean;
  /** The data folder, in which version 0.1 kept one state for all products; `undefined` for a given folder. */
  readonly shared: string | undefined;
}

type LocateDependencies = Pick<Host, "platform" | "env" | "clock">;

/** Hex digits of the organization's key in a product's name. */
const KEY_DIGITS = 8;

/**
 * Names a product's folder: its id and the key of its vendor. An id that is not fit for a file name is shortened, and told
 * apart by its digest.
 */
async function nameProduct(
  { softwareId, organizationKeyDigest }: Product,
): Promise<string> {
  const key = organizationKeyDigest.slice(0, KEY_DIGITS);
  if (/^[A-Za-z0-9._-]{1,100}$/.test(softwareId)) return `${softwareId}-${key}`;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(softwareId));
  const readable = softwareId.replaceAll(/[^A-Za-z0-9._-]/g, "_").slice(0, 40);
  return `${readable}-${new Uint8Array(digest).toHex().slice(0, 16)}-${key}`;
}

/**
 * Finds a product's folder on this machine; creates nothing.
 *
 * A given folder belongs to the machine that used it first. If that is another one (a folder shared over the network), this
 * machine has its own folder inside, and the other's files stay as they are.
 *
 * @throws {ConfigError} No folder is given and the home directory is unknown.
 */
export async function locateProductFolder(
  product: Product,
  { stateDir, strictRollback = false }: StateSettings,
  deps: LocateDependencies,
): Promise<ProductFolder> {
  const machine = await identifyMachine(deps.platform);
  if (stateDir === undefined) {
    const shared = resolveStateFolder(undefined, deps);
    const scope = `${await nameProduct(product)}/${machine}`;
    return { path: `${shared}/${scope}`, machine, scope, keepsOuterReplica: true, shared };
  }
  const path = await isAnotherMachines(stateDir, { ...deps, machine })
    ? `${stateDir}/${machine}`
    : stateDir;
  return { path, machine, scope: undefined, keepsOuterReplica: strictRollback, shared: undefined };
}

/**
 * The folder for files of this machine that belong to no product, such as PID files.
 *
 * @throws {ConfigError} as {@linkcode locateProductFolder}.
 */
export async function resolveMachineFolder(
  stateDir: string | undefined,
  deps: Pick<Host, "platform" | "env">,
): Promise<string> {
  return `${resolveStateFolder(stateDir, deps)}/${await identifyMachine(deps.platform)}`;
}

/** The file in a product's folder that exists while the state of version 0.1 is being taken over. */
export const PROGRESS_FILE = "takeover";

/** The file that names the machine of a given folder. */
export const MACHINE_FILE = "machine";

/** Version 0.1 left no name: the folder is this machine's if its keystore can be opened. */
async function isAnotherMachines(
  folder: string,
  { machine, ...deps }: LocateDependencies & { readonly machine: string },
): Promise<boolean> {
  try {
    const name = await ifExists(Deno.readTextFile(`${folder}/${MACHINE_FILE}`));
    if (name !== undefined) return name.trim() !== machine;
    return (await findKeystore(folder, deps)).kind === "unreadable";
  } catch {
    // opening the folder reports what is wrong with it
    return false;
  }
}

/**
 * Locks a product's folder, and creates it if it is missing.
 *
 * @throws {StateFolderError}
 * @throws {AlreadyRunningError} Another process holds the lock.
 */
export async function openProductFolder(
  product: Product,
  settings: StateSettings,
  deps: LocateDependencies & Pick<Host, "log" | "pid">,
): Promise<{ readonly place: ProductFolder; readonly folder: StateFolder }> {
  const place = await locateProductFolder(product, settings, deps);
  if (place.shared !== undefined) {
    await requireOwn(place.shared);
    return { place, folder: await openStateFolder(place.path, deps) };
  }
  const folder = await openStateFolder(place.path, deps);
  // another machine may have taken the folder just before
  const now = await locateProductFolder(product, settings, deps);
  if (now.path === place.path) return { place, folder };
  folder[Symbol.dispose]();
  return { place: now, folder: await openStateFolder(now.path, deps) };
}

/** The owner of a writable data folder could replace the product's folder in it. */
async function requireOwn(path: string): Promise<void> {
  const info = await ifExists(Deno.stat(path));
  const mode = info === undefined ? null : getPermissionBits(info);
  if (mode === null || (mode & WRITE_OF_GROUP_AND_OTHERS) === 0) return;
  throw new StateFolderError(`state folder is writable by others: ${path} (chmod 700 it)`);
}
