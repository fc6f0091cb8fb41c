import type { StopRequestSource } from "../agent/stop_request.ts";
import { aborted, type Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import type { SignalAction } from "../platform/contract.ts";
import { selectPlatform } from "../platform/select.ts";

/** What signals do to a program: on Unix, and on Windows, where console events stand in for them. */
interface ProgramSignals {
  readonly unix: Partial<Record<Deno.Signal, SignalAction>>;
  readonly windows: Partial<Record<Deno.Signal, SignalAction>>;
}

/** Every signal that has an effect of ours, by program. One that is missing has its default action (signal(7)). */
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
  /** `sentinel daemon start`, while it waits for the daemon that it detached: stops that one */
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
    windows: {}, // there is no server
  },
  /** `sentinel vendor serve`; a second signal to stop has its default action */
  vendor_serve: {
    unix: { SIGTERM: "stop", SIGINT: "stop", SIGUSR1: "ignore" },
    windows: { SIGINT: "stop" },
  },
  /** `sentinel client`, and every other command */
  client: { unix: {}, windows: {} },
} as const satisfies Record<string, ProgramSignals>;

export type ProgramName = keyof typeof SIGNALS;

/** The signals that have an action in a program, on this system. */
function signalsFor(program: ProgramName, action: SignalAction): Deno.Signal[] {
  const { unix, windows }: ProgramSignals = SIGNALS[program];
  const actions = selectPlatform().hasUnixSignals ? unix : windows;
  return (Object.keys(actions) as Deno.Signal[]).filter((signal) => actions[signal] === action);
}

/** Calls the listener on each signal that has the action, until the function that it returns is called. */
export function onSignal(
  program: ProgramName,
  action: SignalAction,
  listener: (signal: Deno.Signal) => void,
): () => void {
  const removals = signalsFor(program, action).map((signal) => {
    const listen = () => listener(signal);
    Deno.addSignalListener(signal, listen);
    return () => Deno.removeSignalListener(signal, listen);
  });
  return () => removals.forEach((remove) => remove());
}

/** What stands behind `Received` in the log of a program that stops at an error that nothing caught. */
const FAILURE = "an unexpected error";

/** How long a run that such an error ends asks its software, until it is killed. */
const PATIENCE_MS = 20_000;

/** Asks a run to stop once `failed` is aborted; until it is disposed of. */
export function stopOnFailure(
  failed: AbortSignal,
  { stopRequest, clock }: { readonly stopRequest: StopRequestSource; readonly clock: Clock },
): Disposable {
  const over = new AbortController();
  aborted(failed).then(async () => {
    stopRequest.request(FAILURE);
    await clock.sleep(PATIENCE_MS, over.signal);
    if (!over.signal.aborted) stopRequest.hurryUp();
  });
  return { [Symbol.dispose]: () => over.abort() };
}

/**
 * Resolves with what asks the program to stop first: a signal, after which a second one has its default action, or an error
 * that nothing caught.
 */
export function waitForStop(program: ProgramName, failed: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    aborted(failed).then(() => resolve(FAILURE));
    const remove = onSignal(program, "stop", (signal) => {
      remove();
      resolve(`signal ${signal}`);
    });
  });
}

/** Has a program ignore SIGUSR1 for its life, at which the runtime lets debuggers in; to be called before keys are read. */
export function keepDebuggersOut(program: ProgramName, log: Logger): void {
  if (signalsFor(program, "ignore").length > 0 && !selectPlatform().disableInspectorSignal()) {
    log.warn("a debugger may be let in by SIGUSR1: the permission --allow-ffi is missing");
  }
}
