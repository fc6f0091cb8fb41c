import type { Host } from "../platform/host.ts";
import { getPermissionBits } from "../core/files.ts";
import {
  type Diagnostic,
  type DoctorDependencies,
  type DoctorRequest,
  fail,
  type FoundStateFolder,
  pass,
  skip,
} from "./diagnostic.ts";
import { dirname } from "../core/paths.ts";
import { SentinelError } from "../core/errors.ts";
import { findSockets, requestIpc } from "../ipc/client.ts";
import { SocketPathError } from "../ipc/errors.ts";
import { isOthersFault } from "../ipc/claim_place.ts";
import { hasSocketFolder } from "../ipc/socket.ts";
import { hasSocket } from "../ipc/socket_owner.ts";
import { VerifiedExecutable } from "../agent/agent.ts";
import type { License } from "../license/payload.ts";
import { type IpcSettings, resolveIpcPlaces, SAMPLE_MACHINE_ID } from "../agent/run_request.ts";

/** Mode bits; inode(7). */
const GROUP_AND_OTHERS = 0o077, WRITE_OF_OTHERS = 0o002;

interface Fault {
  readonly fault: string;
  readonly advice: string;
}

/** Checks that other users cannot read the state or change the trusted key, and that the runtime has its permissions. */
export async function examinePermissions(
  { orgKey, stateFolder }: Pick<DoctorRequest, "orgKey"> & Pick<FoundStateFolder, "stateFolder">,
  { listMissingAccess }: Pick<DoctorDependencies, "listMissingAccess">,
): Promise<Diagnostic> {
  const faults: readonly Fault[] = [
    ...listMissingAccess().map((name) => ({
      fault: `the runtime has no ${name} access`,
      advice: `--allow-${name}`,
    })),
    ...await findModeFaults(orgKey && "path" in orgKey ? orgKey.path : undefined, {
      forbidden: WRITE_OF_OTHERS,
      remedy: "chmod o-w",
    }),
    ...await findFolderFaults(stateFolder),
  ];
  if (faults.length === 0) {
    return pass("permissions", "other users cannot read the state or change the key");
  }
  return fail("permissions", faults.map(({ fault }) => fault).join("; "), {
    advice: faults.map(({ advice }) => advice).join("; "),
    code: "permission.files",
  });
}

async function findFolderFaults(path: string | undefined): Promise<Fault[]> {
  const info = path === undefined ? undefined : await statIfVisible(path);
  if (path === undefined || info === undefined) return [];
  const faults = await findModeFaults(path, { forbidden: GROUP_AND_OTHERS, remedy: "chmod 700" });
  if (info.uid !== null && info.uid !== Deno.uid()) {
    faults.push({
      fault: `${path} belongs to user ${info.uid}`,
      advice: "run as that user, or give another --state-dir",
    });
  }
  try {
    for await (const { name } of Deno.readDir(path)) {
      const file = `${path}/${name}`;
      const options = { forbidden: GROUP_AND_OTHERS, remedy: "chmod 600" };
      faults.push(...await findModeFaults(file, options));
    }
  } catch {
    // the state check reports a folder that cannot be read
  }
  return faults;
}

async function findModeFaults(
  path: string | undefined,
  { forbidden, remedy }: { forbidden: number; remedy: string },
): Promise<Fault[]> {
  const info = path === undefined ? undefined : await statIfVisible(path);
  const mode = info && getPermissionBits(info);
  if (mode === undefined || mode === null || (mode & forbidden) === 0) return [];
  const octal = (mode & 0o777).toString(8);
  return [{ fault: `${path} is open to others (mode ${octal})`, advice: `${remedy} ${path}` }];
}

/** Returns `undefined` for files that do not exist or are hidden; other checks report them. */
async function statIfVisible(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch {
    return undefined;
  }
}

/** Checks that the software can be launched under the license. */
export async function examineSoftware(
  { softwarePath }: DoctorRequest,
  license: License | undefined,
  { platform }: Pick<Host, "platform">,
): Promise<Diagnostic> {
  if (softwarePath === undefined) return skip("software", "no --software is given");
  try {
    await new VerifiedExecutable(softwarePath, platform).check(license?.software_checksum);
  } catch (error) {
    if (!(error instanceof SentinelError)) throw error;
    return fail("software", error.message, {
      advice: "check path, mode and version of the software",
      code: error.code,
    });
  }
  const isVerified = license?.software_checksum !== undefined;
  const checksum = isVerified ? "its checksum is the license's" : "the license has no checksum";
  return pass("software", `${softwarePath} can be launched; ${checksum}`);
}

/** Checks the path of the socket, and finds running instances. */
export async function examineSocket(
  { ipc }: { ipc: IpcSettings },
  deps: Pick<Host, "platform" | "env">,
): Promise<Diagnostic> {
  try {
    const { path, refuge } = resolveIpcPlaces({ ipc }, { ...deps, machineId: SAMPLE_MACHINE_ID });
    const { pipes } = deps.platform;
    const folder = dirname(path);
    const place = ipc.path ?? (pipes ? "a pipe" : `in ${folder}`);
    if (pipes === undefined) {
      try {
        const ownUser = Deno.uid() ?? 0;
        if (!hasSocketFolder(folder, ownUser)) {
          return pass("socket", `will be ${place}, which the first run creates`);
        }
        if (!deps.platform.isWritable(folder)) {
          throw new SocketPathError(
            "permission.ipc_path",
            `Cannot put a socket into ${folder}: it cannot be written`,
          );
        }
        // throws if something else is in its place
        hasSocket(path, ownUser);
      } catch (error) {
        if (refuge === undefined || !isOthersFault(error)) throw error;
        return pass("socket", `will be in ${dirname(refuge)}: ${error.message}`);
      }
    }
    const paths = ipc.path === undefined ? await findSockets(deps.env) : [ipc.path];
    const answers = await Promise.all(paths.map(isAnswering));
    const serving = paths.filter((_, i) => answers[i]);
    const running = serving.length === 0 ? "no sentinel runs" : `running: ${serving.join(", ")}`;
    return pass("socket", `will be ${place}; ${running}`);
  } catch (error) {
    if (!(error instanceof SentinelError)) throw error;
    return fail("socket", error.message, {
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
