import type { TamperDetection } from "./contract.ts";

interface ExecutableWatch {
  look(): Promise<TamperDetection | undefined>;
}

/** Records the executable at `path`; `look()` compares it with the record. */
export async function watchExecutable(path = Deno.execPath()): Promise<ExecutableWatch> {
  const original = await describeFile(path);
  return {
    async look() {
      const now = await describeFile(path);
      return now === original ? undefined : {
        kind: "executable_changed",
        message: "sentinel's own executable was changed while it ran",
        evidence: `${path} was ${original}, is ${now}`,
      };
    },
  };
}

async function describeFile(path: string): Promise<string> {
  try {
    const { ino, size, mtime } = await Deno.stat(path);
    return `inode ${ino}, ${size} bytes, of ${mtime?.toISOString()}`;
  } catch {
    return "missing";
  }
}

/**
 * Returns a file's version (see `Platform.readFileVersion`) from the runtime's `stat`: device, inode, size, modification time in
 * milliseconds and inode change time in seconds.
 */
export function readStatVersion(path: string): string | undefined {
  try {
    const { dev, ino, size, mtime, ctime } = Deno.statSync(path);
    return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join();
  } catch {
    return undefined;
  }
}
