import type { BuildInfo } from "../../core/build_info.ts";
import { VERSION } from "../../core/version.ts";
import { BuildError } from "./build_error.ts";

/** Runs git in the folder of the sources; what it says, or `undefined` where it fails or is not there. */
export type RunGit = (args: readonly string[]) => Promise<string | undefined>;

/**
 * What the sources tell of themselves. Their time is that of the commit, unless `SOURCE_DATE_EPOCH` says another one
 * (https://reproducible-builds.org/specs/source-date-epoch/).
 *
 * @throws {BuildError} where that is no number of seconds.
 */
export async function sourceInfo(
  runGit: RunGit,
  readVariable: (name: string) => string | undefined,
): Promise<BuildInfo> {
  const commit = (await runGit(["rev-parse", "HEAD"]))?.trim();
  const isModified = (await runGit(["status", "--porcelain"]) ?? "").trim() !== "";
  const seconds = readVariable("SOURCE_DATE_EPOCH") ||
    await runGit(["log", "-1", "--format=%ct"]);
  const builtAt = seconds === undefined ? undefined : isoTime(seconds.trim());
  return {
    version: VERSION,
    ...(commit !== undefined && { commit: `${commit}${isModified ? "-modified" : ""}` }),
    ...(builtAt !== undefined && { builtAt }),
  };
}

function isoTime(seconds: string): string {
  const date = new Date(/^\d{1,11}$/.test(seconds) ? Number(seconds) * 1000 : NaN);
  if (!Number.isNaN(date.getTime())) return date.toISOString().replace(".000Z", "Z");
  throw new BuildError(`SOURCE_DATE_EPOCH is no number of seconds: current value is ${seconds}`);
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
    } catch {
      return undefined;
    }
  };
}
