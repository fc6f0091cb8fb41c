import { releaseLock } from "../../../src/core/file_lock.ts";
import type { LockOutcome } from "../../../src/core/file_lock.ts";

export * from "../../../src/core/file_lock.ts";

/** For `src/core/file_lock.ts`: locks any file that the path leads to. */
export async function lockFile(path: string): Promise<LockOutcome> {
  const file = await Deno.open(path, { read: true, write: true, create: true, mode: 0o600 });
  await file.lock(true);
  const remove = () => Deno.remove(path);
  const release = () => releaseLock(file);
  return {
    kind: "locked",
    lock: { file, remove, release, removeAndRelease: () => remove().finally(release) },
  };
}
