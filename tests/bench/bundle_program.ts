import { fromFileUrl } from "@std/path";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** Bundles the program into a folder; the path of its entry. */
export async function bundleProgram(folder: string): Promise<string> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--code-splitting", "--outdir", folder, `${ROOT}main.ts`],
    cwd: ROOT,
    stdout: "null",
    stderr: "null",
  }).output();
  if (!success) throw new Error("Cannot bundle main.ts");
  return `${folder}/main.js`;
}
