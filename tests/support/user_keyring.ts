import { selectPlatform } from "../../src/platform/select.ts";
import { formatReplicaName } from "../../src/state/rollback_guard.ts";
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

/** Removes the keyring replicas that belong to the replica files in a folder or one below it. */
export async function forgetReplicas(folder: string): Promise<void> {
  const below = Array.from(Deno.readDirSync(folder)).filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => `${folder}/${name}`);
  for (const place of [folder, ...below]) await forgetReplicasIn(`${place}/sentinel-drm`);
}

async function forgetReplicasIn(folder: string): Promise<void> {
  const keyring = selectPlatform().userKeyring();
  try {
    for await (const { name } of Deno.readDir(folder)) {
      keyring?.remove(formatReplicaName(name.replace(/\.bin$/, "")));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
