import type { Host } from "../platform/host.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import { ifExists } from "../core/files.ts";
import { KEYSTORE_FILE } from "../state/find_keystore.ts";
import { chooseKeyWrapping } from "../state/key_wrapping.ts";
import { Keystore, type MachineKeys } from "../state/keystore.ts";
import { MACHINE_FILE, type ProductFolder, PROGRESS_FILE } from "../state/product_folder.ts";
import type { RollbackGuard } from "../state/rollback_guard.ts";
import type { State } from "../state/state_file.ts";
import {
  KEPT_LICENSE_FILE,
  removeDurably,
  type StateFolder,
  StateFolderError,
  writeAtomically,
} from "../state/state_folder.ts";
import { createState, type LeaseStorage } from "./grace.ts";
import { guardState } from "./guarded_state.ts";

/** This machine's keys and state, and their storage. */
export interface Machine {
  readonly keys: MachineKeys;
  readonly state: State;
  readonly storage: LeaseStorage;
  /** Evidence that an older state was restored, for people. */
  readonly rollback: string | undefined;
}

interface OpenOptions extends Pick<Host, "platform" | "clock" | "log" | "newUuid" | "env" | "pid"> {
  readonly place: ProductFolder;
  /** The license that is about to run. */
  readonly licenseKey: string;
}

/**
 * Opens keystore and state in a folder that is locked by this process; takes over the state of version 0.1, creates what is
 * missing and quarantines what cannot be read.
 *
 * @throws {StateFolderError}
 * @throws {AlreadyRunningError} Version 0.1 runs with the state that is to be taken over.
 */
export async function openMachine(folder: StateFolder, options: OpenOptions): Promise<Machine> {
  const { place, platform, clock, log, newUuid, env } = options;
  return await explainFaults(folder, async () => {
    platform.protectMemory();
    const taken = await takeOver(folder, options);
    const { timeout } = clock;
    const keyWrapping = await chooseKeyWrapping(folder.path, { platform, env, timeout, log });
    const keystore = new Keystore(folder.at(KEYSTORE_FILE), {
      keyWrapping,
      guardMemory: platform.guardMemory,
    });
    const keys = await keystore.open(clock.wallMs());
    if (keys.replaced !== undefined) {
      log.warn(`keystore cannot be read, set aside as ${keys.replaced}`);
    }
    if (place.shared === undefined) await markMachine(folder, place.machine);
    const file = guardState(folder.path, place, { stateKey: keys.stateKey, platform, env });
    const loaded = await file.load(clock.wallMs());
    const { rollback = taken?.rollback, quarantinedAs } = loaded;
    if (quarantinedAs !== undefined) {
      log.warn(`state cannot be read, set aside as ${quarantinedAs}`);
    }
    const state = loaded.state ??
      { ...createState(newUuid()), is_unconfirmed: quarantinedAs !== undefined };
    if (loaded.state === undefined) await file.save(state, { ahead: true });
    return { keys, state, rollback, storage: createStorage(folder, file, keystore) };
  });
}

/** Imports the code only if version 0.1 has left something. */
async function takeOver(
  folder: StateFolder,
  options: OpenOptions,
): Promise<{ readonly rollback: string | undefined } | undefined> {
  const { shared } = options.place;
  if (shared === undefined) return undefined;
  const paths = [`${shared}/${KEYSTORE_FILE}`, folder.at(PROGRESS_FILE)];
  const found = await Promise.all(paths.map((path) => ifExists(Deno.lstat(path))));
  if (found.every((info) => info === undefined)) return undefined;
  const { takeOverSharedState } = await import("./takeover.ts");
  return await takeOverSharedState(folder, { ...options, shared });
}

/** Names the machine that a given folder belongs to. */
async function markMachine(folder: StateFolder, machine: string): Promise<void> {
  const path = folder.at(MACHINE_FILE);
  if (await ifExists(Deno.readTextFile(path)) !== undefined) return;
  await writeAtomically(path, new TextEncoder().encode(`${machine}\n`));
}

function createStorage(folder: StateFolder, file: RollbackGuard, keystore: Keystore): LeaseStorage {
  return {
    save: (state, options) => explainFaults(folder, () => file.save(state, options)),
    updateReplicas: () => explainFaults(folder, () => file.updateReplicas()),
    forget: async () => {
      await file.delete();
      await keystore.delete();
      await removeDurably(folder.at(MACHINE_FILE));
      await removeDurably(folder.at(KEPT_LICENSE_FILE));
    },
  };
}

async function explainFaults<T>(folder: StateFolder, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof SentinelError) throw error;
    throw new StateFolderError(
      `state folder cannot be used: ${folder.path} (${describeError(error)})`,
      { cause: error },
    );
  }
}
