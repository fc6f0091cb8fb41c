/** Why programs cannot be run as another user here; undefined where they can. */
export const NO_OTHER_USERS: string | undefined = await whyNot();

async function whyNot(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "needs root";
  try {
    await new Deno.Command("setpriv", { args: ["--version"], stdout: "null" }).output();
    return undefined;
  } catch {
    return "needs setpriv";
  }
}

/** Runs a script (one file, importing nothing) as the given user; its standard output, parsed as JSON. */
export async function runAs(
  user: number,
  { script, args, folder }: { script: URL; args: readonly string[]; folder: string },
): Promise<unknown> {
  const deno = await programOfAll(folder);
  await using child = new Deno.Command("setpriv", {
    args: [
      `--reuid=${user}`,
      `--regid=${user}`,
      "--clear-groups",
      deno,
      "run",
      "--quiet",
      "--no-config",
      "--allow-all",
      "-",
      ...args,
    ],
    cwd: "/",
    env: { DENO_DIR: `${folder}/cache-${user}`, NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const fed = (await Deno.open(script)).readable.pipeTo(child.stdin);
  const { stdout } = await child.output();
  await fed;
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** The runtime, or another program, may be in a folder that others cannot enter: another name for it in one that they can. */
export async function programOfAll(folder: string, program = Deno.execPath()): Promise<string> {
  const path = `${folder}/${program.slice(program.lastIndexOf("/") + 1)}`;
  try {
    await Deno.link(program, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return path;
    await Deno.copyFile(program, path);
  }
  return path;
}
