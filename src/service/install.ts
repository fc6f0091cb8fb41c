import { ifExists, lstatIfExists, replaceContent } from "../core/files.ts";
import { shellWord } from "../core/text.ts";
import { type ServiceDescription, type ServiceKind, writableFolders } from "./unit_file.ts";
import { describeError } from "../core/errors.ts";
import { nameOf } from "../core/paths.ts";
import { requireOwn, ServicePlaceError } from "./owner.ts";

/** The command that makes the folders which a service writes in, and which are not there; `undefined` where all are. */
export async function commandForFolders(service: ServiceDescription): Promise<string | undefined> {
  const there = await Promise.all(writableFolders(service).map(lstatIfExists));
  const missing = writableFolders(service).filter((_, i) => there[i] === undefined);
  if (missing.length === 0) return undefined;
  const owner = service.user === undefined ? [] : ["-o", service.user];
  const group = service.group === undefined ? [] : ["-g", service.group];
  return ["install", "-d", "-m", "700", ...owner, ...group, ...missing].map(shellWord).join(" ");
}

/** Where the system's service managers look. */
const FOLDERS: Readonly<Record<ServiceKind, string | undefined>> = {
  systemd: "/etc/systemd/system",
  launchd: "/Library/LaunchDaemons",
  windows: undefined,
};

/** What is to be typed when the file is there, or before it is gone. */
const NEXT: Readonly<Record<ServiceKind, (path: string, name: string) => string>> = {
  systemd: (_path, name) => `systemctl daemon-reload && systemctl enable --now ${name}`,
  launchd: (path) => `launchctl bootstrap system ${path}`,
  windows: (path) => path,
};

/**
 * Where a service's file belongs.
 *
 * @param folder Another folder than the service manager's.
 * @throws {ServicePlaceError} where there is none.
 */
export function servicePath(
  kind: ServiceKind,
  { fileName, folder = FOLDERS[kind] }: { fileName: string; folder?: string | undefined },
): string {
  if (folder !== undefined) return `${folder}/${fileName}`;
  throw new ServicePlaceError(
    "config.service",
    "a service of Windows is installed there: type the commands that `sentinel service print windows` prints",
  );
}

/**
 * Writes the file; one that is there is replaced if it may be (see {@linkcode requireOwn}).
 *
 * @returns What is to be typed next.
 * @throws {ServicePlaceError}
 */
export async function installService(
  kind: ServiceKind,
  { path, text, configPath }: { path: string; text: string; configPath: string },
): Promise<string> {
  await requireOwnFile(path, configPath);
  try {
    await replaceContent(path, new TextEncoder().encode(text), { mode: 0o644 });
  } catch (error) {
    throw unusable("written", path, error);
  }
  return NEXT[kind](path, nameOf(path));
}

/**
 * Removes the file, if it may be (see {@linkcode requireOwn}); whether there was one.
 *
 * @throws {ServicePlaceError}
 */
export async function uninstallService(path: string, configPath: string): Promise<boolean> {
  if (!await requireOwnFile(path, configPath)) return false;
  try {
    await Deno.remove(path);
    return true;
  } catch (error) {
    throw unusable("removed", path, error);
  }
}

/** Whether there is a file; one of somebody else's is left alone. */
async function requireOwnFile(path: string, configPath: string): Promise<boolean> {
  const text = await readIfThere(path);
  if (text !== undefined) await requireOwn(path, { text, configPath });
  return text !== undefined;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await ifExists(Deno.readTextFile(path));
  } catch (error) {
    throw unusable("read", path, error);
  }
}

function unusable(what: string, path: string, cause: unknown): ServicePlaceError {
  return cause instanceof Deno.errors.PermissionDenied
    ? new ServicePlaceError("permission.service", `${path} may not be ${what}: be root`, cause)
    : new ServicePlaceError(
      "config.service",
      `${path} cannot be ${what} (${describeError(cause)})`,
      cause,
    );
}
