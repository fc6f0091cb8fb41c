import { fromFileUrl } from "@std/path";
import { needsProgram, POSIX, type Requirement } from "../requirements.ts";

const ROOT = fromFileUrl(new URL("../../..", import.meta.url));

/** For tests that clone the sources and run scripts in the clone, as CI does. */
export const CLONING: readonly Requirement[] = [
  POSIX,
  needsProgram("git"),
  needsProgram("bash"),
  needsProgram("sha256sum"),
  { need: "sources that git cloned", met: exists(`${ROOT}.git`) },
];

/**
 * Runs git without the user's configuration and without the repository that a hook of git's names in its environment; what
 * it printed.
 */
export async function runGit(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("git", {
    args: ["-c", "safe.directory=*", ...args],
    env: { PATH: Deno.env.get("PATH") ?? "", GIT_CONFIG_NOSYSTEM: "1" },
    clearEnv: true,
    stdin: "null",
  }).output();
  const utf8 = new TextDecoder();
  if (!success) throw new Error(`git ${args.join(" ")}: ${utf8.decode(stderr)}`);
  return utf8.decode(stdout);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch {
    return false;
  }
}

/**
 * Makes a repository of the files here that git tracks, as they are now, with a branch `main` and a tag; its changelog names
 * the version, as it does before a release.
 */
export async function makeSourcesRepository(
  folder: string,
  { tag, version }: { tag: string; version: string },
): Promise<void> {
  const tracked = await runGit("-C", ROOT, "ls-files", "-z");
  for (const name of tracked.split("\0").filter((name) => name !== "")) {
    const target = `${folder}/${name}`;
    await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
    // a file that was removed is still tracked until it is committed
    if (exists(ROOT + name)) await Deno.copyFile(ROOT + name, target);
  }
  const changelog = `${folder}/CHANGELOG.md`;
  const text = await Deno.readTextFile(changelog);
  if (!text.includes(`## [${version}]`)) {
    const heading = `## [Unreleased]\n\n## [${version}] - 2026-01-31`;
    await Deno.writeTextFile(changelog, text.replace("## [Unreleased]", heading));
  }
  await commitAll(folder);
  await runGit("-C", folder, "tag", tag);
}

/** Makes a repository of a folder, with all of its files in one commit on `main`. */
export async function commitAll(folder: string): Promise<void> {
  const git = (...args: string[]) => runGit("-C", folder, ...args);
  await git("init", "--quiet", "--initial-branch", "main");
  await git("add", "--all");
  await git(
    ...["-c", "user.name=Sentinel", "-c", "user.email=sentinel@example.com"],
    ...["-c", "commit.gpgSign=false", "commit", "--quiet", "--message", "Release"],
  );
}
