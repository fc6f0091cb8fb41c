import { openFresh } from "./files.ts";
import { writeAll } from "./write_all.ts";

interface ReplaceOptions {
  /** Permission bits of the new file. */
  readonly mode: number;
  /** Gives the temporary file its name (default: rename(2)). */
  readonly rename?: (from: string, to: string) => Promise<void>;
}

/**
 * Replaces a file's content: a reader, also after a power failure, finds the old content or the new one.
 *
 * Writes `PATH.tmp`, syncs it and renames it. That name is fixed, so that a write that was killed leaves at most one
 * behind, which the next one replaces; a write that fails leaves none. There may be one writer at a time.
 */
export async function replaceContent(
  path: string,
  content: Uint8Array,
  { mode, rename = Deno.rename }: ReplaceOptions,
): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    {
      using file = await openFresh(temporary, { mode });
      await writeAll(file, content);
      await file.sync();
    }
    await rename(temporary, path);
  } catch (error) {
    // on a full disk it would take what little is left
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}
