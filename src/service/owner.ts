import { SentinelError } from "../core/errors.ts";

const MARK = /written by sentinel service for (.*?)(?: -->)?$/m;

export class ServicePlaceError extends SentinelError {
  constructor(code: "config.service" | "permission.service", message: string, cause?: unknown) {
    super(code, message, { cause });
  }
}

/** By this a definition is known to be ours, and whose; on one line, and without what ends a comment of XML. */
export function ownLaunchToken(configPath: string): string {
  const path = JSON.stringify(configPath).slice(1, -1).replaceAll(/-(?=-)/g, "\\u002d");
  return `written by sentinel service for ${path}`;
}

/**
 * Lets a service be replaced or removed that is ours and of this configuration, or of one that is not there any more.
 *
 * @param what Names the service.
 * @param text Its definition, or what else the mark is in.
 * @throws {ServicePlaceError} for any other.
 */
export async function requireOwn(
  what: string,
  { text, configPath }: { text: string; configPath: string },
): Promise<void> {
  const owner = readMark(text);
  if (owner === undefined) {
    throw new ServicePlaceError(
      "config.service",
      `${what} was not written by sentinel: remove it first`,
    );
  }
  const there = await realPath(owner);
  if (there === undefined || there === await realPath(configPath)) return;
  throw new ServicePlaceError(
    "config.service",
    `${what} is the service of ${owner}: give this one another name (--service-name)`,
  );
}

/** The configuration that a service was written for; `undefined` where the mark is not as we make it. */
function readMark(text: string): string | undefined {
  try {
    const mark = MARK.exec(text);
    return mark === null ? undefined : String(JSON.parse(`"${mark[1]}"`));
  } catch {
    return undefined;
  }
}

/** `undefined` where nothing is there; one that cannot be looked at is. */
async function realPath(path: string): Promise<string | undefined> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? undefined : path;
  }
}
