/**
 * A file's version (see `Platform.fileVersion`) as far as the runtime's own `stat` tells it: device, inode, size, the time of
 * the last change of content in milliseconds, that of the inode in seconds.
 */
export function statVersion(path: string): string | undefined {
  try {
    const { dev, ino, size, mtime, ctime } = Deno.statSync(path);
    return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join();
  } catch {
    return undefined;
  }
}
