import { dirname } from "../../core/paths.ts";
import { SentinelError } from "../../core/errors.ts";
import { requestIpc } from "../../ipc/client.ts";
import { findSockets } from "../../ipc/find_socket.ts";
import { isSocketFolderThere } from "../../ipc/socket_folder.ts";
import { isSocketThere } from "../../ipc/socket_owner.ts";
import type { Platform } from "../../platform/contract.ts";
import { ipcPath, SOME_MACHINE_ID } from "../ipc_path.ts";
import type { IpcSettings } from "../run.ts";
import { failed, type Finding, ok } from "./finding.ts";

/** The place that a run's socket goes to, and who answers there now. */
export async function examineSocket(
  { ipc }: { ipc: IpcSettings },
  deps: { platform: Platform; readVariable: (name: string) => string | undefined },
): Promise<Finding> {
  try {
    const path = ipcPath({ ipc }, { ...deps, machineId: SOME_MACHINE_ID });
    const { pipes } = deps.platform;
    const folder = dirname(path);
    const place = ipc.path ?? (pipes ? "a pipe" : `in ${folder}`);
    if (pipes === undefined) {
      const ownUser = Deno.uid() ?? 0;
      if (!isSocketFolderThere(folder, ownUser)) {
        return ok("socket", `will be ${place}, which the first run makes`);
      }
      // what else stands in its place no run would serve
      isSocketThere(path, ownUser);
    }
    const paths = ipc.path === undefined ? await findSockets(deps.readVariable) : [ipc.path];
    const answers = await Promise.all(paths.map(isAnswering));
    const serving = paths.filter((_, i) => answers[i]);
    const running = serving.length === 0 ? "no sentinel runs" : `running: ${serving.join(", ")}`;
    return ok("socket", `will be ${place}; ${running}`);
  } catch (error) {
    if (!(error instanceof SentinelError)) throw error;
    return failed("socket", error.message, {
      advice: error.code.startsWith("permission.")
        ? "move it away or chmod 700 it; XDG_RUNTIME_DIR must be this user's own folder"
        : "name another place in [ipc] of the configuration file, or set XDG_RUNTIME_DIR",
      code: error.code,
    });
  }
}

async function isAnswering(path: string): Promise<boolean> {
  try {
    await requestIpc({ path, method: "health" });
    return true;
  } catch (error) {
    if (error instanceof SentinelError) return false;
    throw error;
  }
}
