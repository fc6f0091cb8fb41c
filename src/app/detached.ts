import { onSignal } from "./signals.ts";
import {
  type DetachOutcome,
  filterEnvironment,
  type OwnCommand,
  parseOwnCommand,
  startDetached,
} from "../daemon/detach.ts";
import { LICENSE_TEXT_VARIABLE } from "../license/license_source.ts";
import type { Platform } from "../platform/contract.ts";
import { selectPlatform } from "../platform/select.ts";
import { ConfigError } from "../core/errors.ts";

/** The command that started this program, without its own arguments; `undefined` if the system does not report it. */
export function findOwnCommand(platform: Platform): OwnCommand | undefined {
  const { args, build: { standalone: isStandalone } } = Deno;
  return parseOwnCommand({ platform, args, execPath: Deno.execPath(), isStandalone });
}

/** The environment of another instance of this program, with the license that this one has taken out of its own. */
export function ownEnvironment(licenseText: string | undefined): Record<string, string> {
  return {
    ...filterEnvironment(Deno.env.toObject(), { isStandalone: Deno.build.standalone }),
    ...(licenseText !== undefined && { [LICENSE_TEXT_VARIABLE]: licenseText }),
  };
}

/**
 * Starts this program in the background and waits until it is ready or has failed.
 *
 * @param args Arguments of the background process.
 * @param start `onLine` receives what the background process writes to standard error, line by line.
 */
export async function composeDetachedStart(
  { args, onLine, licenseText, sharesInput }: {
    readonly args: readonly string[];
    readonly onLine: (line: string) => void;
    readonly licenseText: string | undefined;
    /** Whether the background process reads its license from our standard input. */
    readonly sharesInput: boolean;
  },
): Promise<DetachOutcome> {
  const platform = selectPlatform();
  const command = findOwnCommand(platform);
  if (command === undefined) {
    throw new ConfigError(
      "config.daemonize",
      "cannot determine how sentinel was started: use --foreground",
    );
  }
  const stop = new AbortController();
  const unlisten = onSignal("detaching", "stop", () => stop.abort());
  try {
    const env = ownEnvironment(licenseText);
    return await startDetached({ command, args, env, onLine, sharesInput, signal: stop.signal });
  } finally {
    unlisten();
  }
}
