import { selectPlatform } from "../platform/select.ts";
import { SHARED_FOLDER } from "./socket_path.ts";

const NAME = /^sentinel-.+\.sock$/;

/** Our own servers' sockets in the default folders, sorted; whether anybody still listens on them is another question. */
export async function findSockets(
  readVariable: (name: string) => string | undefined,
): Promise<string[]> {
  const platform = selectPlatform();
  const runtimeFolder = platform.runtimeFolder(readVariable);
  const folders = [
    ...(runtimeFolder === undefined ? [] : [`${runtimeFolder}/sentinel`]),
    SHARED_FOLDER,
  ];
  const found = await Promise.all(folders.map((folder) => socketsIn(folder, platform.userId())));
  return found.flat().sort();
}

async function socketsIn(folder: string, ownUser: string): Promise<string[]> {
  const paths: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (!NAME.test(name)) continue;
      const path = `${folder}/${name}`;
      const info = await Deno.lstat(path);
      if (info.isSocket && String(info.uid) === ownUser) paths.push(path);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return paths;
}
