import { dirname as posixDirname, resolve as posixResolve } from "@std/path/posix";
import { dirname as windowsDirname, resolve as windowsResolve } from "@std/path/windows";

/** A drive or a share: no path of any other system begins so, once it is absolute. */
const WINDOWS_ROOT = /^(?:[a-z]:[\\/]|\\\\)/i;

/** An absolute path; a relative one is below the current folder, or below `base`, which is absolute. */
export function resolve(path: string, base = path.startsWith("/") ? "/" : Deno.cwd()): string {
  return WINDOWS_ROOT.test(base) ? windowsResolve(base, path) : posixResolve(base, path);
}

/** The last part of an absolute path. */
export function nameOf(path: string): string {
  const end = WINDOWS_ROOT.test(path) ? /[^\\/]*$/ : /[^/]*$/;
  return end.exec(path)![0];
}

/** The folder that an absolute path is in. */
export function dirname(path: string): string {
  return WINDOWS_ROOT.test(path) ? windowsDirname(path) : posixDirname(path);
}
