import type { StopRequestSource } from "../agent/stop_request.ts";
import { aborted, type Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import type { SignalAction } from "../platform/contract.ts";
import { selectPlatform } from "../platform/select.ts";

/** The signals a program handles, on Unix and on Windows (console events). */
interface ProgramSignals {
  readonly unix: Partial<Record<Deno.Signal, SignalAction>>;
  readonly windows: Partial<Record<Deno.Signal, SignalAction>>;
}

/** Every handled signal, by program. Any other signal has its default action (signal(7)). */
export const SIGNALS = {
  /** `sentinel run` */
  run: {
    unix: {
      SIGTERM: "stop",
      SIGINT: "stop", // a second SIGINT kills the software at once
      SIGHUP: "reload", // reads the license again; stops if the terminal is gone
      SIGUSR1: "ignore",
      SIGCHLD: "reap",
      SIGWINCH: "resize",
    },
    windows: { SIGINT: "stop", SIGBREAK: "stop", SIGHUP: "stop" },
  },
  /** `sentinel daemon start`, in the foreground or detached */
  daemon: {
    unix: {
      SIGTERM: "stop",
      SIGINT: "stop", // a second SIGINT kills the software at once
      SIGHUP: "reload", // configuration, license and certificates
      SIGUSR1: "write_statistics", // to the log
      SIGUSR2: "toggle_debug",
      SIGCHLD: "reap",
      SIGWINCH: "resize",
    },
    windows: { SIGINT: "stop", SIGBREAK: "stop", SIGHUP: "stop" },
  },
  /** `sentinel daemon start`, while it waits for the detached daemon: stops that daemon */
  detaching: {
    unix: { SIGTERM: "stop", SIGINT: "stop" },
    windows: { SIGINT: "stop", SIGBREAK: "stop", SIGHUP: "stop" },
  },
  /** `sentinel server`; a second signal to stop has its default action */
  server: {
    unix: {
      SIGTERM: "stop",
      SIGINT: "stop",
      SIGHUP: "reload", // certificates, key, CA and revocation list
      SIGUSR1: "ignore",
      SIGCHLD: "reap",
    },
    windows: {}, // not supported
  },
  /** `sentinel vendor serve`; a second signal to stop has its default action */
  vendor_serve: {
    unix: { SIGTERM: "stop", SIGINT: "stop", SIGUSR1: "ignore" },
    windows: { SIGINT: "stop" },
  },
  /** A command that reads or creates a private key, and ends by itself */
  key_user: { unix: { SIGUSR1: "ignore" }, windows: {} },
  /** `sentinel client`, and every other command */
  client: { unix: {}, windows: {} },
} as const satisfies Record<string, ProgramSignals>;

export type ProgramName = keyof typeof SIGNALS;

/** The signals that trigger an action in a program on this system. */
function listSignals(program: ProgramName, action: SignalAction): Deno.Signal[] {
  const { unix, windows }: ProgramSignals = SIGNALS[program];
  const actions = selectPlatform().hasUnixSignals ? unix : windows;
  return (Object.keys(actions) as Deno.Signal[]).filter((signal) => actions[signal] === action);
}

/** Calls the listener on each signal that triggers the action. The returned function removes the listener. */
export function onSignal(
  program: ProgramName,
  action: SignalAction,
  listener: (signal: Deno.Signal) => void,
): () => void {
  const removals = listSignals(program, action).map((signal) => {
    const listen = () => listener(signal);
    Deno.addSignalListener(signal, listen);
    return () => Deno.removeSignalListener(signal, listen);
  });
  return () => removals.forEach((remove) => remove());
}

/** Follows `Received` in the log of a program that stops because of an uncaught error. */
const FAILURE = "an unexpected error";

/** Time for the software to stop after an uncaught error, before it is killed. */
const PATIENCE_MS = 20_000;

/** Stops a run once `failed` is aborted, unless the result has been disposed of. */
export function stopOnFailure(
  failed: AbortSignal,
  { stopRequest, clock }: { readonly stopRequest: StopRequestSource; readonly clock: Clock },
): Disposable {
  const over = new AbortController();
  aborted(failed).then(async () => {
    stopRequest.request(FAILURE);
    await clock.sleep(PATIENCE_MS, over.signal);
    if (!over.signal.aborted) stopRequest.forceStop();
  });
  return { [Symbol.dispose]: () => over.abort() };
}

/** Resolves to the first reason to stop: a signal, whose default action then applies to a second one, or an uncaught error. */
export function waitForStop(program: ProgramName, failed: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    aborted(failed).then(() => resolve(FAILURE));
    const remove = onSignal(program, "stop", (signal) => {
      remove();
      resolve(`signal ${signal}`);
    });
  });
}

/** Disables the runtime's inspector on SIGUSR1 for the life of the process. Call it before reading keys. */
export function keepDebuggersOut(program: ProgramName, log: Logger): void {
  if (listSignals(program, "ignore").length > 0 && !selectPlatform().disableInspectorSignal()) {
    log.warn("a debugger may be let in by SIGUSR1: the permission --allow-ffi is missing");
  }
}
