import type { Host } from "../platform/host.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import { chooseKeyWrapping } from "../state/key_wrapping.ts";
import { Keystore, type MachineKeys } from "../state/keystore.ts";
import { openKeyringReplica, openOuterReplica, RollbackGuard } from "../state/rollback_guard.ts";
import { type State, StateFile } from "../state/state_file.ts";
import { type StateFolder, StateFolderError } from "../state/state_folder.ts";
import { createState, type LeaseStorage } from "./grace.ts";

/** This machine's keys and state, and their storage. */
export interface Machine {
  readonly keys: MachineKeys;
  readonly state: State;
  readonly storage: LeaseStorage;
  /** Evidence that an older state was restored, for people. */
  readonly rollback: string | undefined;
}

/**
 * Opens keystore and state in a folder that is locked by this process; creates what is missing and quarantines what
 * cannot be read.
 *
 * @throws {StateFolderError}
 */
export async function openMachine(
  folder: StateFolder,
  { platform, clock, log, newUuid, env }: Pick<
    Host,
    "platform" | "clock" | "log" | "newUuid" | "env"
  >,
): Promise<Machine> {
  return await explainFaults(folder, async () => {
    platform.protectMemory();
    const { timeout } = clock;
    const keyWrapping = await chooseKeyWrapping(folder.path, { platform, env, timeout, log });
    const keystore = new Keystore(folder.at("keystore.bin"), {
      keyWrapping,
      guardMemory: platform.guardMemory,
    });
    const keys = await keystore.open(clock.wallMs());
    if (keys.replaced !== undefined) {
      log.warn(`keystore cannot be read, set aside as ${keys.replaced}`);
    }
    const { stateKey } = keys;
    const file = new RollbackGuard(new StateFile(folder.at("state.bin"), stateKey), {
      inner: new StateFile(folder.at("keystore.witness"), stateKey, "witness"),
      outerOf: openOuterReplica(platform.replicaFolder(env), stateKey),
      volatileOf: openKeyringReplica(platform.userKeyring(), stateKey),
    });
    const loaded = await file.load(clock.wallMs());
    const { rollback, quarantinedAs } = loaded;
    if (quarantinedAs !== undefined) {
      log.warn(`state cannot be read, set aside as ${quarantinedAs}`);
    }
    const state = loaded.state ??
      { ...createState(newUuid()), is_unconfirmed: quarantinedAs !== undefined };
    if (loaded.state === undefined) await file.save(state, { ahead: true });
    return { keys, state, rollback, storage: createStorage(folder, file, keystore) };
  });
}

function createStorage(folder: StateFolder, file: RollbackGuard, keystore: Keystore): LeaseStorage {
  return {
    save: (state, options) => explainFaults(folder, () => file.save(state, options)),
    updateReplicas: () => explainFaults(folder, () => file.updateReplicas()),
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
      { cause: error },
    );
  }
}
