import type { Server } from "node:https";
import type { Clock } from "../core/clock.ts";
import { type Logger, throttledWarning } from "../core/log.ts";

/** A listening socket, seen below the runtime. */
export interface WatchedSocket {
  /** Whether a connection waits to be accepted. */
  hasWaiting(): boolean;
  /** Another descriptor of it, for the caller to close; `undefined` if there is none left. */
  duplicate(): { readonly fd: number; readonly socket: WatchedSocket } | undefined;
}

export interface AcceptWatchOptions {
  readonly server: Server;
  readonly socket: WatchedSocket;
  readonly clock: Clock;
  readonly log: Logger;
}

const LOOK_EVERY_MS = 250;

/** So many looks in a row at which a connection waits and none was accepted since the look before. */
const LOOKS_TO_DEAF = 2;

/**
 * Has a server of `node:https` go on accepting. Its loop ends without an event at the first connection for which there is no
 * descriptor, and nothing but another listener starts it again: one of the same socket, so that whatever waits is kept.
 * Idle connections are closed then. Until `signal` is aborted.
 */
export async function keepAccepting(
  { server, socket, clock, log }: AcceptWatchOptions,
  signal: AbortSignal,
): Promise<void> {
  const warn = throttledWarning({ log, clock });
  let watched = socket;
  let accepted = 0;
  const count = () => void accepted++;
  server.on("connection", count);
  for (let before = 0, looks = 0; !signal.aborted; before = accepted) {
    await clock.sleep(LOOK_EVERY_MS, signal);
    if (signal.aborted) break;
    looks = watched.hasWaiting() && accepted === before ? looks + 1 : 0;
    if (looks < LOOKS_TO_DEAF) continue;
    warn("idle connections are closed: cannot accept more: Too many open files");
    // what is idle is closed in any case, as that gives descriptors back
    server.closeIdleConnections();
    const copy = watched.duplicate();
    if (copy === undefined) continue;
    server.close();
    server.listen({ fd: copy.fd });
    watched = copy.socket;
    looks = 0;
  }
  server.off("connection", count);
}
