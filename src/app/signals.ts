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

/** Resolves with the first signal that asks the program to stop; a second one then has its default action. */
export function waitForStopSignal(program: ProgramName): Promise<Deno.Signal> {
  return new Promise((resolve) => {
    const remove = onSignal(program, "stop", (signal) => {
      remove();
      resolve(signal);
    });
  });
}

/** Has a program ignore SIGUSR1 for its life, at which the runtime lets debuggers in; to be called before keys are read. */
export function keepDebuggersOut(program: ProgramName, log: Logger): void {
  if (signalsFor(program, "ignore").length > 0 && !selectPlatform().keepInspectorShut()) {
    log.warn("a debugger may be let in by SIGUSR1: the permission --allow-ffi is missing");
  }
}
