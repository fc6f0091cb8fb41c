import { onSignal } from "./signals.ts";
import {
  type DetachOutcome,
  filterEnvironment,
  type OwnCommand,
  parseOwnCommand,
  startDetached,
} from "../daemon/detach.ts";
import type { Platform } from "../platform/contract.ts";
import { selectPlatform } from "../platform/select.ts";
import { ConfigError } from "../core/errors.ts";

/** The command that started this program, without its own arguments; `undefined` if the system does not report it. */
export function findOwnCommand(platform: Platform): OwnCommand | undefined {
  const { args, build: { standalone: isStandalone } } = Deno;
  return parseOwnCommand({ platform, args, execPath: Deno.execPath(), isStandalone });
}

/**
 * Starts this program in the background and waits until it is ready or has failed.
 *
 * @param args Arguments of the background process.
 * @param onLine Receives what the background process writes to standard error, line by line.
 */
export async function composeDetachedStart(
  { args, onLine }: { args: readonly string[]; onLine: (line: string) => void },
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
    const env = filterEnvironment(Deno.env.toObject(), { isStandalone: Deno.build.standalone });
    return await startDetached({ command, args, env, onLine, signal: stop.signal });
  } finally {
    unlisten();
  }
}
