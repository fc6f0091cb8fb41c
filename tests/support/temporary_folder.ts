import { openLibraries } from "./open_libraries.ts";
import { IS_WINDOWS } from "./system.ts";
import { forgetReplicas } from "./user_keyring.ts";

// Windows cannot replace a file without one
if (IS_WINDOWS) openLibraries();

/** A folder of the test's own, gone at the end with what the keyring holds for it: `await using folder = await temporaryFolder()`. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
  /** A path inside. */
  at(name: string): string;
}

/** A folder for what several tests share, gone with the last of the file's tests. */
export async function sharedFolder(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "sentinel-test-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  return folder;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await Deno.makeTempDir({ prefix: "sentinel-test-" });
  // another test of this process may be binding a socket, under a umask of its own
  if (!IS_WINDOWS) await Deno.chmod(path, 0o700);
  return {
    path,
    at: (name) => `${path}/${name}`,
    async [Symbol.asyncDispose]() {
      await forgetReplicas(path);
      await Deno.remove(path, { recursive: true });
    },
  };
}
