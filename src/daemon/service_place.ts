import { describeError, SentinelError } from "../core/errors.ts";
import { writeFreshSync } from "../core/fresh_file.ts";
import { nameOf } from "../core/paths.ts";
import { OWN_MARK, type ServiceKind } from "./service_file.ts";

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

export class ServicePlaceError extends SentinelError {
  constructor(code: "config.service" | "permission.service", message: string, cause?: unknown) {
    super(code, message, { cause });
  }
}

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
 * Writes the file; one that is there is replaced if it is ours.
 *
 * @returns What is to be typed next.
 * @throws {ServicePlaceError}
 */
export async function installService(
  kind: ServiceKind,
  { path, text }: { path: string; text: string },
): Promise<string> {
  await requireOwn(path);
  const temporary = `${path}.tmp`;
  try {
    writeFreshSync(temporary, text, { mode: 0o644 });
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw unusable("written", path, error);
  }
  return NEXT[kind](path, nameOf(path));
}

/**
 * Removes the file, if it is ours; whether there was one.
 *
 * @throws {ServicePlaceError}
 */
export async function uninstallService(path: string): Promise<boolean> {
  if (!await requireOwn(path)) return false;
  try {
    await Deno.remove(path);
    return true;
  } catch (error) {
    throw unusable("removed", path, error);
  }
}

/** Whether there is a file; one of somebody else's is left alone. */
async function requireOwn(path: string): Promise<boolean> {
  try {
    if ((await Deno.readTextFile(path)).includes(OWN_MARK)) return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw unusable("read", path, error);
  }
  throw new ServicePlaceError(
    "config.service",
    `${path} was not written by sentinel: remove it first`,
  );
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
