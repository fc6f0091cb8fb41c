import { runTool } from "./run_tool.ts";
import { temporaryFolder } from "./temporary_folder.ts";

/** The runtime's cache, `DENO_DIR` of a program that runs from source without a home. */
export async function findPackageCache(): Promise<string> {
  return JSON.parse(await runTool(Deno.execPath(), "info", "--json")).denoDir;
}

/** Has the runtime download its bundler, which a machine without a network takes from the cache. */
export async function cacheBundler(): Promise<void> {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("empty.ts"), "");
  await runTool(Deno.execPath(), "bundle", "--quiet", folder.at("empty.ts"));
}
