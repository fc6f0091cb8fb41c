import { lstatIfThere } from "../core/lstat_if_there.ts";
import type { LocalPipes, Platform } from "../platform/contract.ts";
import { selectPlatform } from "../platform/select.ts";
import { SHARED_FOLDER } from "./socket_path.ts";

const NAME = /^sentinel-.+\.sock$/, LOCK_NAME = /^(sentinel-.+)\.lock$/;

/**
 * Our own servers' sockets, sorted: those in the login session's folder, or, where there are none, in `/tmp`. Whether
 * anybody still listens on them is another question.
 */
export async function findSockets(
  readVariable: (name: string) => string | undefined,
  platform: Platform = selectPlatform(),
): Promise<string[]> {
  const runtimeFolder = platform.runtimeFolder(readVariable);
  if (platform.pipes !== undefined) return await pipesOf(runtimeFolder, platform.pipes);
  const inSession = runtimeFolder === undefined
    ? []
    : await socketsIn(`${runtimeFolder}/sentinel`, platform.userId());
  return inSession.length > 0 ? inSession : await socketsIn(SHARED_FOLDER, platform.userId());
}

/** Pipes are in no folder, but their lock files are. */
async function pipesOf(lockFolder: string | undefined, { prefix }: LocalPipes): Promise<string[]> {
  const names = lockFolder === undefined ? [] : await namesIn(lockFolder);
  return names.flatMap((name) => {
    const [, pipe] = LOCK_NAME.exec(name) ?? [];
    return pipe === undefined ? [] : [prefix + pipe];
  }).sort();
}

/** Our own servers' sockets in a folder, sorted. */
export async function socketsIn(folder: string, ownUser: string): Promise<string[]> {
  const paths: string[] = [];
  for (const name of await namesIn(folder)) {
    const path = `${folder}/${name}`;
    if (NAME.test(name) && await isOwnSocket(path, ownUser)) paths.push(path);
  }
  return paths.sort();
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** False too where it is gone meanwhile. */
async function isOwnSocket(path: string, ownUser: string): Promise<boolean> {
  const info = await lstatIfThere(path);
  return info?.isSocket === true && String(info.uid) === ownUser;
}
