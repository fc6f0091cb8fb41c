import { type Env, runToEnd } from "../core/process.ts";
import { fromFileUrl } from "@std/path";
import type { Build } from "../core/build_info.ts";
import { bundle } from "./bundle.ts";
import { BuildError, type DenoTool } from "./run_deno.ts";

/** The entry of a compiled program; its other modules are the same in each build. */
export const ENTRY = "sentinel.js";

/** The module whose `main` the entry calls. */
export const MAIN = "main.js";

/** The origin of a program's modules. */
export type ModuleSource =
  /** The root folder of sources, to be bundled. */
  | { readonly kind: "sources"; readonly root: URL }
  /** The folder of a bundle; a compiled program embeds one. */
  | { readonly kind: "bundle"; readonly folder: URL };

/** Locates the modules of the running program. */
export function locateOwnModules(): ModuleSource {
  return import.meta.url.endsWith(".ts")
    ? { kind: "sources", root: new URL("../..", import.meta.url) }
    : { kind: "bundle", folder: new URL("./", import.meta.url) };
}

/** Writes the program's modules, except the entry, into an existing folder. @throws {BuildError} */
export async function layOutModules(
  source: ModuleSource,
  { folder, deno }: { folder: string; deno: DenoTool },
): Promise<void> {
  if (source.kind === "sources") {
    const root = fromFileUrl(source.root);
    await bundle(`${root}src/cli/main.ts`, { folder, deno: { ...deno, cwd: root } });
    return;
  }
  for await (const { name, isFile } of Deno.readDir(source.folder)) {
    if (!isFile || name === ENTRY || !name.endsWith(".js")) continue;
    await Deno.writeFile(`${folder}/${name}`, await Deno.readFile(new URL(name, source.folder)));
  }
}

/** Runs git in the folder of the sources; returns its output, or `undefined` if it fails or is missing. */
type RunGit = (args: readonly string[]) => Promise<string | undefined>;

export type SourceInfo = Pick<Build, "commit" | "builtAt">;

/**
 * Reads the sources' commit and time. `SOURCE_DATE_EPOCH` overrides the commit's time
 * (https://reproducible-builds.org/specs/source-date-epoch/).
 *
 * @throws {BuildError} `SOURCE_DATE_EPOCH` is not a number of seconds.
 */
export async function readSourceInfo(
  runGit: RunGit,
  env: Env,
): Promise<SourceInfo> {
  const shown = await runGit(["show", "--no-patch", "--format=%H %ct", "HEAD"]);
  const [commit, committed] = shown?.trim().split(" ") ?? [];
  const changes = await runGit(["status", "--porcelain", "--untracked-files=no"]);
  const seconds = env("SOURCE_DATE_EPOCH") || committed;
  return {
    ...(commit !== undefined && { commit: `${commit}${changes ? "-dirty" : ""}` }),
    ...(seconds !== undefined && { builtAt: formatRfc3339(seconds) }),
  };
}

function formatRfc3339(seconds: string): string {
  const date = new Date(/^\d{1,12}$/.test(seconds) ? Number(seconds) * 1000 : NaN);
  if (!Number.isNaN(date.getTime())) return date.toISOString();
  throw new BuildError(`SOURCE_DATE_EPOCH must be whole seconds: current value is ${seconds}`);
}

/** Reads the version of Deno that the sources require. */
export async function readPinnedDeno(root: URL): Promise<string> {
  return (await Deno.readTextFile(new URL(".dvmrc", root))).trim();
}

export function makeGitRunner(folder: URL): RunGit {
  return async (args) => {
    try {
      const options = { args, cwd: folder, stderr: "null" } as const;
      const { code, stdout } = await runToEnd("git", options);
      return code === 0 ? new TextDecoder().decode(stdout) : undefined;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  };
}
