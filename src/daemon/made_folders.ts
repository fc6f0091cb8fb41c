import { lstatIfThere } from "../core/lstat_if_there.ts";
import { dirname } from "../core/paths.ts";

/** Folders that were made, outermost first. */
export interface MadeFolders {
  /** Removes those of them that nothing is in. */
  remove(): Promise<void>;
}

/** Makes the folders that these files are to be in, where they are missing, for nobody but us (0700). */
export async function makeFoldersOf(paths: readonly string[]): Promise<MadeFolders> {
  const made: string[] = [];
  for (const path of paths) {
    const missing: string[] = [];
    for (
      let folder = dirname(path);
      await lstatIfThere(folder) === undefined;
      folder = dirname(folder)
    ) {
      missing.unshift(folder);
    }
    for (const folder of missing) if (await make(folder)) made.push(folder);
  }
  return {
    async remove() {
      for (const folder of made.toReversed()) await Deno.remove(folder).catch(() => {});
    },
  };
}

/** Whether it was us who made it: another daemon may start at the same time. */
async function make(folder: string): Promise<boolean> {
  try {
    await Deno.mkdir(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}
