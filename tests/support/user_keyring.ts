import { selectPlatform } from "../../src/platform/select.ts";
import { dirname } from "@std/path";
import { systemClock } from "../../src/core/clock.ts";
import { findKeystore } from "../../src/state/find_keystore.ts";
import { formatReplicaName } from "../../src/state/rollback_guard.ts";
import { StateFile } from "../../src/state/state_file.ts";
import { filesBelow } from "./files_below.ts";
import type { Requirement } from "./requirements.ts";

/** Containers may forbid it. */
export const NEEDS_USER_KEYRING: Requirement = {
  need: "the kernel's user keyring",
  met: isUsable(),
};

function isUsable(): boolean {
  const keyring = selectPlatform().userKeyring();
  const name = `sentinel-test:${crypto.randomUUID()}`;
  keyring?.write(name, Uint8Array.of(1));
  const isKept = keyring?.read(name) !== undefined;
  keyring?.remove(name);
  return isKept;
}

/** Removes the keyring replicas of the states and replica files below a folder. */
export async function forgetReplicas(folder: string): Promise<void> {
  const files = await filesBelow(folder);
  for (const file of files) {
    // .../sentinel-drm/<machine id>.bin, or .../sentinel-drm/<product>/<machine>/<machine id>.bin
    const [, id] =
      /(?:^|\/)sentinel-drm\/((?:[^/]+\/[0-9a-f]{16}\/)?[0-9a-f-]{36})\.bin$/.exec(file) ?? [];
    if (id !== undefined) selectPlatform().userKeyring()?.remove(formatReplicaName(id));
    if (/(?:^|\/)keystore\.bin$/.test(file)) await forgetReplicaOf(dirname(`${folder}/${file}`));
  }
}

/** For a state folder without a replica outside: the keyring's is named after the machine in it. */
async function forgetReplicaOf(folder: string): Promise<void> {
  const platform = { ...selectPlatform(), guardMemory: () => ({ [Symbol.dispose]() {} }) };
  const found = await findKeystore(folder, { platform, env: () => undefined, clock: systemClock });
  if (found.kind !== "opened") return;
  const { stateKey } = await found.keystore.open(0);
  const state = await new StateFile(`${folder}/state.bin`, stateKey).read() ??
    await new StateFile(`${folder}/keystore.witness`, stateKey, "witness").read();
  if (state !== undefined) platform.userKeyring()?.remove(formatReplicaName(state.machine_id));
}
