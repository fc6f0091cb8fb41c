import { describeError, SentinelError } from "../core/errors.ts";
import { lstatIfThere } from "../core/lstat_if_there.ts";
import { dirname } from "../core/paths.ts";

/** A file or folder that the daemon needs cannot be made (exit status 2). */
export class PlaceError extends SentinelError {
  constructor(path: string, cause: unknown) {
    super("config.place", `${path} cannot be made (${describeError(cause)})`, { cause });
  }
}

/** Of a folder and those that it is in, which are to be made, outermost first; and which one is there. */
export interface MissingFolders {
  readonly missing: readonly string[];
  readonly there: string;
}

/** @throws {PlaceError} where we may not look, or the name is none. */
export async function findMissingFolders(path: string): Promise<MissingFolders> {
  const missing: string[] = [];
  let there = path;
  try {
    for (; await lstatIfThere(there) === undefined; there = dirname(there)) missing.unshift(there);
  } catch (error) {
    throw new PlaceError(path, error);
  }
  return { missing, there };
}

/**
 * Makes a file or a folder.
 *
 * @returns Whether it was us who made it: another daemon may start at the same time.
 * @throws {PlaceError}
 */
export async function makePlace(path: string, make: () => Promise<void>): Promise<boolean> {
  try {
    await make();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw new PlaceError(path, error);
  }
}
