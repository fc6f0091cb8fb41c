import { basename, dirname, fromFileUrl } from "@std/path";
import { bundle } from "../../src/packaging/bundle.ts";
import { copyFolder } from "./copy_folder.ts";
import { programOfAll } from "./other_user.ts";
import { BUNDLE, COMPILED } from "./program.ts";
import { sharedFolder } from "./temporary_folder.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/** A program where every user can run it: bundled, so that it needs no cache of modules. */
export interface ProgramForAll {
  readonly deno: string;
  /** Absent where it was compiled. */
  readonly entry?: string;
}

const made = new Map<string, Promise<ProgramForAll>>();

/**
 * Made once, and gone with this process.
 *
 * @param entry Relative to the folder of the sources.
 */
export function programForAll(entry = "main.ts"): Promise<ProgramForAll> {
  const program = made.get(entry) ?? make(entry);
  made.set(entry, program);
  return program;
}

async function make(entry: string): Promise<ProgramForAll> {
  const folder = await sharedFolder();
  if (COMPILED !== undefined && entry === "main.ts") {
    await Deno.chmod(folder, 0o755);
    return { deno: await programOfAll(folder, COMPILED) };
  }
  const bundleFolder = `${folder}/bundle`;
  let name = basename(entry).replace(/ts$/, "js");
  if (BUNDLE !== undefined && entry === "main.ts") {
    await copyFolder(dirname(BUNDLE), bundleFolder);
    name = basename(BUNDLE);
  } else {
    await bundle(`${ROOT}${entry}`, {
      folder: bundleFolder,
      deno: { path: Deno.execPath(), cwd: ROOT },
    });
  }
  await openForAll(folder);
  return { deno: await programOfAll(folder), entry: `${bundleFolder}/${name}` };
}

async function openForAll(folder: string): Promise<void> {
  await Deno.chmod(folder, 0o755);
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) await openForAll(`${folder}/${name}`);
    else await Deno.chmod(`${folder}/${name}`, 0o644);
  }
}
