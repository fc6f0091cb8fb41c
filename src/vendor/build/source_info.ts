import type { Build } from "../../core/build.ts";
import { BuildError } from "./build_error.ts";

/** Runs git in the folder of the sources; what it says, or `undefined` where it fails or is not there. */
export type RunGit = (args: readonly string[]) => Promise<string | undefined>;

/** What is known of sources, whomever they are built for. */
export type SourceInfo = Pick<Build, "commit" | "builtAt">;

/**
 * What the sources tell of themselves. Their time is that of the commit, unless `SOURCE_DATE_EPOCH` says another one
 * (https://reproducible-builds.org/specs/source-date-epoch/).
 *
 * @throws {BuildError} where that is no number of seconds.
 */
export async function sourceInfo(
  runGit: RunGit,
  readVariable: (name: string) => string | undefined,
): Promise<SourceInfo> {
  const shown = await runGit(["show", "--no-patch", "--format=%H %ct", "HEAD"]);
  const [commit, committed] = shown?.trim().split(" ") ?? [];
  const changes = await runGit(["status", "--porcelain", "--untracked-files=no"]);
  const seconds = readVariable("SOURCE_DATE_EPOCH") || committed;
  return {
    ...(commit !== undefined && { commit: `${commit}${changes ? "-dirty" : ""}` }),
    ...(seconds !== undefined && { builtAt: rfc3339(seconds) }),
  };
}

function rfc3339(seconds: string): string {
  const date = new Date(/^\d{1,12}$/.test(seconds) ? Number(seconds) * 1000 : NaN);
  if (!Number.isNaN(date.getTime())) return date.toISOString();
  throw new BuildError(`SOURCE_DATE_EPOCH must be whole seconds: current value is ${seconds}`);
}

/** Runs git for real. */
export function gitIn(folder: URL): RunGit {
  return async (args) => {
    try {
      const { success, stdout } = await new Deno.Command("git", {
        args: [...args],
        cwd: folder,
        stdin: "null",
        stderr: "null",
      }).output();
      return success ? new TextDecoder().decode(stdout) : undefined;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  };
}
