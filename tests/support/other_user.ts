import { allOf, NEEDS_ROOT, needsProgram, type Requirement } from "./requirements.ts";
import { within } from "./patience.ts";

/** For what needs programs of other users. */
export const OTHER_USERS: Requirement = allOf(NEEDS_ROOT, needsProgram("setpriv"));

/** A script (one file, importing nothing), and what it is given. */
export interface ForeignScript {
  readonly script: URL;
  readonly args: readonly string[];
  /** One that the other user can enter. */
  readonly folder: string;
}

/** Runs a script as the given user; its standard output, parsed as JSON. */
export async function runAs(user: number, script: ForeignScript): Promise<unknown> {
  await using child = await startAs(user, script);
  const { stdout } = await within(child.output(), () => `${script.script} goes on as user ${user}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Starts a script as the given user; it is killed at the end of the block where it still runs. */
export async function startAs(
  user: number,
  { script, args, folder }: ForeignScript,
): Promise<Deno.ChildProcess> {
  const deno = await programOfAll(folder);
  const child = new Deno.Command("setpriv", {
    args: [
      ...[`--reuid=${user}`, `--regid=${user}`, "--clear-groups"],
      ...[deno, "run", "--quiet", "--no-config", "--allow-all", "-", ...args],
    ],
    cwd: "/",
    env: { DENO_DIR: `${folder}/cache-${user}`, NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  await (await Deno.open(script)).readable.pipeTo(child.stdin);
  return child;
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
