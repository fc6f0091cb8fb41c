import { fromFileUrl } from "@std/path";
import { bundle } from "../../src/packaging/bundle.ts";
import {
  formatPermissionFlags,
  PERMISSION_SETS,
  renderEntryModule,
} from "../../src/packaging/compile_program.ts";
import { ENTRY, layOutModules } from "../../src/packaging/program_modules.ts";

const ROOT = new URL("../..", import.meta.url);
const DENO = { path: Deno.execPath(), cwd: fromFileUrl(ROOT) };

/** Where the entries of fixtures are, beside the program's. */
const FIXTURES = "fixtures";

/**
 * Bundles the program into a folder, with the entry that `deno compile` is given for customers.
 *
 * @param preload A module of the tests (an absolute path) that is run before the program.
 * @returns The entry's path.
 */
export async function bundleAsShipped(folder: string, preload?: string): Promise<string> {
  await layOutModules({ kind: "sources", root: ROOT }, { folder, deno: DENO });
  if (preload !== undefined) await bundle(preload, { folder, deno: DENO });
  const build = {
    ...{ target: Deno.build.target, profile: "customer" as const },
    permissions: formatPermissionFlags(PERMISSION_SETS.customer),
  };
  const firstModule = preload && jsName(preload);
  await Deno.writeTextFile(`${folder}/${ENTRY}`, renderEntryModule({ build, firstModule }));
  return `${folder}/${ENTRY}`;
}

/** Bundles the fixtures that are the real program with another clock or key, beside it. */
export async function bundleFixtures(folder: string): Promise<void> {
  const fixtures = fromFileUrl(new URL("../fixtures", import.meta.url));
  for await (const { name } of Deno.readDir(fixtures)) {
    const path = `${fixtures}/${name}`;
    if (!name.endsWith(".ts") || !(await Deno.readTextFile(path)).includes("cli/main.ts")) continue;
    await bundle(path, { folder: `${folder}/${FIXTURES}`, deno: DENO });
  }
}

/** The entry of a fixture in the folder of a bundle; undefined if it was not bundled. */
export function bundledFixture(folder: string, fixture: string): string | undefined {
  const path = `${folder}/${FIXTURES}/${jsName(fixture)}`;
  try {
    return Deno.statSync(path).isFile ? path : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function jsName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\.ts$/, ".js");
}
