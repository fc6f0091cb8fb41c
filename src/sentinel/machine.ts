import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import type { Platform } from "../platform/contract.ts";
import { derivedKey } from "../state/key_protector.ts";
import { Keystore, type MachineKeys } from "../state/keystore.ts";
import { type State, StateFile } from "../state/state_file.ts";
import { StateFolderError } from "../state/state_folder.ts";
import type { StateFolder } from "../state/state_folder.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import type { LeaseStorage } from "./ledger.ts";
import { freshState } from "./remembered_state.ts";

/** This machine: its keys, what it remembers, and where that is kept. */
export interface Machine {
  readonly keys: MachineKeys;
  readonly state: State;
  readonly storage: LeaseStorage;
}

/**
 * Opens keystore and state in a folder that is ours; makes what is missing, sets aside what cannot be read.
 *
 * @throws {StateFolderError}
 */
export async function openMachine(
  folder: StateFolder,
  { platform, clock, log, newUuid }: {
    platform: Platform;
    clock: Clock;
    log: Logger;
    newUuid: () => string;
  },
): Promise<Machine> {
  return await explainFaults(folder, async () => {
    platform.protectMemory();
    const protector = derivedKey({
      saltPath: folder.at("keystore.salt"),
      machineId: platform.machineId,
      userId: platform.userId(),
    });
    const keystore = new Keystore(folder.at("keystore.bin"), protector);
    const keys = await keystore.open(clock.wallMs());
    if (keys.replaced !== undefined) {
      log.warn(`keystore cannot be read, set aside as ${keys.replaced}`);
    }
    const file = new StateFile(folder.at("state.bin"), keys.stateKey);
    const loaded = await file.load(clock.wallMs());
    if (loaded.kind === "set_aside") log.warn(`state cannot be read, set aside as ${loaded.path}`);
    const state = loaded.kind === "loaded" ? loaded.state : freshState(newUuid());
    if (loaded.kind !== "loaded") await file.save(state);
    return { keys, state, storage: storageOf(folder, file, keystore) };
  });
}

function storageOf(folder: StateFolder, file: StateFile, keystore: Keystore): LeaseStorage {
  return {
    save: (state) => explainFaults(folder, () => file.save(state)),
    forget: async () => {
      await file.delete();
      await keystore.delete();
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
      {
        cause: error,
      },
    );
  }
}
