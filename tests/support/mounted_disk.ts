import { runTool } from "./run_tool.ts";

/**
 * Mounts a file system in memory of its own on a folder, as root (tmpfs(5)):
 * `await using _disk = await mountDisk(folder.path, "size=64k")`.
 */
export async function mountDisk(path: string, options: string): Promise<AsyncDisposable> {
  await runTool("mount", "-t", "tmpfs", "-o", options, "tmpfs", path);
  return {
    // a process that is being started by another test may still have our files open
    [Symbol.asyncDispose]: async () => void await runTool("umount", "--lazy", path),
  };
}
