import { type Env, runToEnd } from "../core/process.ts";
import { fromFileUrl } from "@std/path";
import type { Build } from "../core/build_info.ts";
import { bundle } from "./bundle.ts";
import { BuildError, type DenoTool } from "./run_deno.ts";

/** The entry of a compiled program; all other modules beside it are the same in each build. */
export const ENTRY = "sentinel.js";

/** The module whose `main` the entry calls. */
export const MAIN = "main.js";

/** Where a program's modules are taken from. */
export type ModuleSource =
  /** The folder of the sources, which are bundled. */
  | { readonly kind: "sources"; readonly root: URL }
  /** The folder of a bundle: a compiled program carries it inside. */
  | { readonly kind: "bundle"; readonly folder: URL };

/** What this very program is made of. */
export function ownModules(): ModuleSource {
  return import.meta.url.endsWith(".ts")
    ? { kind: "sources", root: new URL("../..", import.meta.url) }
    : { kind: "bundle", folder: new URL("./", import.meta.url) };
}

/** Puts the program's modules, all but the entry, into a folder that is there. @throws {BuildError} */
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

/** Runs git in the folder of the sources; what it says, or `undefined` where it fails or is not there. */
type RunGit = (args: readonly string[]) => Promise<string | undefined>;

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
  env: Env,
): Promise<SourceInfo> {
  const shown = await runGit(["show", "--no-patch", "--format=%H %ct", "HEAD"]);
  const [commit, committed] = shown?.trim().split(" ") ?? [];
  const changes = await runGit(["status", "--porcelain", "--untracked-files=no"]);
  const seconds = env("SOURCE_DATE_EPOCH") || committed;
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

/** The version of Deno that the sources are made for. */
export async function pinnedDeno(root: URL): Promise<string> {
  return (await Deno.readTextFile(new URL(".dvmrc", root))).trim();
}

/** Runs git for real. */
export function gitIn(folder: URL): RunGit {
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
