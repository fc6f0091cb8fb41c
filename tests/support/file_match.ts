import { within } from "./patience.ts";

/**
 * The first match in a file of a folder or below it, now or once it is written.
 *
 * @throws {Error} with what the file has, if the match does not come.
 */
export async function fileMatch(
  folder: string,
  { name, pattern }: { readonly name: string; readonly pattern: RegExp },
): Promise<RegExpExecArray> {
  let text = "";
  using watcher = Deno.watchFs(folder);
  const events = watcher[Symbol.asyncIterator]();
  const find = async (): Promise<RegExpExecArray> => {
    for (;;) {
      text = await Deno.readTextFile(`${folder}/${name}`).catch(() => "");
      const found = pattern.exec(text);
      if (found !== null) return found;
      await events.next();
    }
  };
  return await within(find(), () => `Cannot find ${pattern} in ${name}:\n${text}`);
}
