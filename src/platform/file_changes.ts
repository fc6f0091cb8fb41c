import type { Surrounding } from "./contract.ts";

/** Holds our own executable against what it was. */
interface ExecutableWatch {
  look(): Promise<Surrounding | undefined>;
}

/** Notes how the executable at `path` is now. */
export async function executableWatch(path = Deno.execPath()): Promise<ExecutableWatch> {
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
    return "gone";
  }
}
