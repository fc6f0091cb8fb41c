export * from "../../../src/core/files.ts";

/** For `src/core/files.ts`: writes through whatever is at the path, as the usual ways of opening a file do. */
export async function openFresh(path: string, { mode }: { mode: number }): Promise<Deno.FsFile> {
  return await Deno.open(path, { write: true, create: true, truncate: true, mode });
}

export function writeFreshSync(path: string, text: string, options: { mode: number }): void {
  Deno.writeTextFileSync(path, text, options);
}
