import { onSignal } from "./signals.ts";
import {
  type DetachOutcome,
  type OwnCommand,
  ownCommand,
  ownEnvironment,
  startDetached,
} from "../daemon/detach.ts";
import type { Platform } from "../platform/contract.ts";
import { selectPlatform } from "../platform/select.ts";
import { ConfigError } from "../core/errors.ts";

/** The command that this very program was started with, without its own arguments; `undefined` where the system does not tell. */
export function commandOfOurs(platform: Platform): OwnCommand | undefined {
  const { args, build: { standalone: isStandalone } } = Deno;
  return ownCommand({ platform, args, execPath: Deno.execPath(), isStandalone });
}

/**
 * Starts ourselves in the background and waits until that is ready, or has failed.
 *
 * @param args Our own arguments, for the one in the background.
 */
export async function composeDetachedStart(
  { args, onLine }: { args: readonly string[]; onLine: (line: string) => void },
): Promise<DetachOutcome> {
  const platform = selectPlatform();
  const command = commandOfOurs(platform);
  if (command === undefined) {
    throw new ConfigError(
      "config.daemonize",
      "this system does not tell how sentinel was started: use --foreground",
    );
  }
  const stop = new AbortController();
  const unlisten = onSignal("detaching", "stop", () => stop.abort());
  try {
    const env = ownEnvironment(Deno.env.toObject(), { isStandalone: Deno.build.standalone });
    return await startDetached({ command, args, env, onLine, signal: stop.signal });
  } finally {
    unlisten();
  }
}
