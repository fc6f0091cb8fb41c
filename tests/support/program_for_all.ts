import { fromFileUrl } from "@std/path";
import { denoForAll } from "./other_user.ts";

/** The program where every user can run it: bundled, so that it needs no cache of modules. */
export interface ProgramForAll {
  readonly deno: string;
  readonly entry: string;
}

let made: Promise<ProgramForAll> | undefined;

/** Made once, and gone with this process. */
export function programForAll(): Promise<ProgramForAll> {
  return made ??= make();
}

async function make(): Promise<ProgramForAll> {
  const folder = await Deno.makeTempDir({ prefix: "sentinel-test-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--code-splitting", "--outdir", `${folder}/bundle`],
      fromFileUrl(new URL("../../main.ts", import.meta.url)),
    ],
    stdout: "null",
  }).output();
  if (!success) throw new Error("Cannot bundle main.ts");
  await openForAll(folder);
  return { deno: await denoForAll(folder), entry: `${folder}/bundle/main.js` };
}

async function openForAll(folder: string): Promise<void> {
  await Deno.chmod(folder, 0o755);
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) await openForAll(`${folder}/${name}`);
    else await Deno.chmod(`${folder}/${name}`, 0o644);
  }
}
