import { SentinelError } from "../core/errors.ts";

const MARK = /written by sentinel service for (.*?)(?: -->)?$/m;

export class ServiceError extends SentinelError {
  constructor(code: "config.service" | "permission.service", message: string, cause?: unknown) {
    super(code, message, { cause });
  }
}

/** Marks a service definition as written by sentinel for a configuration; one line, valid in an XML comment. */
export function createOwnershipMark(configPath: string): string {
  const path = JSON.stringify(configPath).slice(1, -1).replaceAll(/-(?=-)/g, "\\u002d");
  return `written by sentinel service for ${path}`;
}

/**
 * Checks that a service may be replaced or removed: its mark names this configuration, or one that no longer exists.
 *
 * @param what The service's name, for the message.
 * @param text The definition or another text with the mark.
 * @throws {ServiceError} if it may not.
 */
export async function requireOwnership(
  what: string,
  { text, configPath }: { text: string; configPath: string },
): Promise<void> {
  const owner = readMark(text);
  if (owner === undefined) {
    throw new ServiceError(
      "config.service",
      `${what} was not written by sentinel: remove it first`,
    );
  }
  const ownerPath = await resolveIfExists(owner);
  if (ownerPath === undefined || ownerPath === await resolveIfExists(configPath)) return;
  throw new ServiceError(
    "config.service",
    `${what} is the service of ${owner}: give this one another name (--service-name)`,
  );
}

/** The configuration that a service was written for; `undefined` without a valid mark. */
function readMark(text: string): string | undefined {
  try {
    const mark = MARK.exec(text);
    return mark === null ? undefined : String(JSON.parse(`"${mark[1]}"`));
  } catch {
    return undefined;
  }
}

/** Returns `undefined` if nothing is there, and the path itself if it cannot be resolved. */
async function resolveIfExists(path: string): Promise<string | undefined> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? undefined : path;
  }
}
