/**
 * Unlocks a locked file (flock(2)) and closes it. Closing alone would leave the lock to a child that has been forked but has
 * not yet executed its program: it holds the same open file until then.
 */
export function releaseLock(file: Deno.FsFile): void {
  try {
    file.unlockSync();
  } catch {
    // Windows unlocks no file that was removed, and leaves none to children
  }
  file.close();
}
