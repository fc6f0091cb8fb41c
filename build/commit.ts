/** The commit of the sources that are built. */
export interface Commit {
  /** 40 hex digits, `-dirty` behind them where something was changed. */
  readonly name: string;
  /** When it was made, seconds since the Unix epoch. */
  readonly seconds: string;
}

const ROOT = new URL("../", import.meta.url);

/** `undefined` where the sources are in no repository, or there is no git. */
export async function readCommit(): Promise<Commit | undefined> {
  const shown = await git("show", "--no-patch", "--format=%H %ct", "HEAD");
  if (shown === undefined) return undefined;
  const [name = "", seconds = ""] = shown.trim().split(" ");
  const changes = await git("status", "--porcelain", "--untracked-files=no");
  return { name: changes === "" ? name : `${name}-dirty`, seconds };
}

async function git(...args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args,
      cwd: ROOT,
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
