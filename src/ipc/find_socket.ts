import { selectPlatform } from "../platform/select.ts";
import { SHARED_FOLDER } from "./socket_path.ts";

const NAME = /^sentinel-.+\.sock$/;

/**
 * Our own servers' sockets, sorted: those in the login session's folder, or, where there are none, in `/tmp`. Whether
 * anybody still listens on them is another question.
 */
export async function findSockets(
  readVariable: (name: string) => string | undefined,
): Promise<string[]> {
  const platform = selectPlatform();
  const runtimeFolder = platform.runtimeFolder(readVariable);
  const inSession = runtimeFolder === undefined
    ? []
    : await socketsIn(`${runtimeFolder}/sentinel`, platform.userId());
  return inSession.length > 0 ? inSession : await socketsIn(SHARED_FOLDER, platform.userId());
}

/** Our own servers' sockets in a folder, sorted. */
export async function socketsIn(folder: string, ownUser: string): Promise<string[]> {
  const paths: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (!NAME.test(name)) continue;
      const path = `${folder}/${name}`;
      if (await isOwnSocket(path, ownUser)) paths.push(path);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return paths.sort();
}

/** False too where it is gone meanwhile. */
async function isOwnSocket(path: string, ownUser: string): Promise<boolean> {
  try {
    const info = await Deno.lstat(path);
    return info.isSocket === true && String(info.uid) === ownUser;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
