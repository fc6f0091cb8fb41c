import type { Clock } from "./core/clock.ts";
import { readPidFile } from "./daemon/pid_file.ts";
import { findSockets } from "./ipc/find_socket.ts";
import { selectPlatform } from "./platform/select.ts";
import { ConfigError } from "./sentinel/config_error.ts";
import { DaemonControl, NotRunningError } from "./sentinel/daemon_control.ts";
import {
  type DaemonPlaceOptions,
  defaultPidFile,
  type OtherUser,
  pidFolder,
  RUN_FOLDER,
  USER_FOLDER,
} from "./sentinel/daemon_place.ts";
import { stateFolder } from "./sentinel/state_place.ts";

/** What says which daemon is meant; as much of it as is known. */
export interface DaemonTarget {
  readonly pidFile: string | undefined;
  readonly socket: string | undefined;
  readonly softwarePath: string | undefined;
  readonly stateDir: string | undefined;
  /** `process.user` and `security.chroot_directory`. */
  readonly user: string | undefined;
  readonly rootFolder: string | undefined;
  readonly clock: Clock;
}

/**
 * The way to a daemon.
 *
 * @throws {NotRunningError} where nothing is known of it, and none runs.
 * @throws {ConfigError} where several run, and it is not said which.
 */
export async function composeDaemonControl(target: DaemonTarget): Promise<DaemonControl> {
  const platform = selectPlatform();
  const { socket } = target;
  return new DaemonControl({
    pidFile: target.pidFile ?? await choosePidFile(target),
    findSockets: async () => socket !== undefined ? [socket] : await findSockets(readVariable),
    platform,
    clock: target.clock,
    kill: Deno.kill,
  });
}

/** The PID file of a daemon that names no other. */
export async function pidFileOf(
  softwarePath: string,
  { stateDir, user, rootFolder }: Pick<DaemonTarget, "stateDir" | "user" | "rootFolder">,
): Promise<string> {
  const otherUser = user === undefined ? undefined : await otherUserNow(user, rootFolder);
  return defaultPidFile(softwarePath, { ...placeOptions(stateDir), otherUser });
}

/** `undefined` where we are not root, or there is no such user: that is for the start to tell. */
async function otherUserNow(
  user: string,
  rootFolder: string | undefined,
): Promise<OtherUser | undefined> {
  const platform = selectPlatform();
  if (platform.userId() !== "0") return undefined;
  const { findUser } = await import("./daemon/privileges.ts");
  const userId = (await findUser(user, Deno.readTextFile))?.userId;
  if (userId === undefined) return undefined;
  const runtimeFolder = platform.runtimeFolder(readVariable);
  const hasRuntimeFolder = runtimeFolder !== undefined && rootFolder === undefined &&
    await folderOwner(runtimeFolder) === userId;
  return { userId, rootFolder, hasRuntimeFolder };
}

/** The user that a folder belongs to; `undefined` where it is not there. */
async function folderOwner(folder: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(folder)).uid ?? undefined;
  } catch {
    return undefined;
  }
}

async function choosePidFile(target: DaemonTarget): Promise<string> {
  const { softwarePath, stateDir } = target;
  if (softwarePath !== undefined) return await pidFileOf(softwarePath, target);
  const folders = [pidFolder(placeOptions(stateDir)), ...await foldersOfOthers()];
  const held: string[] = [];
  for (const folder of folders) {
    for (const path of await pidFilesIn(folder)) {
      if ((await readPidFile(path)).kind === "running") held.push(path);
    }
  }
  const [only, ...others] = held;
  if (only === undefined) throw new NotRunningError();
  if (others.length === 0) return only;
  throw new ConfigError(
    "config.pid_file",
    `several daemons run: give --config, or --pid-file with one of ${held.join(", ")}`,
  );
}

/** Where root finds daemons that it had become other users. */
async function foldersOfOthers(): Promise<string[]> {
  if (selectPlatform().userId() !== "0") return [];
  const entries = await Array.fromAsync(Deno.readDir(RUN_FOLDER)).catch(() => []);
  return entries.filter(({ name }) => name.startsWith(USER_FOLDER))
    .map(({ name }) => `${RUN_FOLDER}/${name}`).sort();
}

async function pidFilesIn(folder: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    return entries.filter(({ name }) => name.endsWith(".pid"))
      .map(({ name }) => `${folder}/${name}`).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function placeOptions(stateDir: string | undefined): DaemonPlaceOptions {
  const platform = selectPlatform();
  return {
    platform,
    readVariable,
    stateFolder: () => stateFolder(stateDir, { platform, readVariable }),
  };
}

function readVariable(name: string): string | undefined {
  return Deno.env.get(name);
}
