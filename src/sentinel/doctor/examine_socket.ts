import { SentinelError } from "../../core/errors.ts";
import { requestIpc } from "../../ipc/client.ts";
import { findSockets } from "../../ipc/find_socket.ts";
import { isSocketFolderThere } from "../../ipc/socket_folder.ts";
import { SHARED_FOLDER } from "../../ipc/socket_path.ts";
import type { Platform } from "../../platform/contract.ts";
import { failed, type Finding, ok } from "./finding.ts";

/** The folder that a run's socket goes to, and who answers there now. */
export async function examineSocket(
  { platform, readVariable }: {
    platform: Platform;
    readVariable: (name: string) => string | undefined;
  },
): Promise<Finding> {
  const session = platform.runtimeFolder(readVariable);
  const folder = session === undefined ? SHARED_FOLDER : `${session}/sentinel`;
  try {
    if (!isSocketFolderThere(folder, Deno.uid() ?? 0)) {
      return ok("socket", `will be in ${folder}, which the first run makes`);
    }
    const paths = await findSockets(readVariable);
    const answers = await Promise.all(paths.map(isAnswering));
    const serving = paths.filter((_, i) => answers[i]);
    const running = serving.length === 0 ? "no sentinel runs" : `running: ${serving.join(", ")}`;
    return ok("socket", `will be in ${folder}; ${running}`);
  } catch (error) {
    if (!(error instanceof SentinelError)) throw error;
    return failed("socket", error.message, {
      advice: "move it away or chmod 700 it; XDG_RUNTIME_DIR must be this user's own folder",
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
