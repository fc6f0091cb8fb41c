import type { UserKeyring } from "../platform/contract.ts";
import { decryptContent, encryptContent } from "./encrypted_file.ts";
import type { Witness } from "./outer_witness.ts";
import { encodeState, parseOpened, STATE_VERSION } from "./state_file.ts";

/**
 * The witness in the user's keyring: under the machine's name, so that state folders do not get in each other's way. It is
 * in no file, but may be gone at any time, which says nothing.
 */
export function keyringWitness(
  keyring: UserKeyring | undefined,
  key: CryptoKey,
): (machineId: string) => Witness | undefined {
  return (machineId) => {
    if (keyring === undefined) return undefined;
    const name = witnessName(machineId);
    const identity = { name, version: STATE_VERSION };
    return {
      read: async () => parseOpened(await decryptContent(identity, key, keyring.read(name))),
      async save(state) {
        keyring.write(name, await encryptContent(identity, key, encodeState(state)));
      },
      delete() {
        keyring.remove(name);
        return Promise.resolve();
      },
    };
  };
}

/** The keyring's name for a machine. */
export function witnessName(machineId: string): string {
  return `sentinel-drm:${machineId}`;
}
