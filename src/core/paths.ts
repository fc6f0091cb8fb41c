import { dirname as posixDirname, resolve as posixResolve } from "@std/path/posix";
import { dirname as windowsDirname, resolve as windowsResolve } from "@std/path/windows";

/** A drive or a share; no absolute POSIX path matches. */
const WINDOWS_ROOT = /^(?:[a-z]:[\\/]|\\\\)/i;

/** Makes a path absolute, relative to `base` (absolute; default: the current folder). */
export function resolve(path: string, base = path.startsWith("/") ? "/" : Deno.cwd()): string {
  return WINDOWS_ROOT.test(base) ? windowsResolve(base, path) : posixResolve(base, path);
}

/** The last part of an absolute path. */
export function getFileName(path: string): string {
  const end = WINDOWS_ROOT.test(path) ? /[^\\/]*$/ : /[^/]*$/;
  return end.exec(path)![0];
}

/** The folder that contains an absolute path. */
export function dirname(path: string): string {
  return WINDOWS_ROOT.test(path) ? windowsDirname(path) : posixDirname(path);
}
