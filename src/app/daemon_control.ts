import type { Host } from "../platform/host.ts";
import { SYSTEM } from "./host.ts";
import { dirname, getFileName } from "../core/paths.ts";
import { readPidFile } from "../daemon/pid_file.ts";
import { findSockets, listSockets } from "../ipc/client.ts";
import { ConfigError } from "../core/errors.ts";
import {
  chooseDefaultPidFile,
  DaemonControl,
  type DaemonPathOptions,
  type DaemonUser,
  NotRunningError,
  SYSTEM_DIRECTORY,
  USER_DIRECTORY_PREFIX,
} from "../daemon/control.ts";

/** A daemon that a command refers to, as far as it is known. */
interface DaemonTarget extends Pick<Host, "clock"> {
  readonly pidFile: string | undefined;
  readonly socket: string | undefined;
  readonly softwarePath: string | undefined;
  readonly stateDir: string | undefined;
  /** `process.user` and `security.chroot_directory`. */
  readonly user: string | undefined;
  readonly rootFolder: string | undefined;
}

/**
 * Finds a daemon and returns its control.
 *
 * @throws {NotRunningError} if the target is empty and no daemon runs.
 * @throws {ConfigError} if the target is empty and several daemons run.
 */
export async function composeDaemonControl(target: DaemonTarget): Promise<DaemonControl> {
  const { platform } = SYSTEM;
  const { socket } = target;
  const pidFile = target.pidFile ?? await choosePidFile(target);
  return new DaemonControl({
    pidFile,
    findSockets: async () =>
      socket !== undefined ? [socket] : [
        ...await listSockets(dirname(pidFile), platform.userId()),
        ...await findSockets(SYSTEM.env),
      ],
    platform,
    clock: target.clock,
    kill: Deno.kill,
  });
}

/** Default path of the PID file for the daemon of a program. */
export async function resolvePidFile(
  softwarePath: string,
  { stateDir, user, rootFolder }: Pick<DaemonTarget, "stateDir" | "user" | "rootFolder">,
): Promise<string> {
  const otherUser = user === undefined ? undefined : await findOtherUser(user, rootFolder);
  return await chooseDefaultPidFile(softwarePath, { ...getPathOptions(stateDir), otherUser });
}

/** Returns `undefined` if we are not root or the user does not exist; the start reports the latter. */
async function findOtherUser(
  user: string,
  rootFolder: string | undefined,
): Promise<DaemonUser | undefined> {
  const { platform } = SYSTEM;
  if (platform.userId() !== "0") return undefined;
  const { findUser } = await import("../daemon/privileges.ts");
  const userId = (await findUser(user, Deno.readTextFile))?.userId;
  if (userId === undefined) return undefined;
  const runtimeFolder = platform.runtimeFolder(SYSTEM.env);
  const hasRuntimeFolder = runtimeFolder !== undefined && rootFolder === undefined &&
    await findFolderOwner(runtimeFolder) === userId;
  return { userId, rootFolder, hasRuntimeFolder };
}

/** The uid of a directory's owner; `undefined` if the directory does not exist. */
async function findFolderOwner(folder: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(folder)).uid ?? undefined;
  } catch {
    return undefined;
  }
}

async function choosePidFile(target: DaemonTarget): Promise<string> {
  const { softwarePath, stateDir } = target;
  if (softwarePath !== undefined) {
    const usual = await resolvePidFile(softwarePath, target);
    return await findServicePidFile(usual, target) ?? usual;
  }
  const held: string[] = [];
  for (const path of await listPidFiles(stateDir)) {
    if ((await readPidFile(path)).kind === "running") held.push(path);
  }
  const [only, ...others] = held;
  if (only === undefined) throw new NotRunningError();
  if (others.length === 0) return only;
  throw new ConfigError(
    "config.pid_file",
    `several daemons run: give --config, or --pid-file with one of ${held.join(", ")}`,
  );
}

/**
 * The PID file of a running service that has its own user. It is in the runtime directory that the service manager created
 * for that user, whose path only the service's environment holds.
 */
async function findServicePidFile(
  usual: string,
  { user, rootFolder }: DaemonTarget,
): Promise<string | undefined> {
  const userId = user === undefined ? undefined : (await findOtherUser(user, rootFolder))?.userId;
  if (userId === undefined || (await readPidFile(usual)).kind === "running") return undefined;
  const file = getFileName(usual);
  const path = `${SYSTEM_DIRECTORY}/${file.replace(/\.pid$/, "")}/sentinel/${file}`;
  const isOwned = await findFolderOwner(dirname(path)) === userId;
  return isOwned && (await readPidFile(path)).kind === "running" ? path : undefined;
}

/** PID files in the user's default directory and in the system's; as root also those of daemons of other users. */
async function listPidFiles(stateDir: string | undefined): Promise<string[]> {
  const own = dirname(await chooseDefaultPidFile("any", getPathOptions(stateDir)));
  const system = (await listNames(SYSTEM_DIRECTORY)).map((name) =>
    `${SYSTEM_DIRECTORY}/${name}/sentinel`
  );
  const found: string[] = [];
  for (const folder of [own, ...system, ...await listUserFolders()]) {
    const names = (await listNames(folder)).filter((name) => name.endsWith(".pid"));
    found.push(...names.map((name) => `${folder}/${name}`));
  }
  return found;
}

/** Directories of the daemons that root started as other users; empty unless we are root. */
async function listUserFolders(): Promise<string[]> {
  if (SYSTEM.platform.userId() !== "0") return [];
  const parent = dirname(USER_DIRECTORY_PREFIX);
  const paths = (await listNames(parent)).map((name) => `${parent}/${name}`);
  return paths.filter((path) => path.startsWith(USER_DIRECTORY_PREFIX));
}

/** Sorted names in a directory; empty if it is missing or unreadable. */
async function listNames(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    if (error instanceof Deno.errors.PermissionDenied) return [];
    throw error;
  }
}

function getPathOptions(stateDir: string | undefined): DaemonPathOptions {
  return { ...SYSTEM, stateFolder: () => resolveStateFolder(stateDir) };
}

/** Imports the code only if a path depends on the state folder. */
async function resolveStateFolder(stateDir: string | undefined): Promise<string> {
  const { resolveMachineFolder } = await import("../state/product_folder.ts");
  return await resolveMachineFolder(stateDir, SYSTEM);
}
