import type { Server } from "node:https";
import type { Clock } from "../core/clock.ts";
import { createThrottledWarning, type Logger } from "../core/log.ts";

/** A listening socket, accessed below the runtime. */
export interface WatchedSocket {
  /** Whether a connection is waiting to be accepted. */
  hasWaiting(): boolean;
  /** Duplicates its descriptor, for the caller to close; `undefined` if the process is out of descriptors. */
  duplicate(): { readonly fd: number; readonly socket: WatchedSocket } | undefined;
}

interface AcceptWatchOptions {
  readonly server: Server;
  readonly socket: WatchedSocket;
  readonly clock: Clock;
  readonly log: Logger;
}

const POLL_INTERVAL_MS = 250;

/** Consecutive polls with a waiting connection and none accepted, after which the server has stopped accepting. */
const POLLS_TO_STALLED = 2;

/**
 * Keeps a `node:https` server accepting until `signal` aborts. Its accept loop ends without an event when the process is out
 * of descriptors, and only a new listener restarts it: this listens again on the same socket, which keeps waiting
 * connections, and closes idle connections.
 */
export async function keepAccepting(
  { server, socket, clock, log }: AcceptWatchOptions,
  signal: AbortSignal,
): Promise<void> {
  const warn = createThrottledWarning({ log, clock });
  let watched = socket;
  let accepted = 0;
  const count = () => void accepted++;
  server.on("connection", count);
  for (let before = 0, polls = 0; !signal.aborted; before = accepted) {
    await clock.sleep(POLL_INTERVAL_MS, signal);
    if (signal.aborted) break;
    polls = watched.hasWaiting() && accepted === before ? polls + 1 : 0;
    if (polls < POLLS_TO_STALLED) continue;
    warn("idle connections are closed: cannot accept more: Too many open files");
    // even if duplicate() fails, this frees descriptors
    server.closeIdleConnections();
    const copy = watched.duplicate();
    if (copy === undefined) continue;
    server.close();
    server.listen({ fd: copy.fd });
    watched = copy.socket;
    polls = 0;
  }
  server.off("connection", count);
}
