import { lstatIfThere } from "../core/lstat_if_there.ts";

/**
 * Renames a file that cannot be read, so that nothing is ever deleted that support might still need.
 *
 * @returns The new path: the old one, `.unreadable-`, the time, and a number where that name is taken.
 */
export async function setAside(path: string, wallMs: number): Promise<string> {
  const stamp = new Date(wallMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  for (let number = 1;; number++) {
    const aside = `${path}.unreadable-${stamp}${number === 1 ? "" : `-${number}`}`;
    if (await lstatIfThere(aside) !== undefined) continue;
    await Deno.rename(path, aside);
    return aside;
  }
}
