import { ifExists, lstatIfExists, replaceContent } from "../core/files.ts";
import { quoteIfNeeded } from "../core/text.ts";
import { listWritableFolders, type ServiceDescription, type ServiceKind } from "./unit_file.ts";
import { describeError } from "../core/errors.ts";
import { getFileName } from "../core/paths.ts";
import { requireOwnership, ServiceError } from "./owner.ts";

/** The command that creates the service's missing writable folders; `undefined` if none is missing. */
export async function formatFolderCommand(
  service: ServiceDescription,
): Promise<string | undefined> {
  const there = await Promise.all(listWritableFolders(service).map(lstatIfExists));
  const missing = listWritableFolders(service).filter((_, i) => there[i] === undefined);
  if (missing.length === 0) return undefined;
  const owner = service.user === undefined ? [] : ["-o", service.user];
  const group = service.group === undefined ? [] : ["-g", service.group];
  return ["install", "-d", "-m", "700", ...owner, ...group, ...missing].map(quoteIfNeeded).join(
    " ",
  );
}

/** Folders of the service managers. */
const FOLDERS: Readonly<Record<ServiceKind, string | undefined>> = {
  systemd: "/etc/systemd/system",
  launchd: "/Library/LaunchDaemons",
  windows: undefined,
};

/** The command that starts the service after its file is installed. */
const NEXT: Readonly<Record<ServiceKind, (path: string, name: string) => string>> = {
  systemd: (_path, name) => `systemctl daemon-reload && systemctl enable --now ${name}`,
  launchd: (path) => `launchctl bootstrap system ${path}`,
  windows: (path) => path,
};

/**
 * Returns the path of a service's file.
 *
 * @param folder The folder (default: the service manager's).
 * @throws {ServiceError} for Windows without a folder.
 */
export function getServicePath(
  kind: ServiceKind,
  { fileName, folder = FOLDERS[kind] }: { fileName: string; folder?: string | undefined },
): string {
  if (folder !== undefined) return `${folder}/${fileName}`;
  throw new ServiceError(
    "config.service",
    "a Windows service must be installed on Windows: run the commands that `sentinel service print windows` prints",
  );
}

/**
 * Writes the file; replaces an existing one if {@linkcode requireOwnership} allows it.
 *
 * @returns The command to run next.
 * @throws {ServiceError}
 */
export async function installService(
  kind: ServiceKind,
  { path, text, configPath }: { path: string; text: string; configPath: string },
): Promise<string> {
  await requireFileOwnership(path, configPath);
  try {
    await replaceContent(path, new TextEncoder().encode(text), { mode: 0o644 });
  } catch (error) {
    throw createFileError("written", path, error);
  }
  return NEXT[kind](path, getFileName(path));
}

/**
 * Removes the file if {@linkcode requireOwnership} allows it.
 *
 * @returns Whether it existed.
 * @throws {ServiceError}
 */
export async function uninstallService(path: string, configPath: string): Promise<boolean> {
  if (!await requireFileOwnership(path, configPath)) return false;
  try {
    await Deno.remove(path);
    return true;
  } catch (error) {
    throw createFileError("removed", path, error);
  }
}

/** Returns whether the file exists; throws if it is not sentinel's. */
async function requireFileOwnership(path: string, configPath: string): Promise<boolean> {
  const text = await readIfExists(path);
  if (text !== undefined) await requireOwnership(path, { text, configPath });
  return text !== undefined;
}

async function readIfExists(path: string): Promise<string | undefined> {
  try {
    return await ifExists(Deno.readTextFile(path));
  } catch (error) {
    throw createFileError("read", path, error);
  }
}

function createFileError(what: string, path: string, cause: unknown): ServiceError {
  return cause instanceof Deno.errors.PermissionDenied
    ? new ServiceError("permission.service", `${path} cannot be ${what}: run as root`, cause)
    : new ServiceError(
      "config.service",
      `${path} cannot be ${what} (${describeError(cause)})`,
      cause,
    );
}
