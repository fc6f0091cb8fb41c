import { hasProgram } from "../../tests/support/requirements.ts";

/** A folder that can be filled up to its last byte. */
export class SmallDisk implements AsyncDisposable {
  private constructor(
    readonly path: string,
    /** Why it cannot be filled; `undefined` where it can. */
    readonly whyEndless: string | undefined,
  ) {}

  /** Makes the folder, as a file system of its own in memory (tmpfs(5)) where that is allowed. */
  static async make(path: string, { megabytes }: { megabytes: number }): Promise<SmallDisk> {
    await Deno.mkdir(path, { mode: 0o700 });
    if (Deno.uid() !== 0) return new SmallDisk(path, "not root");
    if (!hasProgram("mount")) return new SmallDisk(path, "mount is not installed");
    const options = `size=${megabytes}m,mode=0700`;
    const said = await run("mount", ["-t", "tmpfs", "-o", options, "sentinel-soak", path]);
    return new SmallDisk(path, said === undefined ? undefined : `it cannot be mounted: ${said}`);
  }

  /** Takes all that is free; the function that it returns gives it back. */
  async fill(): Promise<() => Promise<void>> {
    const path = `${this.path}/.ballast-${crypto.randomUUID()}`;
    try {
      using file = await Deno.open(path, { write: true, createNew: true });
      for (let length = 1 << 20; length > 0;) {
        // what is left is less than this many bytes
        if (!await hasWritten(file, length)) length = Math.floor(length / 2);
      }
    } catch (error) {
      if (!isFull(error)) throw error;
    }
    return () => Deno.remove(path).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.whyEndless !== undefined) return;
    // a process that another test starts may still have our files open
    const said = await run("umount", ["--lazy", this.path]);
    if (said !== undefined) throw new Error(`Cannot unmount ${this.path}: ${said}`);
  }
}

/** @returns What it said where it failed. */
async function run(program: string, args: readonly string[]): Promise<string | undefined> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args], stdin: "null" })
    .output();
  return success ? undefined : new TextDecoder().decode(stderr).trim();
}

async function hasWritten(file: Deno.FsFile, length: number): Promise<boolean> {
  try {
    return await file.write(new Uint8Array(length)) === length;
  } catch (error) {
    if (isFull(error)) return false;
    throw error;
  }
}

/** errno(3). */
function isFull(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "ENOSPC";
}
