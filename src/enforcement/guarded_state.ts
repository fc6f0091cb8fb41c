import type { Host } from "../platform/host.ts";
import type { ProductFolder } from "../state/product_folder.ts";
import { openKeyringReplica, openOuterReplica, RollbackGuard } from "../state/rollback_guard.ts";
import { StateFile } from "../state/state_file.ts";

/** Names in a state folder. */
const STATE_FILE = "state.bin", REPLICA_FILE = "keystore.witness";

/**
 * The state in a folder, with the replicas that belong to it.
 *
 * @param folder Locked by this process.
 */
export function guardState(
  folder: string,
  { scope, keepsOuterReplica }: Pick<ProductFolder, "scope" | "keepsOuterReplica">,
  { stateKey, platform, env }: Pick<Host, "platform" | "env"> & { readonly stateKey: CryptoKey },
): RollbackGuard {
  const outside = platform.replicaFolder(env);
  const below = scope === undefined ? "" : `/${scope}`;
  return new RollbackGuard(new StateFile(`${folder}/${STATE_FILE}`, stateKey), {
    inner: new StateFile(`${folder}/${REPLICA_FILE}`, stateKey, "witness"),
    keepsOuter: keepsOuterReplica,
    outerOf: openOuterReplica(outside && `${outside}${below}`, stateKey),
    volatileOf: openKeyringReplica(platform.userKeyring(), stateKey, scope),
  });
}
