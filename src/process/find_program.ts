/**
 * The file that a command names: itself where it has a slash, else the first executable file of that name in the folders of
 * `searchPath`; itself again where there is none, for the launch to say so.
 */
export async function findProgram(
  command: string,
  searchPath: string | undefined,
): Promise<string> {
  if (command.includes("/")) return command;
  for (const folder of (searchPath ?? "/usr/local/bin:/usr/bin:/bin").split(":")) {
    const path = `${folder || "."}/${command}`;
    if (await isExecutableFile(path)) return path;
  }
  return command;
}

async function isExecutableFile(path: string): Promise<boolean> {
  try {
    const { isFile, mode } = await Deno.stat(path);
    return isFile && ((mode ?? 0) & 0o111) !== 0;
  } catch {
    return false;
  }
}
