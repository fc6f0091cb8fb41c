/** Paths of all files below a folder, relative to it, sorted; none if there is no such folder. */
export async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (!isDirectory) found.push(name);
      else found.push(...(await filesBelow(`${folder}/${name}`)).map((file) => `${name}/${file}`));
    }
  } catch (error) {
    // other users' folders hold nothing of ours
    if (error instanceof Deno.errors.NotFound) return [];
    if (error instanceof Deno.errors.PermissionDenied) return [];
    throw error;
  }
  return found.sort();
}
